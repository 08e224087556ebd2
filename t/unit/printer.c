/* SPDX-License-Identifier: MIT */
#include "front/printer.h"

#include "threads.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* A printer that leaves what it got beside it and ends with STATUS. */
static char dir[] = "/tmp/cgc-printer.XXXXXX";
static char path[64], seen[64], variable[128], tmpdir[64];

static void make_printer(int status) {
  FILE *file;
  ck_assert_ptr_nonnull(mkdtemp(dir));
  snprintf(path, sizeof path, "%s/printer", dir);
  snprintf(seen, sizeof seen, "%s/seen", dir);
  file = fopen(path, "w");
  fprintf(file,
          "#!/bin/sh\n{ echo \"$1 $2\"; env; cat \"$3\"; } >%s\n"
          "rm \"$3\"\nexit %d\n",
          seen, status);
  fclose(file);
  chmod(path, 0700);
  snprintf(variable, sizeof variable, "CGC_LEAK_PRINTER=%s", path);
  snprintf(tmpdir, sizeof tmpdir, "TMPDIR=%s", dir);
}

static void setup_with(int status) {
  threads_setup();
  make_printer(status);
  char *const env[] = {"PATH=/usr/bin:/bin",
                       "LD_PRELOAD=nothing.so",
                       "CGC_TRACE=1",
                       "CGC_LEAK=on",
                       tmpdir,
                       variable,
                       NULL};
  ck_assert(cgc_printer_init(env));
  cgc_printer_keep_stderr();
}

static void remove_all(void) {
  char command[128];
  snprintf(command, sizeof command, "rm -rf %s", dir);
  ck_assert_int_eq(system(command), 0);
}

static const char *what_was_seen(void) {
  static char text[4096];
  FILE *file = fopen(seen, "r");
  ck_assert_ptr_nonnull(file);
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  return text;
}

START_TEST(the_printer_gets_the_file_and_gives_a_status) {
  setup_with(23);
  int fd = cgc_printer_open();
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(write(fd, "raw text\n", 9), 9);
  ck_assert_int_eq(cgc_printer_run(fd, 0, NULL), 23);
  const char *text = what_was_seen();
  ck_assert_ptr_eq(strstr(text, "leak --print\n"), text);
  ck_assert_ptr_nonnull(strstr(text, "raw text\n"));
  ck_assert_ptr_nonnull(strstr(text, "CGC_LEAK=on\n"));
  ck_assert_ptr_null(strstr(text, "LD_PRELOAD"));
  ck_assert_ptr_null(strstr(text, "CGC_TRACE"));
  remove_all();
}
END_TEST

START_TEST(without_a_printer_a_list_is_written) {
  struct cgc_groups groups = {0};
  setup_with(125);
  ck_assert_int_eq(cgc_printer_run(cgc_printer_open(), 0, &groups), 0);
  groups.total[CGC_CLASS_LOST].objects = 1;
  ck_assert_int_eq(cgc_printer_run(cgc_printer_open(), 0, &groups),
                   CGC_PRINTER_LOST);
  unlink(path);
  ck_assert_int_eq(cgc_printer_run(cgc_printer_open(), 0, &groups),
                   CGC_PRINTER_LOST);
  remove_all();
}
END_TEST

START_TEST(stderr_is_kept_where_the_program_closes_it) {
  setup_with(0);
  int kept = cgc_printer_stderr();
  ck_assert_int_gt(kept, 2);
  ck_assert_int_eq(fcntl(kept, F_GETFD), FD_CLOEXEC);
  int other = open(path, O_RDONLY); /* whatever stderr is, not this */
  int saved = dup(kept);
  dup2(other, kept); /* the program uses the number */
  ck_assert_int_eq(cgc_printer_stderr(), 2);
  close(kept);
  ck_assert_int_eq(cgc_printer_stderr(), 2);
  dup2(saved, kept);
  ck_assert_int_eq(cgc_printer_stderr(), kept);
  remove_all();
}
END_TEST

START_TEST(each_report_has_a_file_of_its_own) {
  setup_with(0);
  int a = cgc_printer_open(), b = cgc_printer_open();
  struct stat sa, sb;
  ck_assert_int_eq(fstat(a, &sa), 0);
  ck_assert_int_eq(fstat(b, &sb), 0);
  ck_assert(sa.st_ino != sb.st_ino);
  ck_assert_int_eq(sa.st_mode & 0777, 0600);
  remove_all();
}
END_TEST

int main(void) {
  Suite *suite = suite_create("printer");
  TCase *core = tcase_create("core");
  tcase_add_test(core, the_printer_gets_the_file_and_gives_a_status);
  tcase_add_test(core, stderr_is_kept_where_the_program_closes_it);
  tcase_add_test(core, each_report_has_a_file_of_its_own);
  suite_add_tcase(suite, core);
  TCase *errors = tcase_create("errors");
  tcase_add_test(errors, without_a_printer_a_list_is_written);
  suite_add_tcase(suite, errors);
  return unit_run(suite);
}
