/* SPDX-License-Identifier: MIT */
#include "collector.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Every cycle that ends here is judged by a marking from scratch (mark/audit),
 * since verify is on: an object that was lost ends the test.
 */

enum { NODES = 20000, WORDS = 6, THREADS = 4, CYCLES = 12 };

struct node {
  struct node *to[WORDS - 2];
  uintptr_t name;  /* not an address */
  uintptr_t check; /* ~name */
};

static struct node *root[NODES];

static void set_up(void) {
  collector_setup();
  cgc_options.mode = CGC_MODE_INCREMENTAL;
  cgc_options.pause_target = 10000;
}

static bool is_possible(void) {
  struct cgc_barrier barrier = {.nround = 0};
  bool possible = cgc_barrier_open(&barrier, &cgc_heap) == 0;
  cgc_barrier_close(&barrier);
  return possible;
}

/* MODE: both modes, then both with young cycles. */
static void use_mode(int mode) {
  enum { FIRST = CGC_MODE_INCREMENTAL, MODES = 2 };
  cgc_options.mode = FIRST + (mode - FIRST) % MODES;
  cgc_heap.arena.sticky = mode >= FIRST + MODES;
  if (!is_possible())
    exit(EXIT_SUCCESS); /* a kernel that keeps no record of writes */
}

/* Cycles are for the test to ask for, not for a heap that runs full. */
static bool has_room(void) { return cgc_heap_in_use(&cgc_heap) < 16 * CGC_MIB; }

static void step(void) {
  int err = cgc_cycle_collect(CGC_CYCLE_STRESS);
  cgc_check(err == 0 || err == -EBUSY);
}

static uint64_t ncycles(void) { return cgc_cycle_counters.ncycles; }

/* Steps until a cycle that began after now is over. */
static void run_cycles(int n) {
  for (uint64_t goal = ncycles() + (uint64_t)n; ncycles() < goal;)
    step();
}

static struct node *new_node(uintptr_t name) {
  struct node *n = collector_alloc(CGC_KIND_SCAN, sizeof *n);
  n->name = name;
  n->check = ~name;
  return n;
}

static void check_from(const struct node *n, int depth) {
  cgc_check(n->check == ~n->name);
  cgc_check(collector_is_live((uintptr_t)n));
  for (int i = 0; i < WORDS - 2 && depth > 0; i++)
    if (n->to[i])
      check_from(n->to[i], depth - 1);
}

/* What only a pinned object leads to; its own address is not to be seen. */
static uintptr_t pinned[THREADS];

static struct node **pin(int i) {
  if (!pinned[i])
    pinned[i] = ~(uintptr_t)collector_alloc(CGC_KIND_PINNED, sizeof(void *));
  return (struct node **)~pinned[i];
}

static void check_all(void) {
  for (int i = 0; i < THREADS; i++)
    if (*pin(i))
      check_from(*pin(i), 4);
  for (int i = 0; i < NODES; i++)
    if (root[i])
      check_from(root[i], 4);
}

/* One change of the graph of ROOT[FROM, END), as programs make them. */
static void mutate(struct unit_random *r, int from, int end) {
  uint64_t n = (uint64_t)(end - from);
  int a = from + (int)unit_below(r, n), b = from + (int)unit_below(r, n);
  int i = (int)unit_below(r, WORDS - 2), k = (int)unit_below(r, WORDS - 2);
  struct node *fresh = NULL;
  switch (unit_below(r, 6)) {
  case 0: /* a new one, reachable from an old one only */
    fresh = new_node((uintptr_t)unit_below(r, 1 << 20));
    if (root[a])
      root[a]->to[i] = fresh;
    break;
  case 1: /* from one black object's word to another's */
    if (root[a] && root[b] && root[a]->to[i]) {
      root[b]->to[k] = root[a]->to[i];
      root[a]->to[i] = NULL;
    }
    break;
  case 2: /* out of the heap into a root, and back */
    if (root[a] && root[a]->to[i]) {
      struct node *moved = root[a]->to[i];
      root[a]->to[i] = root[b];
      root[b] = moved;
    }
    break;
  case 3:
    root[a] = new_node((uintptr_t)a);
    root[a]->to[i] = root[b];
    break;
  case 4: /* from a root to a pinned object, and back */
    fresh = *pin(from * THREADS / NODES);
    *pin(from * THREADS / NODES) = root[a];
    root[a] = fresh;
    break;
  default:
    root[a] = NULL;
  }
}

