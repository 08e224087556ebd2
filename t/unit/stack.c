/* SPDX-License-Identifier: MIT */
#include "look/stack.h"

#include "look/module.h"
#include "threads.h"

enum { DEPTH = 16, MANY = 20000 };

static void setup(void) {
  threads_setup();
  ck_assert(cgc_module_init());
  ck_assert(cgc_stack_init(DEPTH));
}

/* N addresses that tell N and SEED; low ones lie in no file. */
static void fill(void **pcs, size_t n, uintptr_t seed) {
  for (size_t i = 0; i < n; i++)
    pcs[i] = (void *)(seed * 64 + i + 1);
}

START_TEST(the_same_stack_has_the_same_number) {
  void *pcs[DEPTH];
  const struct cgc_frame *frames;
  fill(pcs, 5, 1);
  uint32_t id = cgc_stack_enter(pcs, 5);
  ck_assert_uint_gt(id, CGC_STACK_UNKNOWN);
  ck_assert_uint_eq(cgc_stack_enter(pcs, 5), id);
  ck_assert_uint_ne(cgc_stack_enter(pcs, 4), id);
  ck_assert_uint_eq(cgc_stack_frames(id, &frames), 5);
  for (size_t i = 0; i < 5; i++)
    ck_assert_uint_eq(cgc_frame_pc(frames[i]), (uintptr_t)pcs[i]);
  cgc_stack_check();
}
END_TEST

START_TEST(deep_stacks_are_cut_off_at_the_outer_end) {
  void *pcs[2 * DEPTH];
  const struct cgc_frame *frames;
  fill(pcs, 2 * DEPTH, 1);
  uint32_t id = cgc_stack_enter(pcs, 2 * DEPTH);
  ck_assert_uint_eq(cgc_stack_frames(id, &frames), DEPTH);
  ck_assert_uint_eq(cgc_stack_enter(pcs, DEPTH), id);
}
END_TEST

START_TEST(no_frames_are_the_unknown_stack) {
  const struct cgc_frame *frames;
  ck_assert_uint_eq(cgc_stack_enter(NULL, 0), CGC_STACK_UNKNOWN);
  ck_assert_uint_eq(cgc_stack_frames(CGC_STACK_UNKNOWN, &frames), 0);
  ck_assert_uint_eq(cgc_stack_frames(CGC_STACK_NONE, &frames), 0);
}
END_TEST

START_TEST(many_stacks_keep_their_numbers) {
  static uint32_t ids[MANY];
  void *pcs[DEPTH];
  for (uintptr_t i = 0; i < MANY; i++) {
    fill(pcs, 1 + i % DEPTH, i);
    ids[i] = cgc_stack_enter(pcs, 1 + i % DEPTH);
  }
  for (uintptr_t i = 0; i < MANY; i++) {
    fill(pcs, 1 + i % DEPTH, i);
    ck_assert_uint_eq(cgc_stack_enter(pcs, 1 + i % DEPTH), ids[i]);
  }
  ck_assert_uint_eq(cgc_stack_count(), MANY);
  cgc_stack_check();
}
END_TEST

START_TEST(frames_know_their_file) {
  void *pcs[] = {(char *)&fill + 1, (void *)3};
  const struct cgc_frame *frames;
  uint32_t id = cgc_stack_enter(pcs, 2);
  ck_assert_uint_eq(cgc_stack_frames(id, &frames), 2);
  ck_assert_uint_eq(cgc_frame_module(frames[0]),
                    cgc_module_find((uintptr_t)&fill));
  ck_assert_uint_ne(cgc_frame_module(frames[0]), 0);
  ck_assert_uint_eq(cgc_frame_module(frames[1]), 0);
}
END_TEST

START_TEST(a_stack_through_closed_code_is_not_found_again) {
  void *pcs[] = {(char *)&fill + 1, (void *)3};
  uint32_t id = cgc_stack_enter(pcs, 2);
  uint32_t other = cgc_stack_enter(pcs + 1, 1);
  cgc_stack_close_module(cgc_module_find((uintptr_t)&fill));
  ck_assert_uint_ne(cgc_stack_enter(pcs, 2), id);
  ck_assert_uint_eq(cgc_stack_enter(pcs + 1, 1), other);
  const struct cgc_frame *frames;
  ck_assert_uint_eq(cgc_stack_frames(id, &frames), 2);
  cgc_stack_check();
}
END_TEST

static void *enter_all(void *arg) {
  void *pcs[DEPTH];
  uint32_t *ids = arg;
  cgc_mutator_register();
  threads_ready();
  threads_wait_ready(2);
  for (uintptr_t i = 0; i < MANY; i++) {
    fill(pcs, 1 + i % DEPTH, i);
    ids[i] = cgc_stack_enter(pcs, 1 + i % DEPTH);
  }
  return NULL;
}

START_TEST(threads_agree_on_numbers) {
  static uint32_t ids[2][MANY];
  pthread_t a = threads_create(enter_all, ids[0]);
  pthread_t b = threads_create(enter_all, ids[1]);
  pthread_join(a, NULL);
  pthread_join(b, NULL);
  for (size_t i = 0; i < MANY; i++)
    ck_assert_uint_eq(ids[0][i], ids[1][i]);
  cgc_stack_check();
}
END_TEST

int main(void) {
  Suite *suite = suite_create("stack");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, setup, NULL);
  tcase_add_test(core, the_same_stack_has_the_same_number);
  tcase_add_test(core, frames_know_their_file);
  tcase_add_test(core, a_stack_through_closed_code_is_not_found_again);
  suite_add_tcase(suite, core);
  TCase *limits = tcase_create("limits");
  tcase_add_checked_fixture(limits, setup, NULL);
  tcase_add_test(limits, deep_stacks_are_cut_off_at_the_outer_end);
  tcase_add_test(limits, no_frames_are_the_unknown_stack);
  tcase_add_test(limits, many_stacks_keep_their_numbers);
  suite_add_tcase(suite, limits);
  TCase *concurrent = tcase_create("concurrent");
  tcase_add_checked_fixture(concurrent, setup, NULL);
  tcase_add_test(concurrent, threads_agree_on_numbers);
  suite_add_tcase(suite, concurrent);
  return unit_run(suite);
}
