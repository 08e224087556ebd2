/* SPDX-License-Identifier: MIT */
#include "look/stat.h"

#include "collector.h"

enum { OBJECTS = 2000 };

static struct cgc_stat stat_now(void) {
  struct cgc_stat s;
  cgc_check(cgc_mutator_enter(cgc_self));
  cgc_stat_take(&s);
  cgc_mutator_leave(cgc_self);
  return s;
}

static CGC_NOINLINE void allocate(size_t size) {
  for (int i = 0; i < OBJECTS; i++)
    collector_alloc(CGC_KIND_NOSCAN, size);
}

START_TEST(a_new_heap_is_empty) {
  struct cgc_stat s = stat_now();
  ck_assert_uint_eq(s.ncycles, 0);
  ck_assert_uint_eq(s.in_use_bytes, 0);
  ck_assert_uint_eq(s.nmutators, 1);
  ck_assert_uint_gt(s.reserved_bytes, 0);
  ck_assert_uint_gt(s.meta_bytes, 0);
  ck_assert_uint_eq(s.trigger_bytes, CGC_MIB);
}
END_TEST

START_TEST(figures_agree_with_each_other) {
  allocate(1000);
  collector_collect();
  allocate(3000);
  struct cgc_stat s = stat_now();
  ck_assert_uint_le(s.resident_bytes, s.free_bytes);
  ck_assert_uint_le(s.free_bytes, s.heap_bytes);
  ck_assert_uint_le(s.heap_bytes, s.reserved_bytes);
  ck_assert_uint_le(s.live_bytes, s.heap_bytes);
  ck_assert_uint_ge(s.in_use_bytes + s.free_bytes + CGC_MIB,
                    OBJECTS * (uint64_t)3000);
  ck_assert_uint_le(s.pause_last_ns, s.pause_longest_ns);
  ck_assert_uint_le(s.pause_longest_ns, s.pause_ns);
  ck_assert_uint_le(s.stop_last_ns, s.pause_last_ns);
}
END_TEST

START_TEST(a_cycle_shows_what_it_reclaimed) {
  allocate(1000);
  struct cgc_stat before = stat_now();
  collector_collect();
  struct cgc_stat after = stat_now();
  ck_assert_uint_eq(after.ncycles, 1);
  ck_assert_uint_ge(after.reclaimed_bytes, OBJECTS * (uint64_t)1000 * 95 / 100);
  ck_assert_uint_lt(after.in_use_bytes, before.in_use_bytes / 10);
  ck_assert_uint_gt(after.root_bytes, 0);
  ck_assert_uint_ge(after.grown_bytes, OBJECTS * (uint64_t)1000);
}
END_TEST

static void nothing(void *obj, void *data) {
  (void)obj;
  (void)data;
}

START_TEST(finalizers_and_links_are_counted) {
  static void *link;
  void *p = collector_alloc(CGC_KIND_SCAN, 32);
  cgc_check(cgc_mutator_enter(cgc_self));
  cgc_final_register(p, nothing, NULL, CGC_FINAL_ORDERED, NULL, NULL);
  cgc_link_register(&link, p, false);
  cgc_link_register(&link, p, true);
  cgc_mutator_leave(cgc_self);
  struct cgc_stat s = stat_now();
  ck_assert_uint_eq(s.nfinalizers, 1);
  ck_assert_uint_eq(s.nready, 0);
  ck_assert_uint_eq(s.nlinks, 2);
}
END_TEST

START_TEST(classes_count_every_live_object) {
  static struct cgc_stat_classes classes;
  struct cgc_heap *heap = private_heap((size_t)64 << 20, 0);
  struct cgc_cache *cache = private_cache(heap);
  for (int i = 0; i < 100; i++)
    private_alloc(cache, CGC_KIND_SCAN, 100);
  private_free(cache, private_alloc(cache, CGC_KIND_SCAN, 100));
  private_alloc(cache, CGC_KIND_PINNED, 1000000);
  cgc_stat_count_classes(heap, &classes);
  const struct cgc_stat_class *small =
      &classes.of[CGC_KIND_SCAN][cgc_sizeclass_of(100)];
  const struct cgc_stat_class *large =
      &classes.of[CGC_KIND_PINNED][CGC_CLASS_LARGE];
  ck_assert_uint_eq(small->nobjects, 100);
  ck_assert_uint_eq(small->object_bytes, 100 * 112);
  ck_assert_uint_ge(small->page_bytes, small->object_bytes);
  ck_assert_uint_eq(large->nobjects, 1);
  ck_assert_uint_eq(large->nspans, 1);
  ck_assert_uint_ge(large->object_bytes, 1000000);
  ck_assert_uint_eq(classes.of[CGC_KIND_NOSCAN][1].nobjects, 0);
}
END_TEST

int main(void) {
  Suite *s = suite_create("stat");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, collector_setup, NULL);
  tcase_add_test(core, a_new_heap_is_empty);
  tcase_add_test(core, figures_agree_with_each_other);
  tcase_add_test(core, a_cycle_shows_what_it_reclaimed);
  tcase_add_test(core, finalizers_and_links_are_counted);
  tcase_add_test(core, classes_count_every_live_object);
  suite_add_tcase(s, core);
  return unit_run(s);
}
