/* SPDX-License-Identifier: MIT */
#include "mark/slot.h"

#include "private.h"

static struct cgc_heap *heap;
static struct cgc_cache *cache;
static struct cgc_slot_map map;

static void set_up(void) {
  heap = private_heap((size_t)1 << 30, (size_t)64 << 20);
  cache = private_cache(heap);
  cgc_slot_map_open(&map, &heap->arena);
}

static void check_slot(const char *p, enum cgc_kind kind, size_t at) {
  struct cgc_object obj = private_object(heap, p);
  uint64_t slot = cgc_slot_find(&map, (uintptr_t)p + at);
  uint64_t *words = cgc_arena_mark_words(&heap->arena, obj.span);
  ck_assert_uint_ne(slot, 0);
  ck_assert_uint_eq(cgc_slot_address(&map, slot), (uintptr_t)p);
  ck_assert_ptr_eq(cgc_slot_word(&map, slot), words + obj.index / 64);
  ck_assert_uint_eq(cgc_slot_mask(slot), 1ULL << obj.index % 64);
  ck_assert_uint_eq(cgc_slot_class(slot), obj.span->class);
  ck_assert_uint_eq(cgc_slot_page(slot) << CGC_PAGE_SHIFT, obj.span->base);
  ck_assert_uint_eq(cgc_slot_is_scanned(slot), !cgc_kind_is_noscan(kind));
  ck_assert_ptr_eq(words + obj.index / 64 + cgc_slot_row(&map, slot)->lines,
                   cgc_arena_scanned_words(&heap->arena, obj.span) +
                       obj.index / 64);
}

START_TEST(every_byte_of_an_object_gives_its_slot) {
  for (int kind = 0; kind < CGC_KIND_DESCRIBED; kind++)
    for (unsigned class = 1; class <= CGC_CLASSES; class ++) {
      size_t size = cgc_size_classes[class].size;
      for (int i = 0; i < 3; i++) {
        char *p = private_alloc(cache, (enum cgc_kind)kind, size);
        for (size_t at = 0; at < size; at += 1 + at / 16)
          check_slot(p, (enum cgc_kind)kind, at);
      }
    }
}
END_TEST

START_TEST(a_place_says_the_same_as_its_slot) {
  for (unsigned class = 1; class <= CGC_CLASSES; class ++) {
    size_t size = cgc_size_classes[class].size;
    uintptr_t p = (uintptr_t)private_alloc(cache, CGC_KIND_SCAN, size);
    struct cgc_place place = cgc_slot_place(&map, p + size - 1);
    uint64_t slot = cgc_slot_find(&map, p);
    ck_assert_uint_eq(cgc_slot_of(place), slot);
    ck_assert_uint_eq(cgc_slot_place_address(place), p);
    ck_assert_ptr_eq(cgc_slot_place_word(&map, place),
                     cgc_slot_word(&map, slot));
  }
}
END_TEST

START_TEST(free_pages_and_large_objects_have_no_slot) {
  uintptr_t large = (uintptr_t)private_alloc(cache, CGC_KIND_SCAN, 100000);
  uintptr_t last = heap->arena.base + cgc_arena_bytes(&heap->arena) - 1;
  ck_assert_uint_eq(cgc_slot_find(&map, large), 0);
  ck_assert_uint_eq(cgc_slot_find(&map, large + 99999), 0);
  ck_assert_uint_eq(cgc_slot_find(&map, last), 0);
  ck_assert_uint_eq(cgc_slot_find_described(&map, large), 0);
  ck_assert_uint_eq(cgc_slot_find_described(&map, last), 0);
}
END_TEST

START_TEST(a_described_object_has_a_row_of_its_own) {
  char *p = private_alloc(cache, CGC_KIND_SCAN, 100);
  struct cgc_object obj = private_object(heap, p);
  obj.span->kind = CGC_KIND_DESCRIBED + 5;
  cgc_arena_set(&heap->arena, obj.span);
  ck_assert_uint_eq(cgc_slot_find(&map, (uintptr_t)p), 0);
  uint64_t slot = cgc_slot_find_described(&map, (uintptr_t)p + 50);
  ck_assert_uint_eq(cgc_slot_address(&map, slot), (uintptr_t)p);
  ck_assert_uint_eq(cgc_slot_class(slot), obj.span->class);
  ck_assert_uint_eq(cgc_slot_row(&map, slot)->words, 0);
  ck_assert_uint_eq(cgc_slot_row(&map, slot)->size, obj.size);
  ck_assert(cgc_slot_is_scanned(slot));
}
END_TEST

int main(void) {
  Suite *s = suite_create("slot");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_test(core, every_byte_of_an_object_gives_its_slot);
  tcase_add_test(core, a_place_says_the_same_as_its_slot);
  tcase_add_test(core, free_pages_and_large_objects_have_no_slot);
  tcase_add_test(core, a_described_object_has_a_row_of_its_own);
  suite_add_tcase(s, core);
  return unit_run(s);
}
