/* SPDX-License-Identifier: MIT */
/* Overruns of objects of the debugging allocator. */
#include "capture.h"

#include <gc/gc_mark.h>

START_TEST(smash_intact_objects_are_not_reported) {
  GC_INIT();
  begin_capture();
  for (size_t size = 0; size < 3000; size += 7) {
    char *p = GC_debug_malloc(size, "intact.c", 7);
    memset(p, 0xff, size);
    if (size % 2)
      GC_debug_free(p);
  }
  GC_gcollect();
  ck_assert_str_eq(end_capture(), "");
}
END_TEST

START_TEST(smash_overruns_are_found_when_freed) {
  GC_INIT();
  for (size_t size = 8; size <= 4000; size *= 2) {
    begin_capture();
    char *p = GC_debug_malloc(size, "overrun.c", 4711);
    p[size] ^= 1;
    GC_debug_free(p);
    end_capture();
    ck_assert_ptr_nonnull(strstr(printed, "smashed"));
    ck_assert_ptr_nonnull(strstr(printed, "overrun.c:4711"));
  }
}
END_TEST

START_TEST(smash_overruns_are_found_by_a_collection) {
  GC_INIT();
  for (size_t size = 8; size <= 100000; size *= 8) {
    char *volatile p = GC_debug_malloc(size, "overrun.c", 4712);
    memset(p, 0, size + 1);
    begin_capture();
    GC_gcollect();
    end_capture();
    ck_assert_ptr_nonnull(strstr(printed, "smashed"));
    ck_assert_ptr_nonnull(strstr(printed, "overrun.c:4712"));
    if (contract_is_ours()) {
      begin_capture();
      GC_gcollect(); /* told once */
      GC_debug_free(p);
      ck_assert_str_eq(end_capture(), "");
    } else {
      GC_debug_free(p);
    }
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("smash");
  TCase *core = tcase_create("core");
  tcase_add_test(core, smash_intact_objects_are_not_reported);
  tcase_add_test(core, smash_overruns_are_found_when_freed);
  tcase_add_test(core, smash_overruns_are_found_by_a_collection);
  tcase_set_timeout(core, 60);
  suite_add_tcase(s, core);
  return contract_run(s);
}