START_TEST(a_cycle_in_steps_keeps_what_is_reachable_and_reclaims_the_rest) {
  use_mode(_i);
  uintptr_t hidden[NODES];
  for (int i = 0; i < NODES; i++) {
    struct node *n = new_node((uintptr_t)i);
    hidden[i] = ~(uintptr_t)n;
    root[i] = i % 4 ? NULL : n;
  }
  run_cycles(2);
  int live = 0;
  for (int i = 0; i < NODES; i++)
    live += collector_is_live(~hidden[i]);
  check_all();
  cgc_check(cgc_mutator_enter(cgc_self));
  cgc_heap_sweep_all(&cgc_heap);
  cgc_mutator_leave(cgc_self);
  for (int i = live = 0; i < NODES; i++)
    live += collector_is_live(~hidden[i]);
  ck_assert_int_ge(live, NODES / 4);
  ck_assert_int_le(live, NODES / 4 + NODES / 20);
  ck_assert_uint_ge(cgc_cycle_counters.last.nstops, 3);
}
END_TEST

START_TEST(a_graph_that_changes_at_every_step_loses_nothing) {
  struct unit_random r = unit_random();
  use_mode(_i);
  for (int i = 0; i < 5 * NODES; i++)
    mutate(&r, 0, NODES);
  while (ncycles() < CYCLES) {
    for (uint64_t n = unit_below(&r, 300); n > 0 && has_room(); n--)
      mutate(&r, 0, NODES);
    step();
  }
  check_all();
}
END_TEST

static _Atomic bool done;

static void *mutate_on(void *arg) {
  int share = NODES / THREADS, from = (int)(intptr_t)arg * share;
  struct unit_random r = {(uint64_t)from * 2 + 99};
  cgc_check(cgc_mutator_register() != NULL);
  while (!atomic_load(&done))
    if (has_room())
      mutate(&r, from, from + share);
    else
      sched_yield();
  return NULL;
}

START_TEST(threads_that_change_the_graph_lose_nothing) {
  pthread_t threads[THREADS];
  use_mode(_i);
  for (intptr_t i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, mutate_on, (void *)i);
  run_cycles(CYCLES);
  atomic_store(&done, true);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  check_all();
}
END_TEST

static void free_large(void *p) {
  cgc_check(cgc_mutator_enter(cgc_self));
  struct cgc_object o = private_object(&cgc_heap, p);
  cgc_heap_free_large(&cgc_heap, o.span);
  cgc_mutator_leave(cgc_self);
}

START_TEST(large_objects_come_and_go_while_it_marks) {
  struct unit_random r = unit_random();
  static void **large[20];
  use_mode(_i);
  for (int life = 0; ncycles() < CYCLES; life++) {
    int i = (int)unit_below(&r, 20);
    step();
    if (large[i] && unit_below(&r, 2))
      free_large(large[i]);
    large[i] = NULL;
    if (!has_room())
      continue;
    size_t size = CGC_SMALL_MAX + 1 + unit_below(&r, 2000000);
    large[i] = collector_alloc(CGC_KIND_SCAN, size);
    large[i][size / sizeof(void *) / 2] = new_node((uintptr_t)life);
    large[i][0] = (void *)(uintptr_t)life;
  }
  for (int i = 0; i < 20; i++)
    if (large[i])
      ck_assert(collector_is_live((uintptr_t)large[i]));
}
END_TEST

