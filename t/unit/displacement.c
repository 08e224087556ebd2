/* SPDX-License-Identifier: MIT */
/* mark/displacement: which bytes of an object a pointer may name. */
#include "mark/displacement.h"

#include "mark/worker.h"
#include "private.h"

START_TEST(every_byte_counts_at_the_start) {
  ck_assert(!cgc_displacement_is_some());
  ck_assert(cgc_displacement_counts(0));
  ck_assert(cgc_displacement_counts(1));
  ck_assert(cgc_displacement_counts(SIZE_MAX));
}
END_TEST

START_TEST(only_the_start_and_what_is_allowed_counts) {
  cgc_displacement_set_all(false);
  cgc_displacement_allow(3);
  cgc_displacement_allow(CGC_DISPLACEMENT_MAX - 1);
  cgc_displacement_allow(CGC_DISPLACEMENT_MAX);
  ck_assert(cgc_displacement_counts(0));
  ck_assert(cgc_displacement_counts(3));
  ck_assert(cgc_displacement_counts(CGC_DISPLACEMENT_MAX - 1));
  ck_assert(!cgc_displacement_counts(2));
  ck_assert(!cgc_displacement_counts(64 + 3));
  ck_assert(!cgc_displacement_counts(CGC_DISPLACEMENT_MAX));
  cgc_displacement_set_all(true);
  ck_assert(cgc_displacement_counts(2));
}
END_TEST

static struct cgc_workers workers;

/* Mark by SCAN from a word that is OFFSET bytes inside of a new object. */
static bool marks(void (*scan)(struct cgc_marker *, uintptr_t, uintptr_t),
                  size_t size, size_t offset) {
  struct cgc_heap *heap = private_process_heap();
  struct cgc_cache *cache = private_cache(heap);
  uintptr_t obj = (uintptr_t)private_alloc(cache, CGC_KIND_SCAN, size);
  uintptr_t word = obj + offset;
  cgc_cache_flush(cache);
  cgc_heap_prepare_marks(heap);
  cgc_check(cgc_workers_init(&workers, 1));
  struct cgc_marker *m = cgc_workers_open(&workers, heap, 0);
  scan(m, (uintptr_t)&word, (uintptr_t)(&word + 1));
  cgc_workers_finish(&workers);
  struct cgc_object o = private_object(heap, (void *)obj);
  return cgc_object_is_marked(&heap->arena, &o);
}

static const size_t sizes[] = {64, 100000}; /* small and large */

START_TEST(the_marker_takes_only_what_counts) {
  size_t size = sizes[_i / 3];
  cgc_displacement_set_all(false);
  cgc_displacement_allow(8);
  size_t offset = (size_t)(_i % 3) * 8;
  ck_assert_int_eq(marks(cgc_marker_scan_range, size, offset), offset < 16);
}
END_TEST

START_TEST(the_marker_takes_all_from_stacks) {
  cgc_displacement_set_all(false);
  ck_assert(marks(cgc_marker_scan_stack, sizes[_i], 33));
}
END_TEST

int main(void) {
  Suite *s = suite_create("displacement");
  TCase *core = tcase_create("core");
  tcase_add_test(core, every_byte_counts_at_the_start);
  tcase_add_test(core, only_the_start_and_what_is_allowed_counts);
  tcase_add_loop_test(core, the_marker_takes_only_what_counts, 0, 6);
  tcase_add_loop_test(core, the_marker_takes_all_from_stacks, 0, 2);
  suite_add_tcase(s, core);
  return unit_run(s);
}
