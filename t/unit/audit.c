/* SPDX-License-Identifier: MIT */
#include "mark/audit.h"

#include "private.h"

enum { OBJECTS = 3000 };

static struct cgc_heap *heap;
static struct cgc_cache *cache;
static void *obj[OBJECTS];

static void set_up(void) {
  heap = private_heap((size_t)256 << 20, 0);
  cache = private_cache(heap);
  for (int i = 0; i < OBJECTS; i++)
    obj[i] = private_alloc(cache, CGC_KIND_SCAN, 16 + (size_t)i % 3000);
  cgc_cache_flush(cache);
}

static void mark_all_but(int from, int without) {
  for (int i = from; i < OBJECTS; i++) {
    struct cgc_object o = private_object(heap, obj[i]);
    if (i != without)
      private_mark(heap, &o);
  }
}

static bool is_marked(int i) {
  struct cgc_object o = private_object(heap, obj[i]);
  return cgc_object_is_marked(&heap->arena, &o);
}

START_TEST(equal_markings_agree_and_the_old_marks_come_back) {
  struct cgc_audit audit;
  cgc_heap_prepare_marks(heap);
  mark_all_but(0, 77);
  ck_assert(cgc_audit_begin(&audit, heap));
  ck_assert(!is_marked(5));
  mark_all_but(0, 77);
  ck_assert_uint_eq(cgc_audit_end(&audit), 0);
  for (int i = 0; i < OBJECTS; i++)
    ck_assert(is_marked(i) == (i != 77));
}
END_TEST

START_TEST(what_the_first_marking_has_more_of_is_no_loss) {
  struct cgc_audit audit;
  cgc_heap_prepare_marks(heap);
  mark_all_but(0, -1);
  ck_assert(cgc_audit_begin(&audit, heap));
  mark_all_but(1000, -1);
  ck_assert_uint_eq(cgc_audit_end(&audit), 0);
}
END_TEST

START_TEST(each_object_that_was_lost_is_found) {
  for (int lost = 0; lost < OBJECTS; lost += 61) {
    struct cgc_audit audit;
    cgc_heap_prepare_marks(heap);
    mark_all_but(0, lost);
    ck_assert(cgc_audit_begin(&audit, heap));
    mark_all_but(0, -1);
    ck_assert_uint_eq(cgc_audit_end(&audit), (uintptr_t)obj[lost]);
    ck_assert(!is_marked(lost));
  }
}
END_TEST

START_TEST(what_was_freed_is_no_loss) {
  struct cgc_audit audit;
  cgc_heap_prepare_marks(heap);
  mark_all_but(0, 9);
  private_free(cache, obj[9]);
  cgc_cache_flush(cache);
  ck_assert(cgc_audit_begin(&audit, heap));
  mark_all_but(0, 9);
  ck_assert_uint_eq(cgc_audit_end(&audit), 0);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("audit");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_test(core, equal_markings_agree_and_the_old_marks_come_back);
  tcase_add_test(core, what_the_first_marking_has_more_of_is_no_loss);
  tcase_add_test(core, each_object_that_was_lost_is_found);
  tcase_add_test(core, what_was_freed_is_no_loss);
  suite_add_tcase(suite, core);
  return unit_run(suite);
}