/* The stages are passed one by one; each is left by another way out. */
START_TEST(a_collection_in_between_cuts_it_short) {
  struct unit_random r = unit_random();
  use_mode(_i);
  for (int n = 0; n < 60; n++) {
    for (int i = 0; i < 500; i++)
      mutate(&r, 0, NODES);
    for (int i = 0; i < n % 20; i++)
      step();
    collector_collect();
    check_all();
  }
  run_cycles(2);
  check_all();
}
END_TEST

static int child_collects(void) {
  struct unit_random r = {12345};
  cgc_lock_reset_all();
  cgc_mutator_fork_child();
  cgc_cycle_fork_child();
  for (int i = 0; i < 300; i++)
    mutate(&r, 0, NODES);
  run_cycles(2);
  collector_collect();
  check_all();
  return 0;
}

START_TEST(a_forked_child_begins_anew) {
  struct unit_random r = unit_random();
  use_mode(_i);
  for (int i = 0; i < 5000; i++)
    mutate(&r, 0, NODES);
  for (int n = 0; n < 30; n++) {
    int status;
    step();
    pid_t pid = fork();
    if (pid == 0)
      _exit(child_collects());
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
  }
  run_cycles(1);
  check_all();
}
END_TEST

/* From the first cycle on, which is full. */
START_TEST(a_young_cycle_reclaims_what_is_new_and_keeps_what_is_old) {
  uintptr_t old[NODES], fresh[NODES], late[NODES];
  use_mode(_i);
  for (int i = 0; i < NODES; i++) {
    root[i] = new_node((uintptr_t)i);
    old[i] = ~(uintptr_t)root[i];
  }
  run_cycles(1);
  ck_assert(!cgc_cycle_counters.last.young);
  for (int i = 0; i < NODES; i++) {
    fresh[i] = ~(uintptr_t)new_node((uintptr_t)i);
    if (i % 10 == 0) /* by an old one alone, on some pages */
      root[i]->to[1] = new_node((uintptr_t)i);
    late[i] = ~(uintptr_t)root[i]->to[1];
    root[i] = i % 2 ? NULL : root[i];
  }
  run_cycles(1);
  ck_assert(cgc_cycle_counters.last.young);
  check_all();
  cgc_check(cgc_mutator_enter(cgc_self));
  cgc_heap_sweep_all(&cgc_heap);
  cgc_mutator_leave(cgc_self);
  int nfresh = 0;
  for (int i = 0; i < NODES; i++) {
    ck_assert(collector_is_live(~old[i]));
    ck_assert(i % 10 || collector_is_live(~late[i]));
    nfresh += collector_is_live(~fresh[i]);
  }
  ck_assert_int_le(nfresh, NODES / 20);
  collector_collect();
  run_cycles(1);
  ck_assert(!cgc_cycle_counters.last.young);
}
END_TEST

START_TEST(what_is_allocated_while_it_marks_may_die_at_its_end) {
  uintptr_t fresh[NODES];
  int n = 0, nfresh = 0;
  use_mode(_i);
  for (int i = 0; i < NODES; i++)
    root[i] = new_node((uintptr_t)i);
  while (ncycles() == 0) {
    step();
    bool marks = atomic_load(&cgc_phase) == CGC_PHASE_MARK;
    for (int i = 0; marks && i < 100 && n < NODES; i++)
      fresh[n++] = ~(uintptr_t)new_node((uintptr_t)i);
  }
  cgc_check(cgc_mutator_enter(cgc_self));
  cgc_heap_sweep_all(&cgc_heap);
  cgc_mutator_leave(cgc_self);
  for (int i = 0; i < n; i++)
    nfresh += collector_is_live(~fresh[i]);
  ck_assert_int_gt(n, 0);
  ck_assert_int_le(nfresh, 10 + n / 20);
  check_all();
}
END_TEST

