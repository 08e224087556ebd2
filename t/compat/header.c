/* SPDX-License-Identifier: MIT */
/* What stands around an object of the debugging allocator. */
#include "allocs.h"
#include "capture.h"

#include <gc/gc_mark.h>

START_TEST(header_objects_stand_behind_their_header) {
  GC_INIT();
  ck_assert_uint_eq(GC_get_debug_header_size() % 16, 0);
  for (size_t i = 0; i < NALLOCS; i++)
    for (size_t size = 0; size < 200000; size = size * 2 + 1) {
      char *p = allocs[i].fn(size, "file.c", 7);
      char *base = GC_base(p);
      ck_assert_ptr_eq(GC_USR_PTR_FROM_BASE(base), p);
      ck_assert_uint_eq((uintptr_t)p % 16, 0);
      ck_assert_uint_ge(GC_size(base), size + (size_t)(p - base));
      ck_assert_int_eq(GC_get_kind_and_size(base, NULL), allocs[i].kind);
      for (size_t at = 0; allocs[i].kind == NORMAL && at < size; at++)
        ck_assert_int_eq(p[at], 0);
      memset(p, 0xff, size);
      GC_debug_free(p);
    }
}
END_TEST

START_TEST(header_every_byte_behind_the_end_counts) {
  if (!contract_is_ours())
    return; /* bdwgc looks at whole words */
  GC_INIT();
  for (size_t size = 1; size < 100; size++) {
    begin_capture();
    char *p = GC_debug_malloc(size, "byte.c", 3);
    p[size]++;
    GC_debug_free(p);
    ck_assert_ptr_nonnull(strstr(end_capture(), "byte.c:3"));
  }
}
END_TEST

START_TEST(header_underruns_are_found) {
  GC_INIT();
  begin_capture();
  char *volatile p = GC_debug_malloc(40, "under.c", 3);
  memset(p - GC_get_debug_header_size(), 0x11, GC_get_debug_header_size());
  GC_gcollect();
  ck_assert_ptr_nonnull(strstr(end_capture(), "smashed"));
  GC_reachable_here(p);
}
END_TEST

int main(void) {
  Suite *s = suite_create("header");
  TCase *core = tcase_create("core");
  tcase_add_test(core, header_objects_stand_behind_their_header);
  tcase_add_test(core, header_every_byte_behind_the_end_counts);
  tcase_add_test(core, header_underruns_are_found);
  tcase_set_timeout(core, 60);
  suite_add_tcase(s, core);
  return contract_run(s);
}
