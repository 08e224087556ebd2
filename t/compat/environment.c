/* SPDX-License-Identifier: MIT */
/* bdwgc's variables of the environment. */
#include "contract.h"

#include <sys/stat.h>
#include <unistd.h>

CONTRACT_FN void churn(size_t bytes) {
  for (size_t n = 0; n < bytes; n += 1000)
    GC_malloc_atomic(1000);
}

START_TEST(environment_presence_switches_on) {
  setenv("GC_DONT_GC", "0", 1);
  setenv("GC_ALL_INTERIOR_POINTERS", "", 1);
  GC_all_interior_pointers = 0;
  GC_INIT();
  ck_assert_int_ne(GC_is_disabled(), 0);
  ck_assert_int_eq(GC_get_all_interior_pointers(), 1);
  churn((size_t)100 << 20);
  ck_assert_uint_eq(GC_get_gc_no(), 0);
}
END_TEST

START_TEST(environment_sizes_the_heap) {
  setenv("GC_INITIAL_HEAP_SIZE", "40M", 1);
  setenv("GC_MAXIMUM_HEAP_SIZE", "60M", 1);
  GC_INIT();
  GC_set_warn_proc(GC_ignore_warn_proc);
  ck_assert_uint_ge(GC_get_heap_size(), (size_t)39 << 20);
  void **list = NULL, **cell;
  size_t n = 0;
  while (n < (size_t)200 << 20 && (cell = GC_malloc(1000))) {
    *cell = list;
    list = cell;
    n += 1000;
  }
  ck_assert_uint_lt(n, (size_t)62 << 20);
}
END_TEST

START_TEST(environment_sets_divisor_and_markers) {
  setenv("GC_FREE_SPACE_DIVISOR", "9", 1);
  setenv("GC_MARKERS", "1", 1);
  GC_INIT();
  ck_assert_uint_eq(GC_get_free_space_divisor(), 9);
  ck_assert_int_eq(GC_get_parallel(), 0);
}
END_TEST

START_TEST(environment_of_one_processor_has_one_marker) {
  setenv("GC_NPROCS", "1", 1);
  GC_INIT();
  ck_assert_int_eq(GC_get_parallel(), 0);
}
END_TEST

START_TEST(environment_sets_what_functions_set) {
  setenv("GC_PAUSE_TIME_TARGET", "35", 1);
  setenv("GC_FULL_FREQUENCY", "7", 1);
  setenv("GC_FIND_LEAK", "", 1);
  setenv("GC_USE_ENTIRE_HEAP", "", 1);
  setenv("GC_FORCE_UNMAP_ON_GCOLLECT", "", 1);
  GC_INIT();
  ck_assert_uint_eq(GC_get_time_limit(), 35);
  ck_assert_int_eq(GC_get_full_freq(), 7);
  ck_assert_int_ne(GC_get_find_leak(), 0);
  ck_assert_int_ne(GC_use_entire_heap, 0);
  ck_assert_int_ne(GC_get_force_unmap_on_gcollect(), 0);
}
END_TEST

START_TEST(environment_has_collections_in_slices) {
  setenv("GC_ENABLE_INCREMENTAL", "", 1);
  GC_INIT();
  ck_assert_int_ne(GC_is_incremental_mode(), 0);
}
END_TEST

/* Of the inside of a collector that another one need not have. */
static const char *const inner[] = {
    "GC_UNMAP_THRESHOLD=1",     "GC_RETRY_SIGNALS=1",
    "GC_NO_BLACKLIST_WARNING=", "GC_LARGE_ALLOC_WARN_INTERVAL=3",
    "GC_DISABLE_INCREMENTAL=",  "GC_FINDLEAK_DELAY_FREE=",
    "GC_IGNORE_GCJ_INFO=",      "GC_ONLY_LOG_TO_FILE="};

START_TEST(environment_of_another_collectors_inside_does_no_harm) {
  for (size_t i = 0; i < sizeof inner / sizeof inner[0]; i++)
    putenv((char *)inner[i]);
  GC_INIT();
  churn((size_t)10 << 20);
  GC_gcollect();
  ck_assert_uint_gt(GC_get_gc_no(), 0);
}
END_TEST

static const char *const statistics[] = {
    "GC_PRINT_STATS", "GC_PRINT_VERBOSE_STATS", "GC_DUMP_REGULARLY"};

START_TEST(environment_has_statistics_written_to_a_file) {
  char path[] = "/tmp/cgc-environment-XXXXXX";
  struct stat st;
  close(mkstemp(path));
  setenv(statistics[_i], "", 1);
  setenv("GC_LOG_FILE", path, 1);
  GC_INIT();
  for (int i = 0; i < 50; i++)
    GC_gcollect();
  ck_assert_int_eq(stat(path, &st), 0);
  unlink(path);
  ck_assert_int_gt(st.st_size, 100);
}
END_TEST

int main(void) {
  Suite *s = suite_create("environment");
  TCase *core = tcase_create("core");
  tcase_set_timeout(core, 60);
  tcase_add_test(core, environment_presence_switches_on);
  if (!contract_is_stressed())
    tcase_add_test(core, environment_sizes_the_heap);
  tcase_add_test(core, environment_sets_divisor_and_markers);
  tcase_add_test(core, environment_of_one_processor_has_one_marker);
  tcase_add_test(core, environment_sets_what_functions_set);
  tcase_add_test(core, environment_has_collections_in_slices);
  tcase_add_test(core, environment_of_another_collectors_inside_does_no_harm);
  tcase_add_loop_test(core, environment_has_statistics_written_to_a_file, 0, 3);
  suite_add_tcase(s, core);
  return contract_run(s);
}
