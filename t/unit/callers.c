/* SPDX-License-Identifier: MIT */
#include "os/callers.h"

#include "os/page.h"
#include "os/unwind.h"
#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>

static void *mine[CGC_CALLERS_MAX], *theirs[CGC_CALLERS_MAX];
static size_t nmine, ntheirs, max = CGC_CALLERS_MAX;
static struct cgc_callers *walk;

/* What was noted: the walks that were made. */
enum { NOTES = 1 << 16 };
static struct {
  size_t n, max;
  void *pcs[CGC_CALLERS_MAX];
} notes[NOTES];
static uint32_t nnotes, nrecalled;

/* What is recalled is the walk that was just made. */
static void must_recall(uint32_t note) {
  if (notes[note].max != max)
    return;
  nrecalled++;
  ck_assert_uint_eq(notes[note].n, nmine);
  ck_assert_mem_eq(notes[note].pcs, mine, nmine * sizeof *mine);
}

static void note_walk(void) {
  if (++nnotes == NOTES)
    return;
  notes[nnotes].n = nmine;
  notes[nnotes].max = max;
  memcpy(notes[nnotes].pcs, mine, nmine * sizeof *mine);
  cgc_callers_note(walk, nnotes);
}

/* Both stacks, of one place as far as that goes. */
static CGC_NOINLINE void capture_both(void) {
  uint32_t note = cgc_callers_recall(walk, __builtin_frame_address(0));
  nmine = cgc_callers_walk(walk, __builtin_frame_address(0), max);
  for (size_t i = 0; i < nmine; i++)
    mine[i] = cgc_callers_pc(walk, i);
  if (note)
    must_recall(note);
  else
    note_walk();
  ntheirs = cgc_unwind_capture(theirs, (int)max, 1);
}

/* The hashes of a walk's parts are those of the addresses in them. */
static void hashes_must_agree(void) {
  for (size_t i = 0; i < nmine; i++)
    for (size_t n = 1; i + n <= nmine; n++)
      ck_assert_uint_eq(cgc_callers_hash(walk, i, n),
                        cgc_callers_hash_of(mine + i, n));
}

/* By one they differ where a signal came: no call is before that address. */
static void must_agree(void) {
  hashes_must_agree();
  ck_assert_uint_gt(ntheirs, 2);
  ck_assert_uint_eq(nmine, ntheirs);
  int signals = 0;
  for (size_t i = 0; i < nmine; i++) {
    ptrdiff_t by = (char *)mine[i] - (char *)theirs[i];
    ck_assert(by == 0 || by == 1);
    signals += by == 1;
  }
  ck_assert_int_le(signals, 1);
}

START_TEST(it_agrees_with_libunwind) {
  for (int round = 0; round < 3; round++) {
    capture_both();
    must_agree();
  }
}
END_TEST

static int compare(const void *a, const void *b) {
  (void)b;
  if (nmine == 0)
    capture_both();
  return a == b;
}

START_TEST(it_sees_through_libc) {
  int numbers[] = {3, 1, 2};
  qsort(numbers, 3, sizeof *numbers, compare);
  must_agree();
}
END_TEST

static CGC_NOINLINE void with_frame_of_any_size(size_t n) {
  volatile char room[n];
  room[0] = room[n - 1] = 1;
  capture_both();
}

START_TEST(frames_of_variable_size) {
  with_frame_of_any_size(10000);
  must_agree();
}
END_TEST

/* With a variable size, too, where it began is in its frame alone. */
static CGC_NOINLINE void with_realigned_stack(int x) {
  volatile char CGC_ALIGNED(64) room[64], more[x];
  room[0] = more[0] = (char)x;
  capture_both();
  must_agree();
  room[1] = room[0];
}

START_TEST(frames_that_are_realigned) { with_realigned_stack(1); }
END_TEST

/*
 * From two callers, somewhere within what the alignment makes of it; nothing
 * in between overwrites what the last call left there.
 */
static CGC_NOINLINE void from_here(size_t n) {
  char room[n];
  __asm__ volatile("" : : "r"(room) : "memory");
  with_realigned_stack(1);
  __asm__ volatile("" : : "r"(room) : "memory");
}

