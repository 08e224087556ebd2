/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include "unit.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static const char *volatile no_text = NULL;
static char buf[CGC_LOG_LINE_MAX * 2];
static int out[2]; /* a pipe that the log writes into */

static void open_pipe(void) {
  ck_assert_int_eq(pipe(out), 0);
  cgc_log_set_fd(out[1]);
}

/* What the log has written until now. */
static const char *written(void) {
  ssize_t n = read(out[0], buf, sizeof buf - 1);
  ck_assert_int_gt(n, 0);
  buf[n] = '\0';
  return buf;
}

#define ck_format(expected, ...)                                               \
  do {                                                                         \
    size_t len_ = cgc_log_format(buf, sizeof buf, __VA_ARGS__);                \
    ck_assert_str_eq(buf, expected);                                           \
    ck_assert_uint_eq(len_, strlen(expected));                                 \
  } while (0)

START_TEST(integers_of_every_width) {
  ck_format("0 -1 2147483647 -2147483648", "%d %d %d %d", 0, -1, INT_MAX,
            INT_MIN);
  ck_format("-9223372036854775808 9223372036854775807", "%ld %ld", LONG_MIN,
            LONG_MAX);
  ck_format("18446744073709551615 4294967295", "%zu %u", SIZE_MAX, UINT_MAX);
  ck_format("ffffffffffffffff 0", "%lx %x", ULONG_MAX, 0);
}
END_TEST

START_TEST(widths_pad_with_blanks_or_zeros) {
  ck_format("[    7][00042][123456]", "[%5d][%05u][%3d]", 7, 42u, 123456);
  ck_format("[-0005][   -5]", "[%05d][%5d]", -5, -5);
  ck_format("[  ab]", "[%4s]", "ab");
}
END_TEST

START_TEST(strings_may_be_null_or_cut) {
  ck_format("abc|ab|(null)|x%", "%s|%.2s|%s|%c%%", "abc", "abcdef", no_text,
            'x');
}
END_TEST

START_TEST(a_cut_string_is_not_read_beyond_its_precision) {
  char raw[2] = {'a', 'b'};
  ck_format("ab", "%.2s", raw);
}
END_TEST

START_TEST(pointers_are_hexadecimal) {
  ck_format("0x7f00deadbeef 0x0", "%p %p", (void *)0x7f00deadbeef,
            (void *)NULL);
}
END_TEST

static const char odd[] = "%y|%"; /* not for the compiler's format check */

START_TEST(an_unknown_format_shows_in_the_text) {
  size_t (*format)(char *, size_t, const char *, ...) = cgc_log_format;
  format(buf, sizeof buf, odd);
  ck_assert_str_eq(buf, "y|");
}
END_TEST

START_TEST(text_that_does_not_fit_is_cut_and_ended) {
  char small[5] = "zzzz";
  ck_assert_uint_eq(cgc_log_format(small, sizeof small, "%s", "abcdefgh"), 4);
  ck_assert_str_eq(small, "abcd");
  small[0] = 'z';
  ck_assert_uint_eq(cgc_log_format(small, 0, "abc"), 0);
  ck_assert_int_eq(small[0], 'z');
}
END_TEST

START_TEST(a_line_has_prefix_pid_and_level) {
  char expected[64];
  open_pipe();
  cgc_log(CGC_LOG_WARNING, "n=%d", 3);
  snprintf(expected, sizeof expected, "cgc: [%d] warning: n=3\n",
           (int)getpid());
  ck_assert_str_eq(written(), expected);
}
END_TEST

START_TEST(raw_text_has_no_prefix) {
  open_pipe();
  cgc_log_raw("a%sc", "b");
  ck_assert_str_eq(written(), "abc");
}
END_TEST

START_TEST(a_line_too_long_still_ends) {
  char text[CGC_LOG_LINE_MAX * 2];
  memset(text, 'x', sizeof text);
  text[sizeof text - 1] = '\0';
  open_pipe();
  cgc_log(CGC_LOG_INFO, "%s", text);
  const char *line = written();
  ck_assert_uint_le(strlen(line), CGC_LOG_LINE_MAX);
  ck_assert_int_eq(line[strlen(line) - 1], '\n');
}
END_TEST

START_TEST(errno_is_kept_even_when_writing_fails) {
  cgc_log_set_fd(-1);
  errno = 77;
  cgc_log(CGC_LOG_INFO, "nobody reads this");
  cgc_log_raw("nor this");
  ck_assert_int_eq(errno, 77);
}
END_TEST

static void hook(void) { cgc_log_raw("stack\n"); }

static void hook_that_fails(void) { cgc_check_failed("hook", "here", 1); }

START_TEST(fatal_aborts_after_its_hook) {
  cgc_log_set_fd(-1);
  cgc_fatal_hook = hook;
  cgc_fatal("broken: %d", 1);
}
END_TEST

START_TEST(a_hook_that_fails_is_not_called_again) {
  cgc_log_set_fd(-1);
  cgc_fatal_hook = hook_that_fails;
  cgc_fatal("broken");
}
END_TEST

START_TEST(a_failed_check_aborts) {
  cgc_log_set_fd(-1);
  cgc_check(buf[0] == 'q');
}
END_TEST

int main(void) {
  Suite *s = suite_create("log");
  TCase *format = tcase_create("format");
  TCase *lines = tcase_create("lines");
  TCase *errors = tcase_create("errors");
  tcase_add_test(format, integers_of_every_width);
  tcase_add_test(format, widths_pad_with_blanks_or_zeros);
  tcase_add_test(format, strings_may_be_null_or_cut);
  tcase_add_test(format, a_cut_string_is_not_read_beyond_its_precision);
  tcase_add_test(format, pointers_are_hexadecimal);
  tcase_add_test(format, an_unknown_format_shows_in_the_text);
  tcase_add_test(format, text_that_does_not_fit_is_cut_and_ended);
  tcase_add_test(lines, a_line_has_prefix_pid_and_level);
  tcase_add_test(lines, raw_text_has_no_prefix);
  tcase_add_test(lines, a_line_too_long_still_ends);
  tcase_add_test(lines, errno_is_kept_even_when_writing_fails);
  tcase_add_test_raise_signal(errors, fatal_aborts_after_its_hook, SIGABRT);
  tcase_add_test_raise_signal(errors, a_hook_that_fails_is_not_called_again,
                              SIGABRT);
  tcase_add_test_raise_signal(errors, a_failed_check_aborts, SIGABRT);
  suite_add_tcase(s, format);
  suite_add_tcase(s, lines);
  suite_add_tcase(s, errors);
  return unit_run(s);
}
