/* SPDX-License-Identifier: MIT */
#include "front/leak.h"

#include "unit.h"

#include <errno.h>
#include <string.h>

static struct cgc_leak_options o;

static const char *parse(const char *text) {
  o = (struct cgc_leak_options){.depth = 32, .exit_code = 23};
  return cgc_leak_parse(text, &o);
}

START_TEST(off_is_off) {
  static const char *const texts[] = {"", "0", "off", "off:reachable"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    ck_assert_ptr_null(parse(texts[i]));
    ck_assert(!o.on);
  }
}
END_TEST

START_TEST(a_list_is_read) {
  ck_assert_ptr_null(
      parse("on:reachable:depth=64:exit-code=0:follow-children:pid=42"));
  ck_assert_int_eq(o.pid, 42);
  ck_assert(o.on && o.reachable && o.follow);
  ck_assert_uint_eq(o.depth, 64);
  ck_assert_int_eq(o.exit_code, 0);
}
END_TEST

START_TEST(the_printers_options_are_passed_over) {
  ck_assert_ptr_null(parse("on:json=/a\\:b/reachable:html=x:full"));
  ck_assert(o.on && !o.reachable);
  ck_assert_ptr_null(parse("on:json=x\\:reachable"));
  ck_assert(!o.reachable);
}
END_TEST

START_TEST(bad_numbers_are_told) {
  static const char *const texts[] = {
      "on:depth=0",    "on:depth=x",  "on:depth=1025", "on:exit-code=256",
      "on:exit-code=", "on:depth=3x", "on:pid=x"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    ck_assert_ptr_nonnull(parse(texts[i]));
}
END_TEST

START_TEST(other_processes_do_not_report) {
  static char *const others[] = {"CGC_LEAK=on:pid=1", NULL};
  ck_assert(!cgc_leak_start(others));
  ck_assert(!cgc_leak.on);
}
END_TEST

START_TEST(without_leak_mode_there_is_no_check) {
  ck_assert_int_eq(cgc_leak_check("call", NULL), -ENOTSUP);
  ck_assert(!cgc_leak_is_ours());
}
END_TEST

int main(void) {
  Suite *suite = suite_create("leak");
  TCase *core = tcase_create("core");
  tcase_add_test(core, off_is_off);
  tcase_add_test(core, a_list_is_read);
  tcase_add_test(core, the_printers_options_are_passed_over);
  tcase_add_test(core, other_processes_do_not_report);
  suite_add_tcase(suite, core);
  TCase *errors = tcase_create("errors");
  tcase_add_test(errors, bad_numbers_are_told);
  tcase_add_test(errors, without_leak_mode_there_is_no_check);
  suite_add_tcase(suite, errors);
  return unit_run(suite);
}
