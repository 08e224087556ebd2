/* SPDX-License-Identifier: MIT */
#include "front/fail.h"

#include "threads.h"

static uint64_t number;

/* How many of N calls of KIND fail. */
static int failing(enum cgc_fail_kind kind, int n) {
  int failed = 0;
  for (int i = 0; i < n; i++)
    failed += cgc_fail_count(kind, &number) != CGC_FAIL_KINDS;
  return failed;
}

START_TEST(one_call_fails) {
  ck_assert_ptr_null(cgc_fail_parse("malloc@3"));
  ck_assert_int_eq(failing(CGC_FAIL_MALLOC, 2), 0);
  ck_assert_int_eq(cgc_fail_count(CGC_FAIL_MALLOC, &number), CGC_FAIL_MALLOC);
  ck_assert_uint_eq(number, 3);
  ck_assert_int_eq(failing(CGC_FAIL_MALLOC, 100), 0);
  ck_assert_uint_eq(cgc_fail_calls(CGC_FAIL_MALLOC), 103);
}
END_TEST

START_TEST(calls_are_counted_only_if_it_was_asked_for) {
  ck_assert_int_eq(failing(CGC_FAIL_MALLOC, 3), 0);
  ck_assert_uint_eq(cgc_fail_calls(CGC_FAIL_MALLOC), 0);
  ck_assert_ptr_null(cgc_fail_parse("any@none"));
  ck_assert_int_eq(failing(CGC_FAIL_MALLOC, 3), 0);
  ck_assert_uint_eq(cgc_fail_calls(CGC_FAIL_MALLOC), 3);
  ck_assert_uint_eq(cgc_fail_calls(CGC_FAIL_ANY), 3);
}
END_TEST

START_TEST(all_calls_of_a_kind_fail_and_no_other) {
  ck_assert_ptr_null(cgc_fail_parse("realloc@all:json=x"));
  ck_assert_int_eq(failing(CGC_FAIL_REALLOC, 10), 10);
  ck_assert_int_eq(failing(CGC_FAIL_MALLOC, 10), 0);
}
END_TEST

START_TEST(a_share_fails_and_the_same_each_time) {
  ck_assert_ptr_null(cgc_fail_parse("calloc@20%"));
  int failed = failing(CGC_FAIL_CALLOC, 10000);
  ck_assert_int_gt(failed, 1800);
  ck_assert_int_lt(failed, 2200);
}
END_TEST

START_TEST(any_counts_them_all) {
  ck_assert_ptr_null(cgc_fail_parse("any@3,aligned@all"));
  ck_assert_int_eq(failing(CGC_FAIL_MALLOC, 1), 0);
  ck_assert_int_eq(failing(CGC_FAIL_CALLOC, 1), 0);
  ck_assert_int_eq(cgc_fail_count(CGC_FAIL_REALLOC, &number), CGC_FAIL_ANY);
  ck_assert_uint_eq(number, 3);
  ck_assert_int_eq(failing(CGC_FAIL_ALIGNED, 2), 2);
}
END_TEST

START_TEST(faults_are_kept_in_order) {
  struct cgc_fault f;
  ck_assert_ptr_null(cgc_fail_parse("malloc@all"));
  ck_assert(!cgc_fail_get(0, &f));
  for (uint32_t i = 0; i < CGC_FAULTS_MAX + 10; i++)
    cgc_fail_note((struct cgc_fault){CGC_FAIL_MALLOC, i + 1, i});
  ck_assert(cgc_fail_get(CGC_FAULTS_MAX - 1, &f));
  ck_assert_uint_eq(f.stack, CGC_FAULTS_MAX);
  ck_assert(!cgc_fail_get(CGC_FAULTS_MAX, &f));
}
END_TEST

START_TEST(bad_wishes_are_told) {
  static const char *const texts[] = {"",
                                      "malloc",
                                      "malloc@",
                                      "malloc@0",
                                      "strdup@1",
                                      "malloc@x",
                                      "malloc@1x",
                                      "malloc@101%",
                                      "malloc@0%",
                                      "malloc@1,",
                                      "any@99999999999999999999"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    ck_assert_msg(cgc_fail_parse(texts[i]) != NULL, "%s", texts[i]);
}
END_TEST

static void setup(void) { threads_setup(); }

int main(void) {
  Suite *suite = suite_create("fail");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, setup, NULL);
  tcase_add_test(core, one_call_fails);
  tcase_add_test(core, calls_are_counted_only_if_it_was_asked_for);
  tcase_add_test(core, all_calls_of_a_kind_fail_and_no_other);
  tcase_add_test(core, a_share_fails_and_the_same_each_time);
  tcase_add_test(core, any_counts_them_all);
  tcase_add_test(core, faults_are_kept_in_order);
  suite_add_tcase(suite, core);
  TCase *errors = tcase_create("errors");
  tcase_add_checked_fixture(errors, setup, NULL);
  tcase_add_test(errors, bad_wishes_are_told);
  suite_add_tcase(suite, errors);
  return unit_run(suite);
}