static CGC_NOINLINE void from_there(size_t n) {
  char room[n];
  __asm__ volatile("" : : "r"(room) : "memory");
  with_realigned_stack(2);
  __asm__ volatile("# not from_here" : : "r"(room) : "memory");
}

START_TEST(callers_of_frames_that_are_realigned) {
  struct unit_random r = unit_random();
  for (int i = 0; i < 1000; i++) {
    size_t n = 1 + 16 * unit_below(&r, 8);
    if (unit_below(&r, 2))
      from_here(n);
    else
      from_there(n);
  }
}
END_TEST

static void on_signal(int number) {
  (void)number;
  capture_both();
}

START_TEST(it_sees_through_a_signal) {
  signal(SIGUSR1, on_signal);
  raise(SIGUSR1);
  must_agree();
}
END_TEST

/* The stack that a signal found is gone when the next one comes. */
static void on_other_stack(int number) {
  on_signal(number);
  must_agree();
}

static ucontext_t home;
static void raise_one(void) { raise(SIGUSR1); }

START_TEST(a_stack_that_is_gone_is_not_looked_at) {
  static char room[1 << 16];
  stack_t other = {.ss_sp = room, .ss_size = sizeof room};
  struct sigaction action = {.sa_handler = on_other_stack,
                             .sa_flags = SA_ONSTACK};
  sigaltstack(&other, NULL);
  sigaction(SIGUSR1, &action, NULL);
  for (int i = 0; i < 4; i++) {
    size_t bytes = 1 << 16;
    char *stack = cgc_page_map(bytes);
    ucontext_t context;
    getcontext(&context);
    context.uc_stack = (stack_t){.ss_sp = stack, .ss_size = bytes};
    context.uc_link = &home;
    makecontext(&context, raise_one, 0);
    swapcontext(&home, &context);
    cgc_page_unmap(stack, bytes);
    raise(SIGUSR1);
  }
}
END_TEST

static void *in_thread(void *arg) {
  capture_both();
  return arg;
}

START_TEST(a_threads_stack_has_an_end) {
  pthread_t thread;
  pthread_create(&thread, NULL, in_thread, NULL);
  pthread_join(thread, NULL);
  must_agree();
}
END_TEST

static void with_descent(struct unit_random *r, int depth, size_t n);

/* Walks of all depths, each a little different from the one before. */
static CGC_NOINLINE void descend(struct unit_random *r, int depth) {
  if (unit_below(r, 4) == 0) {
    capture_both();
    must_agree();
  }
  for (uint64_t n = unit_below(r, 3); depth > 0 && n > 0; n--)
    if (unit_below(r, 2))
      descend(r, depth - 1);
    else
      with_descent(r, depth - 1, 1 + unit_below(r, 500));
}

static CGC_NOINLINE void with_descent(struct unit_random *r, int depth,
                                      size_t n) {
  char room[n];
  __asm__ volatile("" : : "r"(room) : "memory");
  descend(r, depth);
  __asm__ volatile("" : : "r"(room) : "memory");
}

START_TEST(what_the_last_walk_saw_is_not_taken_for_this_one) {
  struct unit_random r = unit_random();
  for (int i = 0; i < 200; i++)
    descend(&r, 12);
  ck_assert_uint_gt(nrecalled, 0);
}
END_TEST

/* From this place there is one walk; noted twice, it is recalled. */
static uint32_t recalled_after(volatile int times, void (*between)(void)) {
  for (volatile int i = 0; i <= times; i++) {
    capture_both();
    if (i + 1 == times)
      between();
  }
  return nrecalled;
}

static void nothing(void) {}

START_TEST(a_walk_that_comes_again_is_recalled) {
  ck_assert_uint_eq(recalled_after(2, nothing), 1);
}
END_TEST

START_TEST(a_walk_that_came_once_is_not) {
  ck_assert_uint_eq(recalled_after(1, nothing), 0);
}
END_TEST

START_TEST(what_was_forgotten_is_not_recalled) {
  ck_assert_uint_eq(recalled_after(2, cgc_callers_forget), 0);
}
END_TEST

/* A stack with a walk that is remembered, of several pages. */
static const char *deepest;
static ucontext_t deep;

