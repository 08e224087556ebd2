/* SPDX-License-Identifier: MIT */
/*
 * front/foreign: the loader is known by its code and data, and glibc's blocks
 * go to glibc.  This program's malloc is glibc's.
 */
#include "front/foreign.h"

#include "base/log.h"
#include "base/option.h"
#include "unit.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <string.h>

static void set_up(void) { cgc_log_set_fd(-1); }

static uintptr_t here(void) { return (uintptr_t)&set_up; }

START_TEST(foreign_knows_the_loaders_code) {
  uintptr_t base = _r_debug.r_ldbase;
  ck_assert(!cgc_foreign_is_loader(here()));
  ck_assert(!cgc_foreign_is_loader((uintptr_t)dlsym(RTLD_NEXT, "malloc")));
  ck_assert_uint_gt(cgc_loader.text, base);
  ck_assert_uint_gt(cgc_loader.text_len, 0);
  ck_assert(cgc_foreign_is_loader(cgc_loader.text));
  ck_assert(cgc_foreign_is_loader(cgc_loader.text + cgc_loader.text_len - 1));
  ck_assert(!cgc_foreign_is_loader(cgc_loader.text + cgc_loader.text_len));
  ck_assert(!cgc_foreign_is_loader(cgc_loader.text - 1));
  ck_assert(cgc_foreign_is_loader(_r_debug.r_brk)); /* a function of its own */
}
END_TEST

START_TEST(foreign_leaves_the_loaders_blocks_alone) {
  cgc_foreign_is_loader(0);
  cgc_foreign_free((void *)(cgc_loader.data + 64), here());
  cgc_foreign_free((void *)0x1000, cgc_loader.text);
}
END_TEST

START_TEST(foreign_hands_glibcs_blocks_to_glibc) {
  char *p = malloc(100);
  strcpy(p, "text");
  ck_assert_uint_eq(cgc_foreign_usable(p), malloc_usable_size(p));
  p = cgc_foreign_realloc(p, 100000);
  ck_assert_str_eq(p, "text");
  ck_assert_uint_ge(cgc_foreign_usable(p), 100000);
  size_t before = mallinfo2().uordblks;
  errno = 7;
  cgc_foreign_free(p, here());
  ck_assert_int_eq(errno, 7);
  ck_assert_uint_lt(mallinfo2().uordblks, before);
}
END_TEST

static Suite *foreign_suite(void) {
  Suite *s = suite_create("foreign");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_test(core, foreign_knows_the_loaders_code);
  tcase_add_test(core, foreign_leaves_the_loaders_blocks_alone);
  tcase_add_test(core, foreign_hands_glibcs_blocks_to_glibc);
  suite_add_tcase(s, core);
  return s;
}

int main(void) { return unit_run(foreign_suite()); }
