/* SPDX-License-Identifier: MIT */
#include "collector.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OBJECTS = 5000, THREADS = 4, MASK = 0x5a5a5a5a };

/* Addresses that the collector must not recognize. */
static uintptr_t hidden[OBJECTS];
static void *kept[OBJECTS];

static void *reveal(int i) { return (void *)~hidden[i]; }

static CGC_NOINLINE void make_objects(enum cgc_kind kind, int keep_each) {
  for (int i = 0; i < OBJECTS; i++) {
    void *p = collector_alloc(kind, 16 + (size_t)i % 2000);
    *(int *)p = i;
    hidden[i] = ~(uintptr_t)p;
    kept[i] = keep_each && i % keep_each == 0 ? p : NULL;
  }
}

static int count_live(void) {
  int n = 0;
  for (int i = 0; i < OBJECTS; i++)
    n += collector_is_live((uintptr_t)reveal(i));
  return n;
}

START_TEST(what_data_points_to_survives_and_the_rest_does_not) {
  make_objects(CGC_KIND_SCAN, 2);
  collector_collect();
  for (int i = 0; i < OBJECTS; i += 2) {
    ck_assert(collector_is_live((uintptr_t)kept[i]));
    ck_assert_int_eq(*(int *)kept[i], i);
  }
  ck_assert_int_le(count_live(), OBJECTS / 2 + OBJECTS / 20);
}
END_TEST

START_TEST(what_the_stack_points_to_survives) {
  void *volatile p = collector_alloc(CGC_KIND_SCAN, 100);
  void *volatile *q = collector_alloc(CGC_KIND_SCAN, 100);
  *q = collector_alloc(CGC_KIND_SCAN, 50);
  collector_collect();
  ck_assert(collector_is_live((uintptr_t)p));
  ck_assert(collector_is_live((uintptr_t)*q));
}
END_TEST

START_TEST(pinned_objects_survive_without_a_pointer) {
  make_objects(CGC_KIND_PINNED_NOSCAN, 0);
  collector_collect();
  ck_assert_int_eq(count_live(), OBJECTS);
}
END_TEST

START_TEST(a_list_survives_many_cycles) {
  void **head = NULL;
  for (int i = 0; i < OBJECTS; i++) {
    void **next = collector_alloc(CGC_KIND_SCAN, 16);
    next[0] = head;
    next[1] = (void *)(intptr_t)i;
    kept[0] = head = next;
    for (int k = 0; k < 5; k++)
      collector_alloc(CGC_KIND_SCAN, 100);
    if (i % 500 == 0)
      collector_collect();
  }
  for (int i = OBJECTS; i-- > 0; head = head[0])
    ck_assert_int_eq((int)(intptr_t)head[1], i);
}
END_TEST

START_TEST(the_report_says_what_happened) {
  make_objects(CGC_KIND_SCAN, 1);
  collector_collect();
  const struct cgc_cycle_report *r = &cgc_cycle_counters.last;
  ck_assert_uint_eq(cgc_cycle_counters.ncycles, 1);
  ck_assert_uint_eq(r->number, 1);
  ck_assert_int_eq(r->reason, CGC_CYCLE_ASKED);
  ck_assert_uint_ge(r->marked_objects, OBJECTS);
  ck_assert_uint_ge(r->live_bytes, OBJECTS * 500);
  ck_assert_uint_ge(r->before_bytes, r->live_bytes);
  ck_assert_uint_ge(r->heap_bytes, r->before_bytes);
  ck_assert_uint_gt(r->root_bytes, sizeof kept);
  ck_assert_uint_gt(r->pause_ns, 0);
  ck_assert_uint_ge(r->trigger_bytes, r->live_bytes);
  ck_assert_int_eq(cgc_phase, CGC_PHASE_IDLE);
}
END_TEST

START_TEST(in_use_after_a_cycle_is_what_is_live) {
  make_objects(CGC_KIND_PINNED, 0);
  collector_collect();
  size_t before = cgc_heap_in_use(&cgc_heap);
  ck_assert_uint_ge(before, OBJECTS * 500);
  collector_collect();
  ck_assert_uint_eq(cgc_heap_in_use(&cgc_heap), before);
}
END_TEST

static unsigned markers_of_next(void) {
  for (int i = 0; i < 1000; i++)
    collector_alloc(CGC_KIND_NOSCAN, 15000);
  collector_collect();
  return cgc_cycle_counters.last.nmarkers;
}

START_TEST(garbage_alone_needs_no_second_marker) {
  cgc_options.markers = 2;
  ck_assert_uint_eq(markers_of_next(), 2); /* it might be alive */
  ck_assert_uint_eq(markers_of_next(), 1);
  for (int i = 0; i < 1000; i++)
    kept[i] = collector_alloc(CGC_KIND_NOSCAN, 15000);
  ck_assert_uint_eq(markers_of_next(), 1);
  ck_assert_uint_eq(markers_of_next(), 2);
}
END_TEST

