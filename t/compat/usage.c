/* SPDX-License-Identifier: MIT */
/* What there is. */
#include <stdio.h>

#include "contract.h"

CONTRACT_FN void *list_of(size_t bytes) {
  void **list = NULL;
  for (size_t n = 0; n < bytes; n += 1000) {
    void **cell = GC_malloc(1000);
    *cell = list;
    list = cell;
  }
  return list;
}

enum { MIB = 1 << 20 };

START_TEST(usage_grows_with_what_is_kept) {
  GC_word heap, free_bytes, unmapped, since, total;
  GC_INIT();
  size_t then = GC_get_total_bytes();
  void *list = list_of((size_t)20 * MIB);
  ck_assert_uint_ge(GC_get_heap_size(), (size_t)20 * MIB);
  ck_assert_uint_ge(GC_get_total_bytes() - then, (size_t)19 * MIB);
  ck_assert_uint_ge(GC_get_memory_use(), (size_t)19 * MIB);
  ck_assert_uint_ge(GC_get_obtained_from_os_bytes(), GC_get_heap_size());
  GC_gcollect();
  ck_assert_uint_lt(GC_get_bytes_since_gc(), MIB);
  GC_get_heap_usage_safe(&heap, &free_bytes, &unmapped, &since, &total);
  ck_assert_uint_ge(heap, (size_t)20 * MIB);
  ck_assert_uint_lt(free_bytes, heap);
  ck_assert_uint_ge(total, (size_t)19 * MIB);
  GC_get_heap_usage_safe(NULL, NULL, NULL, NULL, NULL);
  GC_reachable_here(list);
}
END_TEST

START_TEST(usage_falls_when_it_is_lost) {
  GC_INIT();
  for (size_t n = 0; n < (size_t)20 * MIB; n += 1000)
    memset(GC_malloc_atomic(1000), 1, 1000);
  contract_scrub();
  GC_gcollect_and_unmap();
  ck_assert_uint_lt(GC_get_memory_use(), (size_t)10 * MIB);
}
END_TEST

START_TEST(usage_statistics_fit_any_size) {
  struct GC_prof_stats_s stats;
  struct {
    struct GC_prof_stats_s known;
    GC_word unknown;
  } newer;
  GC_INIT();
  GC_gcollect();
  ck_assert_uint_eq(GC_get_prof_stats(&stats, sizeof stats), sizeof stats);
  ck_assert_uint_eq(stats.gc_no, GC_get_gc_no());
  ck_assert_uint_eq(GC_get_prof_stats(&newer.known, sizeof newer),
                    sizeof stats);
  ck_assert_uint_eq(newer.unknown, ~(GC_word)0);
  ck_assert_uint_eq(GC_get_prof_stats(&stats, sizeof(GC_word)),
                    sizeof(GC_word));
}
END_TEST

START_TEST(usage_sizes_are_rounded_as_they_are) {
  GC_INIT();
  for (int i = 1; i < 20; i++)
    ck_assert_uint_ge(GC_get_size_map_at(i), (size_t)i);
  ck_assert_uint_eq(GC_get_size_map_at(1 << 20), (size_t)-1);
}
END_TEST

START_TEST(usage_of_time_is_measured) {
  GC_INIT();
  GC_start_performance_measurement();
  unsigned long before = GC_get_full_gc_total_time();
  void *list = list_of((size_t)30 * MIB);
  for (int i = 0; i < 10; i++)
    GC_gcollect();
  ck_assert_uint_ge(GC_get_full_gc_total_time(), before);
  GC_reachable_here(list);
}
END_TEST

START_TEST(usage_is_dumped) {
  char text[256] = "";
  FILE *log = tmpfile();
  GC_INIT();
  GC_set_log_fd(fileno(log));
  GC_dump();
  GC_dump_named("name");
  GC_dump_finalization();
  rewind(log);
  fflush(stdout);
  ck_assert(contract_is_ours() == (fread(text, 1, 255, log) > 0) ||
            !contract_is_ours());
}
END_TEST

int main(void) {
  Suite *s = suite_create("usage");
  TCase *core = tcase_create("core");
  tcase_set_timeout(core, 60);
  tcase_add_test(core, usage_grows_with_what_is_kept);
  tcase_add_test(core, usage_falls_when_it_is_lost);
  tcase_add_test(core, usage_statistics_fit_any_size);
  tcase_add_test(core, usage_sizes_are_rounded_as_they_are);
  tcase_add_test(core, usage_of_time_is_measured);
  tcase_add_test(core, usage_is_dumped);
  suite_add_tcase(s, core);
  return contract_run(s);
}
