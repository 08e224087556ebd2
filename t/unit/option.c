/* SPDX-License-Identifier: MIT */
#include "base/option.h"

#include "base/log.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int out[2];

static void catch_log(void) {
  ck_assert_int_eq(pipe(out), 0);
  ck_assert_int_eq(fcntl(out[0], F_SETFL, O_NONBLOCK), 0);
  cgc_log_set_fd(out[1]);
}

/* Lines that the log has written until now. */
static int warnings(char *text, size_t size) {
  int n = 0;
  ssize_t len = read(out[0], text, size - 1);
  text[len > 0 ? len : 0] = '\0';
  for (const char *p = text; (p = strchr(p, '\n')); p++)
    n++;
  return n;
}

#define ck_set(name, text, expected)                                           \
  do {                                                                         \
    int64_t value_;                                                            \
    ck_assert_int_eq(cgc_option_set(name, text), 0);                           \
    ck_assert_int_eq(cgc_option_get(name, &value_), 0);                        \
    ck_assert_int_eq(value_, expected);                                        \
  } while (0)

START_TEST(bools_are_digits_or_words) {
  ck_set("CGC_VERIFY", "1", 1);
  ck_set("CGC_VERIFY", "0", 0);
  ck_set("CGC_VERIFY", "yes", 1);
  ck_set("CGC_VERIFY", "no", 0);
  ck_set("CGC_VERIFY", "on", 1);
  ck_set("CGC_VERIFY", "off", 0);
  ck_assert_int_eq(cgc_option_set("CGC_VERIFY", "2"), -EINVAL);
  ck_assert_int_eq(cgc_option_set("CGC_VERIFY", ""), -EINVAL);
  ck_assert_int_eq(cgc_option_set("CGC_VERIFY", "ye"), -EINVAL);
}
END_TEST

START_TEST(numbers_have_no_unit) {
  ck_set("CGC_PERCENT", "0", 0);
  ck_set("CGC_PERCENT", "250", 250);
  ck_assert_int_eq(cgc_option_set("CGC_PERCENT", "10k"), -EINVAL);
  ck_assert_int_eq(cgc_option_set("CGC_PERCENT", "-1"), -EINVAL);
  ck_assert_int_eq(cgc_option_set("CGC_PERCENT", "1.5"), -EINVAL);
  ck_assert_int_eq(cgc_option_set("CGC_PERCENT", " 1"), -EINVAL);
  ck_assert_int_eq(cgc_option_set("CGC_PERCENT", "1 "), -EINVAL);
}
END_TEST

START_TEST(sizes_have_units) {
  ck_set("CGC_MEMORY_LIMIT", "4096", 4096);
  ck_set("CGC_MEMORY_LIMIT", "3k", 3 << 10);
  ck_set("CGC_MEMORY_LIMIT", "3K", 3 << 10);
  ck_set("CGC_MEMORY_LIMIT", "5M", 5 << 20);
  ck_set("CGC_MEMORY_LIMIT", "7G", 7LL << 30);
  ck_set("CGC_MEMORY_LIMIT", "2T", 2LL << 40);
  ck_assert_int_eq(cgc_option_set("CGC_MEMORY_LIMIT", "k"), -EINVAL);
  ck_assert_int_eq(cgc_option_set("CGC_MEMORY_LIMIT", "1kk"), -EINVAL);
  ck_assert_int_eq(cgc_option_set("CGC_MEMORY_LIMIT", "1m"), -EINVAL);
}
END_TEST

START_TEST(words_choose) {
  ck_set("CGC_BAD_FREE", "abort", CGC_BAD_FREE_ABORT);
  ck_set("CGC_BAD_FREE", "warn", CGC_BAD_FREE_WARN);
  ck_set("CGC_BAD_FREE", "ignore", CGC_BAD_FREE_IGNORE);
  ck_set("CGC_FREE", "ignore", CGC_FREE_IGNORE);
  ck_assert_int_eq(cgc_option_set("CGC_FREE", "warn"), -EINVAL);
  ck_assert_int_eq(cgc_option_set("CGC_FREE", "honour|ignore"), -EINVAL);
  ck_assert_int_eq(cgc_option_set("CGC_FREE", "hon"), -EINVAL);
  ck_assert_int_eq(cgc_option_set("CGC_FREE", ""), -EINVAL);
}
END_TEST

START_TEST(overflow_is_a_bad_value) {
  const char *const name = "CGC_MEMORY_LIMIT";
  ck_set(name, "9223372036854775807", INT64_MAX);
  ck_assert_int_eq(cgc_option_set(name, "9223372036854775808"), -EINVAL);
  ck_assert_int_eq(cgc_option_set(name, "99999999999999999999999"), -EINVAL);
  ck_assert_int_eq(cgc_option_set(name, "8388608T"), -EINVAL);
  ck_set(name, "8388607T", 8388607LL << 40);
}
END_TEST