enum { TABLE_PAGES = 4096, AT_ONCE = 30 };

static void **table;

/* A program that writes to many pages between any two steps. */
static void *write_and_step(void *arg) {
  struct unit_random r = {(uint64_t)(intptr_t)arg * 2 + 77};
  while (ncycles() < 3) {
    for (int i = 0; i < AT_ONCE; i++)
      table[unit_below(&r, TABLE_PAGES) * 512] =
          table[unit_below(&r, TABLE_PAGES) * 512];
    step();
  }
  return NULL;
}

static void *write_and_step_in_thread(void *arg) {
  cgc_check(cgc_mutator_register() != NULL);
  return write_and_step(arg);
}

static void begin_to_write(int mode) {
  use_mode(mode);
  cgc_options.pause_target = 1000000000; /* 64 pages at least */
  table = collector_alloc(CGC_KIND_SCAN, TABLE_PAGES * CGC_OS_PAGE);
  for (int i = 0; i < TABLE_PAGES; i++)
    table[i * 512] = new_node((uintptr_t)i);
}

static void check_rounds(void) {
  ck_assert(!cgc_cycle_counters.last.all_at_once);
  ck_assert_uint_gt(cgc_cycle_counters.last.nrounds, 0);
  ck_assert_uint_gt(cgc_cycle_counters.last.rescanned, 0);
}

START_TEST(it_ends_in_time_however_much_is_written) {
  begin_to_write(_i);
  write_and_step(NULL);
  check_rounds();
}
END_TEST

START_TEST(it_ends_in_time_however_many_threads_write) {
  pthread_t threads[THREADS];
  begin_to_write(_i);
  for (intptr_t i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, write_and_step_in_thread, (void *)i);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  check_rounds();
}
END_TEST

START_TEST(objects_described_by_their_kind_make_it_stand) {
  use_mode(CGC_MODE_CONCURRENT);
  ck_assert_int_ge(cgc_heap_add_kind(&cgc_heap), 0);
  step();
  ck_assert_uint_eq(ncycles(), 1);
  ck_assert_uint_eq(cgc_cycle_counters.last.nstops, 1);
}
END_TEST

int main(void) {
  const int first = CGC_MODE_INCREMENTAL, end = CGC_MODE_CONCURRENT + 3;
  Suite *suite = suite_create("beside");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_loop_test(
      core, a_cycle_in_steps_keeps_what_is_reachable_and_reclaims_the_rest,
      first, end);
  tcase_add_loop_test(core,
                      a_young_cycle_reclaims_what_is_new_and_keeps_what_is_old,
                      CGC_MODE_CONCURRENT + 1, end);
  tcase_add_loop_test(core, what_is_allocated_while_it_marks_may_die_at_its_end,
                      first, CGC_MODE_CONCURRENT);
  tcase_add_loop_test(core, a_graph_that_changes_at_every_step_loses_nothing,
                      first, end);
  tcase_add_loop_test(core, large_objects_come_and_go_while_it_marks, first,
                      end);
  tcase_add_loop_test(core, a_collection_in_between_cuts_it_short, first, end);
  tcase_add_loop_test(core, it_ends_in_time_however_much_is_written, first,
                      end);
  tcase_add_test(core, objects_described_by_their_kind_make_it_stand);
  suite_add_tcase(suite, core);
  TCase *concurrent = tcase_create("concurrent");
  tcase_add_checked_fixture(concurrent, set_up, NULL);
  tcase_add_loop_test(concurrent, threads_that_change_the_graph_lose_nothing,
                      first, end);
  tcase_add_loop_test(concurrent, it_ends_in_time_however_many_threads_write,
                      first, end);
  tcase_add_loop_test(concurrent, a_forked_child_begins_anew, first, end);
  suite_add_tcase(suite, concurrent);
  return unit_run(suite);
}
