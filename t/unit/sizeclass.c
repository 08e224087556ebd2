/* SPDX-License-Identifier: MIT */
#include "heap/sizeclass.h"

#include "unit.h"

static void set_up(void) { cgc_sizeclass_init(); }

START_TEST(classes_grow_by_multiples_of_the_grain) {
  for (unsigned c = 1; c <= CGC_CLASSES; c++) {
    ck_assert_uint_eq(cgc_size_classes[c].size % CGC_GRAIN, 0);
    if (c > 1)
      ck_assert_uint_gt(cgc_size_classes[c].size, cgc_size_classes[c - 1].size);
  }
  ck_assert_uint_eq(cgc_size_classes[1].size, CGC_GRAIN);
  ck_assert_uint_eq(cgc_size_classes[CGC_CLASSES].size, CGC_SMALL_MAX);
}
END_TEST

START_TEST(every_size_gets_the_smallest_class_that_holds_it) {
  unsigned class = 1;
  for (size_t size = 0; size <= CGC_SMALL_MAX; size++) {
    while (cgc_size_classes[class].size < size)
      class ++;
    ck_assert_uint_eq(cgc_sizeclass_of(size), class);
  }
}
END_TEST

START_TEST(no_more_than_an_eighth_of_a_slot_is_waste) {
  for (size_t size = 113; size <= CGC_SMALL_MAX; size++) {
    size_t slot = cgc_size_classes[cgc_sizeclass_of(size)].size;
    ck_assert_uint_le((slot - size) * 8, slot);
  }
}
END_TEST

START_TEST(no_more_than_a_sixteenth_of_a_span_is_tail) {
  for (unsigned c = 1; c <= CGC_CLASSES; c++) {
    const struct cgc_size_class *k = &cgc_size_classes[c];
    size_t bytes = (size_t)k->npages << CGC_PAGE_SHIFT;
    ck_assert_uint_ge(k->npages, 1);
    ck_assert_uint_le(k->npages, CGC_SPAN_PAGES_MAX);
    ck_assert_uint_eq(k->nslots, bytes / k->size);
    ck_assert_uint_ge(k->nslots, 1);
    ck_assert_uint_le((bytes - (size_t)k->nslots * k->size) * 16, bytes);
  }
}
END_TEST

START_TEST(a_slot_has_its_bit_in_the_spans_lines) {
  for (unsigned c = 1; c <= CGC_CLASSES; c++)
    ck_assert_uint_le(cgc_size_classes[c].nslots,
                      512u * cgc_size_classes[c].npages);
}
END_TEST

START_TEST(multiplying_divides_at_every_offset_of_every_class) {
  for (unsigned c = 1; c <= CGC_CLASSES; c++) {
    size_t bytes = (size_t)cgc_size_classes[c].npages << CGC_PAGE_SHIFT;
    uint32_t size = cgc_size_classes[c].size;
    for (size_t offset = 0; offset < bytes; offset++)
      if (cgc_sizeclass_index(c, offset) != offset / size)
        ck_abort_msg("class %u offset %zu", c, offset);
  }
}
END_TEST

START_TEST(a_start_is_told_from_every_other_offset) {
  for (unsigned c = 1; c <= CGC_CLASSES; c++) {
    size_t bytes = (size_t)cgc_size_classes[c].npages << CGC_PAGE_SHIFT;
    uint32_t size = cgc_size_classes[c].size;
    uint32_t index;
    for (size_t offset = 0; offset < bytes; offset++)
      if (cgc_sizeclass_start(c, offset, &index) != (offset % size == 0) ||
          index != offset / size)
        ck_abort_msg("class %u offset %zu", c, offset);
  }
}
END_TEST

START_TEST(a_class_without_slots_has_no_start) {
  uint32_t index;
  ck_assert(!cgc_sizeclass_start(CGC_CLASS_NONE, 0, &index));
  ck_assert(!cgc_sizeclass_start(CGC_CLASS_LARGE, 0, &index));
}
END_TEST

START_TEST(a_slot_of_the_tail_has_a_state) {
  for (unsigned c = 1; c <= CGC_CLASSES; c++) {
    const struct cgc_size_class *k = &cgc_size_classes[c];
    if (((uint32_t)k->npages << CGC_PAGE_SHIFT) % k->size)
      ck_assert_uint_ne(k->nslots % 64, 0);
  }
}
END_TEST

START_TEST(pages_round_up) {
  ck_assert_uint_eq(cgc_pages(0), 0);
  ck_assert_uint_eq(cgc_pages(1), 1);
  ck_assert_uint_eq(cgc_pages(CGC_PAGE), 1);
  ck_assert_uint_eq(cgc_pages(CGC_PAGE + 1), 2);
}
END_TEST

int main(void) {
  Suite *s = suite_create("sizeclass");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_test(core, classes_grow_by_multiples_of_the_grain);
  tcase_add_test(core, every_size_gets_the_smallest_class_that_holds_it);
  tcase_add_test(core, no_more_than_an_eighth_of_a_slot_is_waste);
  tcase_add_test(core, no_more_than_a_sixteenth_of_a_span_is_tail);
  tcase_add_test(core, a_slot_has_its_bit_in_the_spans_lines);
  tcase_add_test(core, multiplying_divides_at_every_offset_of_every_class);
  tcase_add_test(core, a_start_is_told_from_every_other_offset);
  tcase_add_test(core, a_class_without_slots_has_no_start);
  tcase_add_test(core, a_slot_of_the_tail_has_a_state);
  tcase_add_test(core, pages_round_up);
  tcase_set_timeout(core, 60);
  suite_add_tcase(s, core);
  return unit_run(s);
}