START_TEST(bounds_hold_and_a_bad_value_changes_nothing) {
  int64_t before = cgc_options.reserve;
  ck_assert_int_eq(cgc_option_set("CGC_RESERVE", "1"), -EINVAL);
  ck_assert_int_eq(cgc_option_set("CGC_RESERVE", "1024T"), -EINVAL);
  ck_assert_int_eq(cgc_options.reserve, before);
  ck_set("CGC_RESERVE", "16M", 16 << 20);
  ck_set("CGC_RESERVE", "16T", 16LL << 40);
}
END_TEST

START_TEST(names_are_whole_names) {
  int64_t value;
  ck_assert_int_eq(cgc_option_set("CGC_TRAC", "1"), -ENOENT);
  ck_assert_int_eq(cgc_option_set("CGC_TRACES", "1"), -ENOENT);
  ck_assert_int_eq(cgc_option_set("", "1"), -ENOENT);
  ck_assert_int_eq(cgc_option_get("CGC_NONE", &value), -ENOENT);
}
END_TEST

START_TEST(defaults_lie_in_their_bounds) {
  char text[24];
  int64_t value;
  static const char *const numbers[] = {
      "CGC_MEMORY_LIMIT", "CGC_PERCENT", "CGC_RESERVE", "CGC_RETAIN",
      "CGC_STOP_SIGNAL",  "CGC_STRESS",  "CGC_TRIGGER"};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    ck_assert_int_eq(cgc_option_get(numbers[i], &value), 0);
    snprintf(text, sizeof text, "%lld", (long long)value);
    ck_set(numbers[i], text, value);
  }
}
END_TEST

START_TEST(the_environment_sets_options_silently) {
  char text[512];
  char *env[] = {"HOME=/", "CGC_PERCENT=42", "CGC_TRACE=1", "PATH=x", NULL};
  catch_log();
  cgc_option_read(env);
  ck_assert_int_eq(cgc_options.percent, 42);
  ck_assert_int_eq(cgc_options.trace, 1);
  ck_assert_int_eq(warnings(text, sizeof text), 0);
}
END_TEST

START_TEST(the_environment_may_be_missing) { cgc_option_read(NULL); }
END_TEST

START_TEST(a_bad_value_gets_one_warning_and_keeps_the_default) {
  char text[512];
  char *env[] = {"CGC_PERCENT=lots", "CGC_FREE=maybe", NULL};
  int64_t percent = cgc_options.percent;
  catch_log();
  cgc_option_read(env);
  ck_assert_int_eq(warnings(text, sizeof text), 2);
  ck_assert_ptr_nonnull(strstr(text, "CGC_PERCENT=lots"));
  ck_assert_ptr_nonnull(strstr(text, "honour|ignore"));
  ck_assert_int_eq(cgc_options.percent, percent);
  ck_assert_int_eq(cgc_options.free, CGC_FREE_HONOUR);
}
END_TEST

START_TEST(an_unknown_name_gets_one_warning) {
  char text[512];
  char *env[] = {"CGC_PERCENTAGE=1", "CGCPERCENT=1", "XCGC_TRACE=1", NULL};
  catch_log();
  cgc_option_read(env);
  ck_assert_int_eq(warnings(text, sizeof text), 1);
  ck_assert_ptr_nonnull(strstr(text, "CGC_PERCENTAGE"));
}
END_TEST

START_TEST(the_tools_own_variables_are_left_alone) {
  char text[512];
  char *env[] = {"CGC_LIBRARY=/lib/x.so", NULL};
  catch_log();
  cgc_option_read(env);
  ck_assert_int_eq(warnings(text, sizeof text), 0);
}
END_TEST

int main(void) {
  Suite *s = suite_create("option");
  TCase *core = tcase_create("core");
  TCase *limits = tcase_create("limits");
  TCase *env = tcase_create("environment");
  tcase_add_test(core, bools_are_digits_or_words);
  tcase_add_test(core, numbers_have_no_unit);
  tcase_add_test(core, sizes_have_units);
  tcase_add_test(core, words_choose);
  tcase_add_test(core, names_are_whole_names);
  tcase_add_test(limits, overflow_is_a_bad_value);
  tcase_add_test(limits, bounds_hold_and_a_bad_value_changes_nothing);
  tcase_add_test(limits, defaults_lie_in_their_bounds);
  tcase_add_test(env, the_environment_sets_options_silently);
  tcase_add_test(env, the_environment_may_be_missing);
  tcase_add_test(env, a_bad_value_gets_one_warning_and_keeps_the_default);
  tcase_add_test(env, an_unknown_name_gets_one_warning);
  tcase_add_test(env, the_tools_own_variables_are_left_alone);
  suite_add_tcase(s, core);
  suite_add_tcase(s, limits);
  suite_add_tcase(s, env);
  return unit_run(s);
}