START_TEST(growth_to_the_trigger_is_due) {
  ck_assert(!cgc_cycle_due());
  while (!cgc_cycle_due())
    collector_alloc(CGC_KIND_NOSCAN, 100000);
  ck_assert_uint_ge(cgc_heap_in_use(&cgc_heap), CGC_MIB);
  collector_collect();
  ck_assert(!cgc_cycle_due());
}
END_TEST

START_TEST(nothing_is_collected_while_cycles_are_off) {
  cgc_cycle_disable();
  cgc_cycle_disable();
  cgc_cycle_enable();
  ck_assert(cgc_cycle_is_disabled());
  ck_assert_int_eq(cgc_cycle_collect(CGC_CYCLE_ASKED), -EAGAIN);
  cgc_cycle_enable();
  ck_assert(!cgc_cycle_is_disabled());
  ck_assert_int_eq(cgc_cycle_collect(CGC_CYCLE_ASKED), 0);
}
END_TEST

START_TEST(a_busy_thread_cannot_collect) {
  cgc_check(cgc_mutator_enter(cgc_self));
  ck_assert_int_eq(cgc_cycle_collect(CGC_CYCLE_ASKED), -EBUSY);
  cgc_mutator_leave(cgc_self);
  ck_assert_int_eq(cgc_cycle_collect(CGC_CYCLE_ASKED), 0);
}
END_TEST

static unsigned nmarked, nfinished;

static void on_marked(struct cgc_heap *heap) {
  struct cgc_object obj = private_object(heap, kept[0]);
  nmarked += cgc_object_is_marked(&heap->arena, &obj);
}

static void on_finished(const struct cgc_cycle_report *report) {
  nfinished += report->number == nmarked;
}

START_TEST(hooks_are_called_once_for_each_cycle) {
  make_objects(CGC_KIND_SCAN, 1);
  cgc_cycle_marked_hook = on_marked;
  cgc_cycle_finished_hook = on_finished;
  for (int i = 0; i < 3; i++)
    collector_collect();
  ck_assert_uint_eq(nmarked, 3);
  ck_assert_uint_eq(nfinished, 3);
}
END_TEST

static void count_call(void *obj, void *data) {
  (void)obj;
  (void)data;
}

static CGC_NOINLINE void make_finalizable(void **link) {
  void *p = collector_alloc(CGC_KIND_SCAN, 64);
  hidden[0] = ~(uintptr_t)p;
  *link = reveal(0);
  cgc_check(cgc_mutator_enter(cgc_self));
  cgc_final_register(p, count_call, NULL, CGC_FINAL_ORDERED, NULL, NULL);
  cgc_link_register(link, p, false);
  cgc_mutator_leave(cgc_self);
}

START_TEST(a_cycle_finds_dead_objects_with_finalizers_and_links) {
  for (int i = 0; i < 100; i++) {
    void **link = collector_alloc(CGC_KIND_PINNED_NOSCAN, 16);
    make_finalizable(link);
    kept[i] = link;
  }
  collector_collect();
  int cleared = 0;
  for (int i = 0; i < 100; i++)
    cleared += *(void **)kept[i] == NULL;
  ck_assert_int_ge(cleared, 95);
  ck_assert_uint_eq(cgc_final_ready(), (size_t)cleared);
}
END_TEST

/* ---- Threads ---------------------------------------------------------- */

static atomic_bool stop;

/* A list on this thread's stack alone, made anew while others collect. */
static void *build_lists(void *ctx) {
  void *error = NULL;
  cgc_mutator_register();
  while (!atomic_load(&stop) && !error) {
    void **head = NULL;
    for (int i = 0; i < 300; i++) {
      void **next = collector_alloc(CGC_KIND_SCAN, 16 + (size_t)i);
      next[0] = head;
      next[1] = (void *)(intptr_t)(MASK ^ i);
      head = next;
    }
    for (int i = 300; i-- > 0; head = head[0])
      if (head[1] != (void *)(intptr_t)(MASK ^ i))
        error = ctx;
  }
  cgc_mutator_unregister(cgc_self);
  return error;
}

START_TEST(lists_on_other_threads_stacks_survive) {
  pthread_t threads[THREADS];
  void *error;
  cgc_options.stress = 1; /* what is reclaimed is poisoned */
  for (int i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, build_lists, "an object was lost");
  for (int i = 0; i < 200; i++)
    ck_assert_int_eq(cgc_cycle_collect(CGC_CYCLE_ASKED), 0);
  atomic_store(&stop, true);
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], &error);
    ck_assert_msg(!error, "%s", (char *)error);
  }
  cgc_verify_heap(&cgc_heap);
}
END_TEST

