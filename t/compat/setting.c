/* SPDX-License-Identifier: MIT */
/* Settings that are kept. */
#include "contract.h"

#define CHECK_KEPT(name, value)                                                \
  do {                                                                         \
    GC_set_##name(value);                                                      \
    ck_assert(GC_get_##name() == (value));                                     \
  } while (0)

START_TEST(setting_is_kept) {
  struct GC_timeval_s limit = {30, 500};
  GC_INIT();
  CHECK_KEPT(rate, 20);
  CHECK_KEPT(max_prior_attempts, 2);
  CHECK_KEPT(manual_vdb_allowed, 0);
  CHECK_KEPT(allocd_bytes_per_finalizer, 500);
  CHECK_KEPT(time_limit, 70);
  CHECK_KEPT(force_unmap_on_gcollect, 1);
  GC_set_time_limit_tv(limit);
  ck_assert_uint_eq(GC_get_time_limit_tv().tv_ms, 30);
  ck_assert_uint_eq(GC_get_time_limit_tv().tv_nsec, 500);
  GC_set_pages_executable(0);
  ck_assert_int_eq(GC_get_pages_executable(), 0);
  GC_noop1(1);
}
END_TEST

START_TEST(setting_of_markers_counts_before_the_start) {
  GC_set_markers_count(2);
  GC_INIT();
  GC_gcollect();
  ck_assert_int_ge(GC_get_parallel(), 0);
  ck_assert_int_le(GC_get_parallel(), 1);
}
END_TEST

int main(void) {
  Suite *s = suite_create("setting");
  TCase *core = tcase_create("core");
  tcase_set_timeout(core, 60);
  tcase_add_test(core, setting_is_kept);
  tcase_add_test(core, setting_of_markers_counts_before_the_start);
  suite_add_tcase(s, core);
  return contract_run(s);
}
