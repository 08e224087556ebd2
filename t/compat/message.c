/* SPDX-License-Identifier: MIT */
/* Warnings, logs and the end. */
#include "contract.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static int nwarnings;
static void on_warning(char *format, GC_word arg) {
  (void)format;
  (void)arg;
  nwarnings++;
}

START_TEST(message_warn_proc_is_never_null) {
  GC_INIT();
  GC_warn_proc old = GC_get_warn_proc();
  ck_assert(old != NULL);
  GC_set_warn_proc(on_warning);
  ck_assert(GC_get_warn_proc() == on_warning);
  GC_set_warn_proc(GC_ignore_warn_proc);
  GC_get_warn_proc()((char *)"%lu", 1);
  ck_assert_int_eq(nwarnings, 0);
  GC_set_warn_proc(old);
  ck_assert(GC_get_warn_proc() == old);
}
END_TEST

static void on_abort(const char *message) { _exit(message ? 3 : 4); }

START_TEST(message_out_of_memory_asks_the_abort_function) {
  GC_INIT();
  ck_assert(GC_get_abort_func() != NULL);
  GC_set_abort_func(on_abort);
  ck_assert(GC_get_abort_func() == on_abort);
  GC_abort_on_oom();
}
END_TEST

START_TEST(message_out_of_memory_is_an_exit) { GC_abort_on_oom(); }
END_TEST

GC_API void GC_log_printf(const char *format, ...);

START_TEST(message_log_goes_where_it_is_sent) {
  int ends[2];
  char text[64] = "";
  GC_INIT();
  ck_assert_int_eq(pipe(ends), 0);
  GC_set_log_fd(ends[1]);
  GC_log_printf("%d words\n", 2);
  ck_assert_int_gt(read(ends[0], text, sizeof text - 1), 0);
  ck_assert_str_eq(text, "2 words\n");
}
END_TEST

GC_API void GC_printf(const char *format, ...);
GC_API void GC_err_printf(const char *format, ...);

START_TEST(message_lines_are_as_printf_makes_them) {
  char text[64] = "";
  int ends[2];
  GC_INIT();
  ck_assert_int_eq(pipe(ends), 0);
  dup2(ends[1], STDOUT_FILENO);
  dup2(ends[1], STDERR_FILENO);
  GC_printf("%d %s\n", 3, "lines");
  GC_err_printf("%x\n", 255);
  ck_assert_int_gt(read(ends[0], text, sizeof text - 1), 0);
  ck_assert_str_eq(text, "3 lines\nff\n");
}
END_TEST

int main(void) {
  Suite *s = suite_create("message");
  TCase *core = tcase_create("core");
  tcase_add_test(core, message_warn_proc_is_never_null);
  tcase_add_exit_test(core, message_out_of_memory_asks_the_abort_function, 4);
  tcase_add_exit_test(core, message_out_of_memory_is_an_exit, 1);
  tcase_add_test(core, message_log_goes_where_it_is_sent);
  tcase_add_test(core, message_lines_are_as_printf_makes_them);
  suite_add_tcase(s, core);
  return contract_run(s);
}