static CGC_NOINLINE void remember_deep_down(int depth) {
  volatile char room[3000]; /* the caller's words are within 4000 bytes */
  room[0] = room[2999] = 1;
  deepest = __builtin_frame_address(0);
  if (depth > 0)
    remember_deep_down(depth - 1);
  else
    for (int i = 0; i < 2; i++) {
      cgc_callers_walk(walk, deepest, max);
      cgc_callers_note(walk, 1);
    }
  swapcontext(&deep, &home);
  room[1] = room[0];
}

static void remember_there(void) { remember_deep_down(15); }

START_TEST(what_is_left_of_a_stack_is_not_left) {
  size_t bytes = 1 << 16;
  char *stack = cgc_page_map(bytes);
  getcontext(&deep);
  deep.uc_stack = (stack_t){.ss_sp = stack, .ss_size = bytes};
  makecontext(&deep, remember_there, 0);
  swapcontext(&home, &deep);
  ck_assert_uint_eq(cgc_callers_recall(walk, deepest), 1);
  char *end = (char *)cgc_round_up((uintptr_t)deepest + 4000, CGC_OS_PAGE);
  cgc_page_unmap(end, (size_t)(stack + bytes - end));
  memset((char *)deepest + 16, 0, (size_t)(end - deepest - 16));
  ck_assert_uint_eq(cgc_callers_recall(walk, deepest), 0);
}
END_TEST

START_TEST(walks_that_are_cut_off) {
  struct unit_random r = unit_random();
  for (int i = 0; i < 200; i++) {
    max = 3 + unit_below(&r, 12);
    descend(&r, 20);
  }
}
END_TEST

/* From deep down, and each time from less deep. */
static CGC_NOINLINE void climb(int depth) {
  if (depth > 0)
    climb(depth - 1);
  capture_both();
  must_agree();
}

START_TEST(a_walk_that_gets_longer_at_its_outer_end) { climb(100); }
END_TEST

START_TEST(no_more_is_written_than_there_is_room_for) {
  void *pcs[4] = {NULL, NULL, NULL, NULL};
  ck_assert_uint_eq(cgc_callers_capture(__builtin_frame_address(0), pcs, 2), 2);
  ck_assert_ptr_null(pcs[2]);
}
END_TEST

START_TEST(rules_are_learnt_again_when_forgotten) {
  capture_both();
  cgc_callers_forget();
  capture_both();
  must_agree();
}
END_TEST

static void setup(void) {
  cgc_page_init();
  cgc_callers_init();
  walk = cgc_callers_new();
  nmine = ntheirs = nnotes = nrecalled = 0;
}

int main(void) {
  Suite *suite = suite_create("callers");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, setup, NULL);
  tcase_add_test(core, it_agrees_with_libunwind);
  tcase_add_test(core, it_sees_through_libc);
  tcase_add_test(core, frames_of_variable_size);
  tcase_add_test(core, frames_that_are_realigned);
  tcase_add_test(core, callers_of_frames_that_are_realigned);
  tcase_add_test(core, it_sees_through_a_signal);
  tcase_add_test(core, a_stack_that_is_gone_is_not_looked_at);
  tcase_add_test(core, a_threads_stack_has_an_end);
  tcase_add_test(core, what_the_last_walk_saw_is_not_taken_for_this_one);
  tcase_add_test(core, a_walk_that_comes_again_is_recalled);
  tcase_add_test(core, a_walk_that_came_once_is_not);
  tcase_add_test(core, what_was_forgotten_is_not_recalled);
  tcase_add_test(core, what_is_left_of_a_stack_is_not_left);
  tcase_add_test(core, rules_are_learnt_again_when_forgotten);
  suite_add_tcase(suite, core);
  TCase *limits = tcase_create("limits");
  tcase_add_checked_fixture(limits, setup, NULL);
  tcase_add_test(limits, walks_that_are_cut_off);
  tcase_add_test(limits, a_walk_that_gets_longer_at_its_outer_end);
  tcase_add_test(limits, no_more_is_written_than_there_is_room_for);
  suite_add_tcase(suite, limits);
  return unit_run(suite);
}
