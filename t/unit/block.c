/* SPDX-License-Identifier: MIT */
#include "look/block.h"

#include "collector.h"

static void setup(void) {
  collector_setup();
  ck_assert(cgc_block_init(&cgc_heap));
}

static struct cgc_block *block_of(const void *ptr) {
  struct cgc_object obj;
  ck_assert(cgc_arena_find(&cgc_heap.arena, (uintptr_t)ptr, &obj));
  return cgc_block_find(&obj);
}

static void note_free(const void *ptr, uint32_t stack) {
  struct cgc_object obj;
  ck_assert(cgc_arena_find(&cgc_heap.arena, (uintptr_t)ptr, &obj));
  cgc_block_freed(&obj, stack);
}

START_TEST(a_note_is_found_from_the_block) {
  void *a = collector_alloc(CGC_KIND_SCAN, 100);
  void *b = collector_alloc(CGC_KIND_SCAN, 100);
  void *large = collector_alloc(CGC_KIND_SCAN, 100000);
  cgc_block_made(a, 99, 7);
  cgc_block_made(b, 98, 8);
  cgc_block_made(large, 99999, 9);
  ck_assert_uint_eq(block_of(a)->size, 99);
  ck_assert_uint_eq(block_of(a)->stack, 7);
  ck_assert_uint_eq(block_of(b)->size, 98);
  ck_assert_uint_eq(block_of(large)->size, 99999);
  ck_assert(cgc_block_is_tracked(block_of(a)));
}
END_TEST

START_TEST(what_was_not_noted_is_not_tracked) {
  void *a = collector_alloc(CGC_KIND_SCAN, 100);
  void *b = collector_alloc(CGC_KIND_SCAN, 100);
  ck_assert(!cgc_block_is_tracked(block_of(a)));
  cgc_block_made(a, 99, 7);
  ck_assert(!cgc_block_is_tracked(block_of(b)));
  cgc_block_made(setup, 1, 1); /* no block at all */
}
END_TEST

START_TEST(a_freed_block_remembers_the_first_free) {
  void *a = collector_alloc(CGC_KIND_SCAN, 100);
  cgc_block_made(a, 99, 7);
  note_free(a, 11);
  note_free(a, 12);
  ck_assert(!cgc_block_is_tracked(block_of(a)));
  ck_assert_uint_eq(block_of(a)->freed, 11);
  ck_assert_uint_eq(block_of(a)->stack, 7);
  cgc_block_made(a, 98, 13);
  ck_assert(cgc_block_is_tracked(block_of(a)));
}
END_TEST

START_TEST(sizes_up_to_48_bits_are_kept) {
  void *a = collector_alloc(CGC_KIND_SCAN, 100);
  cgc_block_made(a, ((size_t)1 << 48) - 1, 7);
  ck_assert_uint_eq(block_of(a)->size, ((uint64_t)1 << 48) - 1);
}
END_TEST

/* Pages that were of a span with few slots come to one with many. */
START_TEST(records_follow_the_pages_new_span) {
  struct cgc_object obj;
  void *large = collector_alloc(CGC_KIND_SCAN, 20 * CGC_PAGE);
  cgc_block_made(large, 5, 7);
  ck_assert(cgc_arena_find(&cgc_heap.arena, (uintptr_t)large, &obj));
  cgc_check(cgc_mutator_enter(cgc_self));
  cgc_heap_free_large(&cgc_heap, obj.span);
  cgc_mutator_leave(cgc_self);
  for (int i = 0; i < 20000; i++) {
    void *small = collector_alloc(CGC_KIND_SCAN, 16);
    ck_assert(!cgc_block_is_tracked(block_of(small)));
    cgc_block_made(small, (size_t)i, 9);
    ck_assert_uint_eq(block_of(small)->size, i);
  }
}
END_TEST

int main(void) {
  Suite *suite = suite_create("block");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, setup, NULL);
  tcase_add_test(core, a_note_is_found_from_the_block);
  tcase_add_test(core, what_was_not_noted_is_not_tracked);
  tcase_add_test(core, a_freed_block_remembers_the_first_free);
  tcase_add_test(core, records_follow_the_pages_new_span);
  suite_add_tcase(suite, core);
  TCase *limits = tcase_create("limits");
  tcase_add_checked_fixture(limits, setup, NULL);
  tcase_add_test(limits, sizes_up_to_48_bits_are_kept);
  suite_add_tcase(suite, limits);
  return unit_run(suite);
}
