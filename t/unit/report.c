/* SPDX-License-Identifier: MIT */
#include "look/report.h"

#include "look/module.h"
#include "look/stack.h"
#include "threads.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static struct cgc_report report;
static char text[1 << 16];
static int fd;

static void setup(void) {
  threads_setup();
  ck_assert(cgc_module_init());
  ck_assert(cgc_stack_init(8));
  fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
  if (fd < 0)
    fd = fileno(tmpfile());
  cgc_report_begin(&report, fd);
}

static const char *written(void) {
  ssize_t n = pread(fd, text, sizeof text - 1, 0);
  text[n > 0 ? n : 0] = '\0';
  return text;
}

START_TEST(records_are_lines) {
  cgc_report_line(&report, "cgc-leak %d", 1);
  ck_assert_int_eq(cgc_report_end(&report), 0);
  ck_assert_str_eq(written(), "cgc-leak 1\nend\n");
}
END_TEST

START_TEST(strings_are_encoded) {
  cgc_report_text(&report, "process 7", "/a b/100%/\xc3\xa9\n");
  cgc_report_end(&report);
  ck_assert_str_eq(written(), "process 7 /a%20b/100%25/%c3%a9%0a\nend\n");
}
END_TEST

START_TEST(a_group_has_its_stack_and_all_figures) {
  struct cgc_groups groups = {0};
  struct cgc_holder data = {CGC_HOLDER_DATA, 1, 0x40};
  void *pcs[] = {(void *)0x1235};
  uint32_t id = cgc_stack_enter(pcs, 1);
  struct cgc_group *g = cgc_groups_find(&groups, CGC_CLASS_REACHABLE, id, data);
  cgc_groups_add(&groups, g, 0x7000, (struct cgc_amount){1, 24},
                 (struct cgc_amount){9, 216}, (struct cgc_amount){2, 48});
  cgc_groups_add(&groups, g, 0x8000, (struct cgc_amount){1, 24},
                 (struct cgc_amount){0, 0}, (struct cgc_amount){0, 0});
  cgc_report_groups(&report, &groups);
  cgc_report_end(&report);
  char want[256];
  snprintf(want, sizeof want,
           "stack %u -:1234\n"
           "group reachable %u 2 48 9 216 2 48 7000,8000 data:1:40\n",
           id, id);
  ck_assert_ptr_eq(strstr(written(), want), text);
  ck_assert_ptr_nonnull(strstr(text, "total lost 0 0\n"));
  ck_assert_ptr_nonnull(strstr(text, "total reachable 11 264\n"));
  cgc_groups_release(&groups);
}
END_TEST

START_TEST(modules_are_listed_with_their_ids) {
  cgc_module_look(NULL);
  cgc_report_modules(&report);
  cgc_report_end(&report);
  const struct cgc_module *m = cgc_module_get(1);
  char want[64];
  snprintf(want, sizeof want, "module 1 %lx %lx %lx ", m->lo, m->hi, m->bias);
  ck_assert_ptr_eq(strstr(written(), want), text);
}
END_TEST

START_TEST(long_reports_are_whole) {
  for (int i = 0; i < 1000; i++)
    cgc_report_line(&report, "line %05d", i);
  cgc_report_end(&report);
  ck_assert_uint_eq(strlen(written()), 1000 * 11 + 4);
  ck_assert_ptr_nonnull(strstr(text, "line 00999\nend\n"));
}
END_TEST

START_TEST(a_full_disk_is_told) {
  int full = open("/dev/full", O_WRONLY);
  cgc_report_begin(&report, full);
  cgc_report_line(&report, "x");
  ck_assert_int_eq(cgc_report_end(&report), -ENOSPC);
  close(full);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("report");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, setup, NULL);
  tcase_add_test(core, records_are_lines);
  tcase_add_test(core, strings_are_encoded);
  tcase_add_test(core, a_group_has_its_stack_and_all_figures);
  tcase_add_test(core, modules_are_listed_with_their_ids);
  suite_add_tcase(suite, core);
  TCase *limits = tcase_create("limits");
  tcase_add_checked_fixture(limits, setup, NULL);
  tcase_add_test(limits, long_reports_are_whole);
  tcase_add_test(limits, a_full_disk_is_told);
  suite_add_tcase(suite, limits);
  return unit_run(suite);
}
