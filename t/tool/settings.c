/* SPDX-License-Identifier: MIT */
/* tools/settings: what one side writes into CGC_LEAK the other one reads. */
#include "tools/settings.h"

#include "t/unit/unit.h"

#include <string.h>

static struct cgc_store *store;
static struct cgc_settings settings;

static void set_up(void) { store = cgc_store_open(); }

static void tear_down(void) {
  cgc_settings_clear(&settings);
  cgc_store_close(store);
}

START_TEST(settings_come_back) {
  char *list = cgc_settings_add(strdup(""), "on", NULL);
  list = cgc_settings_add(list, "json", "/a:b\\c=d e");
  list = cgc_settings_add(list, "suppress", "x");
  list = cgc_settings_add(list, "suppress", "y:");
  list = cgc_settings_add(list, "full", NULL);
  list = cgc_settings_add(list, "exit-code", "7");
  ck_assert_str_eq(list, "on:json=/a\\:b\\\\c=d e:suppress=x:suppress=y\\::full"
                         ":exit-code=7");
  ck_assert_int_eq(cgc_settings_read(&settings, store, list), 0);
  ck_assert_str_eq(settings.json, "/a:b\\c=d e");
  ck_assert_uint_eq(settings.nsuppress, 2);
  ck_assert_str_eq(settings.suppress[1], "y:");
  ck_assert(settings.full);
  ck_assert(!settings.reachable);
  ck_assert_int_eq(settings.exit_code, 7);
  ck_assert_ptr_null(settings.html);
  free(list);
}
END_TEST

START_TEST(settings_have_defaults) {
  static const char *const lists[] = {NULL, "", "on", "1", ":::", "what=x"};
  ck_assert_int_eq(cgc_settings_read(&settings, store, lists[_i]), 0);
  ck_assert_int_eq(settings.exit_code, 23);
  ck_assert_uint_eq(settings.nsuppress, 0);
}
END_TEST

START_TEST(settings_flags_can_be_off) {
  ck_assert_int_eq(
      cgc_settings_read(&settings, store, "full=no:reachable=yes:html=x"), 0);
  ck_assert(!settings.full);
  ck_assert(settings.reachable);
  ck_assert_str_eq(settings.html, "x");
}
END_TEST

START_TEST(settings_reject_a_wrong_exit_code) {
  static const char *const lists[] = {"exit-code=", "exit-code=256",
                                      "exit-code=-1", "exit-code=2x"};
  ck_assert_int_ne(cgc_settings_read(&settings, store, lists[_i]), 0);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("settings");
  TCase *tc = tcase_create("core");
  tcase_add_checked_fixture(tc, set_up, tear_down);
  tcase_add_test(tc, settings_come_back);
  tcase_add_loop_test(tc, settings_have_defaults, 0, 6);
  tcase_add_test(tc, settings_flags_can_be_off);
  tcase_add_loop_test(tc, settings_reject_a_wrong_exit_code, 0, 4);
  suite_add_tcase(suite, tc);
  return unit_run(suite);
}