/* Nobody but the kernel knows where it is. */
static CGC_NOINLINE void take_alternate_stack(uintptr_t *name) {
  stack_t stack = {.ss_sp = collector_alloc(CGC_KIND_SCAN, 64 << 10),
                   .ss_size = 64 << 10};
  ck_assert_int_eq(sigaltstack(&stack, NULL), 0);
  *name = ~(uintptr_t)stack.ss_sp;
}

static void *wait_with_alternate_stack(void *name) {
  cgc_mutator_register();
  take_alternate_stack(name);
  threads_ready();
  while (!atomic_load(&stop))
    usleep(1000);
  cgc_mutator_unregister(cgc_self);
  return NULL;
}

START_TEST(alternate_signal_stacks_survive) {
  pthread_t threads[THREADS];
  static uintptr_t names[THREADS + 1];
  for (int i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, wait_with_alternate_stack, &names[i]);
  threads_wait_ready(THREADS);
  take_alternate_stack(&names[THREADS]);
  make_objects(CGC_KIND_SCAN, 0); /* what old frames hold is overwritten */
  collector_collect();
  for (int i = 0; i <= THREADS; i++)
    ck_assert_msg(collector_is_live(~names[i]), "that of thread %d", i);
  atomic_store(&stop, true);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
}
END_TEST

static void *collect_often(void *ctx) {
  cgc_mutator_register();
  for (int i = 0; i < 50; i++)
    if (cgc_cycle_collect(CGC_CYCLE_ASKED) != 0)
      return "not collected";
  cgc_mutator_unregister(cgc_self);
  return ctx;
}

START_TEST(threads_may_ask_for_cycles_at_the_same_time) {
  pthread_t threads[THREADS];
  void *error;
  for (int i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, collect_often, NULL);
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], &error);
    ck_assert_msg(!error, "%s", (char *)error);
  }
  ck_assert_uint_eq(cgc_cycle_counters.ncycles, THREADS * 50);
}
END_TEST

/* The sanitizers' runtime has it. */
void *__asan_region_is_poisoned(void *begin, size_t bytes)
    __attribute__((weak));

static char *frame;
static void note_frame(struct cgc_heap *heap) {
  (void)heap;
  frame = __builtin_frame_address(0);
}

/* A frame that lays marks and doesn't take them off spoils the next one. */
START_TEST(the_collectors_stack_is_left_without_marks_of_a_sanitizer) {
  enum { DEPTH = 128 << 10 };
  make_objects(CGC_KIND_SCAN, 2);
  cgc_cycle_marked_hook = note_frame;
  for (int thorough = 0; thorough < 2; thorough++) {
    cgc_options.packed = thorough;
    collector_collect();
    if (CGC_SANITIZED)
      ck_assert_ptr_null(__asan_region_is_poisoned(frame - DEPTH, DEPTH));
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("cycle");
  TCase *core = tcase_create("core");
  TCase *errors = tcase_create("errors");
  TCase *concurrent = tcase_create("concurrent");
  tcase_add_checked_fixture(core, collector_setup, NULL);
  tcase_add_test(core, what_data_points_to_survives_and_the_rest_does_not);
  tcase_add_test(core, what_the_stack_points_to_survives);
  tcase_add_test(core, pinned_objects_survive_without_a_pointer);
  tcase_add_test(core, a_list_survives_many_cycles);
  tcase_add_test(core, the_report_says_what_happened);
  tcase_add_test(core, in_use_after_a_cycle_is_what_is_live);
  tcase_add_test(core, garbage_alone_needs_no_second_marker);
  tcase_add_test(core, growth_to_the_trigger_is_due);
  tcase_add_test(core, hooks_are_called_once_for_each_cycle);
  tcase_add_test(core, a_cycle_finds_dead_objects_with_finalizers_and_links);
  tcase_add_test(core,
                 the_collectors_stack_is_left_without_marks_of_a_sanitizer);
  tcase_set_timeout(core, 30);
  tcase_add_checked_fixture(errors, collector_setup, NULL);
  tcase_add_test(errors, nothing_is_collected_while_cycles_are_off);
  tcase_add_test(errors, a_busy_thread_cannot_collect);
  tcase_add_checked_fixture(concurrent, collector_setup, NULL);
  tcase_add_test(concurrent, lists_on_other_threads_stacks_survive);
  tcase_add_test(concurrent, alternate_signal_stacks_survive);
  tcase_add_test(concurrent, threads_may_ask_for_cycles_at_the_same_time);
  tcase_set_timeout(concurrent, 60);
  suite_add_tcase(s, core);
  suite_add_tcase(s, errors);
  suite_add_tcase(s, concurrent);
  return unit_run(s);
}
