/* SPDX-License-Identifier: MIT */
#include "heap/verify.h"

#include "base/log.h"
#include "private.h"

static struct cgc_heap *heap;
static struct cgc_cache *cache;
static struct cgc_object obj;

static void set_up(void) {
  heap = private_heap((size_t)64 << 20, 0);
  cache = private_cache(heap);
  for (int i = 0; i < 1000; i++)
    private_alloc(cache, CGC_KIND_SCAN, 1 + (size_t)i * 50);
  void *p = private_alloc(cache, CGC_KIND_SCAN, 100);
  private_alloc(cache, CGC_KIND_PINNED, 100);
  cgc_cache_flush(cache);
  obj = private_object(heap, p);
  cgc_log_set_fd(-1);
}

START_TEST(a_sound_heap_passes) {
  cgc_verify_heap(heap);
  cgc_heap_prepare_marks(heap);
  cgc_verify_prepared(heap);
}
END_TEST

START_TEST(a_mark_left_over_is_noticed) {
  cgc_heap_prepare_marks(heap);
  private_mark(heap, &obj);
  cgc_verify_prepared(heap);
}
END_TEST

START_TEST(a_free_slot_without_its_mark_is_noticed) {
  uint32_t i = obj.span->nslots - 1;
  cgc_heap_prepare_marks(heap);
  ck_assert_uint_eq(obj.span->slots[i], CGC_SLOT_FREE);
  cgc_arena_mark_words(&heap->arena, obj.span)[i / 64] &= ~(1ULL << (i % 64));
  cgc_verify_prepared(heap);
}
END_TEST

START_TEST(a_wrong_free_count_is_noticed) {
  obj.span->nfree++;
  cgc_verify_heap(heap);
}
END_TEST

START_TEST(a_span_in_the_wrong_list_is_noticed) {
  obj.span->where = CGC_SPAN_FULL;
  cgc_verify_heap(heap);
}
END_TEST

START_TEST(a_torn_list_is_noticed) {
  obj.span->link.next->prev = NULL;
  cgc_verify_heap(heap);
}
END_TEST

START_TEST(a_page_with_two_owners_is_noticed) {
  size_t page = cgc_arena_page_of(&heap->arena, obj.span->base);
  heap->arena.spans[page + obj.span->npages - 1] = NULL;
  cgc_verify_heap(heap);
}
END_TEST

START_TEST(a_page_without_an_owner_is_noticed) {
  bool zeroed;
  cgc_pageheap_alloc(&heap->pageheap, 1, 1, true, &zeroed);
  cgc_verify_heap(heap);
}
END_TEST

START_TEST(a_wrong_class_in_the_page_table_is_noticed) {
  heap->arena.desc[cgc_arena_page_of(&heap->arena, obj.span->base)] ^= 1;
  cgc_verify_heap(heap);
}
END_TEST

int main(void) {
  Suite *s = suite_create("verify");
  TCase *core = tcase_create("core");
  TCase *errors = tcase_create("errors");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_checked_fixture(errors, set_up, NULL);
  tcase_add_test(core, a_sound_heap_passes);
  tcase_add_test_raise_signal(errors, a_mark_left_over_is_noticed, SIGABRT);
  tcase_add_test_raise_signal(errors, a_free_slot_without_its_mark_is_noticed,
                              SIGABRT);
  tcase_add_test_raise_signal(errors, a_wrong_free_count_is_noticed, SIGABRT);
  tcase_add_test_raise_signal(errors, a_span_in_the_wrong_list_is_noticed,
                              SIGABRT);
  tcase_add_test_raise_signal(errors, a_torn_list_is_noticed, SIGABRT);
  tcase_add_test_raise_signal(errors, a_page_with_two_owners_is_noticed,
                              SIGABRT);
  tcase_add_test_raise_signal(errors, a_page_without_an_owner_is_noticed,
                              SIGABRT);
  tcase_add_test_raise_signal(
      errors, a_wrong_class_in_the_page_table_is_noticed, SIGABRT);
  suite_add_tcase(s, core);
  suite_add_tcase(s, errors);
  return unit_run(s);
}
