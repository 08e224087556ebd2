/* SPDX-License-Identifier: MIT */
/* front/common: what both contracts promise. */
#include "cgc.h"

#include "unit.h"

#include <string.h>

static void on_final(void *obj, void *data) {
  (void)obj;
  (void)data;
}

static char one;

START_TEST(common_base_finds_objects_by_their_insides) {
  char *obj = GC_malloc(1000), *big = GC_malloc(1 << 20);
  int local;
  ck_assert_ptr_eq(GC_base(obj + 999), obj);
  ck_assert_ptr_eq(GC_base(big + 700000), big);
  ck_assert_ptr_null(GC_base(&local));
  ck_assert_int_eq(GC_is_heap_ptr(obj), 1);
  ck_assert_int_eq(GC_is_heap_ptr(&local), 0);
  ck_assert_uint_eq(GC_size(&local), 0);
  GC_free(obj);
  ck_assert_ptr_null(GC_base(obj));
}
END_TEST

START_TEST(common_finalizer_is_replaced_and_removed) {
  GC_finalization_proc old = NULL;
  void *data = NULL, *obj = GC_malloc(10);
  GC_register_finalizer(obj, on_final, &one, &old, &data);
  ck_assert_ptr_null(data);
  GC_register_finalizer(obj, NULL, NULL, &old, &data);
  ck_assert(old == on_final);
  ck_assert_ptr_eq(data, &one);
}
END_TEST

START_TEST(common_links_are_registered_moved_and_forgotten) {
  void **cell = GC_malloc_noscan(2 * sizeof *cell);
  void *obj = GC_malloc(10);
  cell[0] = obj;
  ck_assert_int_eq(GC_general_register_disappearing_link(cell, obj),
                   GC_SUCCESS);
  ck_assert_int_eq(GC_general_register_disappearing_link(cell, obj),
                   GC_DUPLICATE);
  ck_assert_int_eq(GC_move_disappearing_link(cell, cell + 1), GC_SUCCESS);
  ck_assert_int_eq(GC_move_disappearing_link(cell, cell + 1), GC_NOT_FOUND);
  ck_assert_int_eq(GC_unregister_disappearing_link(cell + 1), 1);
  ck_assert_int_eq(GC_unregister_disappearing_link(cell + 1), 0);
  ck_assert_int_eq(GC_register_long_link(cell, obj), GC_SUCCESS);
  ck_assert_int_eq(GC_unregister_long_link(cell), 1);
}
END_TEST

START_TEST(common_roots_are_scanned_until_removed_or_excluded) {
  void **outside = calloc(1, sizeof *outside);
  for (int i = 0; i < 3; i++) {
    uintptr_t hidden = ~(uintptr_t)(*outside = GC_malloc(100));
    GC_add_roots(outside, outside + 1);
    GC_collect();
    ck_assert_ptr_nonnull(GC_base((void *)~hidden));
    if (i == 0)
      GC_remove_roots(outside, outside + 1);
    else if (i == 1)
      GC_clear_roots();
    else
      GC_exclude_roots(outside, outside + 1);
    *outside = (void *)~hidden; /* no root: seen by nobody */
    hidden = 0;
  }
}
END_TEST

START_TEST(common_stack_base_is_behind_this_frame) {
  struct GC_stack_base base;
  ck_assert_int_eq(GC_get_stack_base(&base), GC_SUCCESS);
  ck_assert((char *)base.mem_base > (char *)__builtin_frame_address(0));
}
END_TEST

int main(void) {
  Suite *s = suite_create("common");
  TCase *core = tcase_create("core");
  tcase_add_test(core, common_base_finds_objects_by_their_insides);
  tcase_add_test(core, common_finalizer_is_replaced_and_removed);
  tcase_add_test(core, common_links_are_registered_moved_and_forgotten);
  tcase_add_test(core, common_roots_are_scanned_until_removed_or_excluded);
  tcase_add_test(core, common_stack_base_is_behind_this_frame);
  suite_add_tcase(s, core);
  return unit_run(s);
}
