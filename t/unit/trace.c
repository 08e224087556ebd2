/* SPDX-License-Identifier: MIT */
#include "look/trace.h"

#include "base/log.h"
#include "base/option.h"
#include "unit.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static char line[512];

static const struct cgc_cycle_report report = {
    .number = 12,
    .reason = CGC_CYCLE_ASKED,
    .before_bytes = (61 * CGC_MIB) + CGC_MIB / 4,
    .live_bytes = 30 * CGC_MIB + CGC_MIB / 2,
    .pause_ns = 8123456,
    .nstops = 2,
    .rescanned = 57,
};
static const struct cgc_trace_totals totals = {
    .since_start_ns = 3402999999,
    .cpu_ns = 2000000000,
    .collector_ns = 42000000,
    .after_bytes = 31 * CGC_MIB,
};

START_TEST(a_line_tells_a_cycle) {
  size_t n = cgc_trace_format(line, sizeof line, &report, &totals);
  ck_assert_str_eq(line, "cycle 12 at 3.402s heap 61.2->31.0 MiB live 30.5 MiB "
                         "pause 8123 us stops 2 rescanned 57 cpu 2.1% asked");
  ck_assert_uint_eq(n, strlen(line));
}
END_TEST

START_TEST(each_reason_has_a_word) {
  static const char *const words[] = {" trigger", " asked", " memory",
                                      " stress"};
  for (int i = 0; i < 4; i++) {
    struct cgc_cycle_report r = report;
    r.reason = (enum cgc_cycle_reason)i;
    size_t n = cgc_trace_format(line, sizeof line, &r, &totals);
    ck_assert_str_eq(line + n - strlen(words[i]), words[i]);
  }
}
END_TEST

START_TEST(extreme_figures_fit_the_line) {
  struct cgc_cycle_report r = report;
  struct cgc_trace_totals t = {UINT64_MAX, 100, UINT64_MAX, SIZE_MAX};
  r.number = r.pause_ns = r.nstops = r.rescanned = UINT64_MAX;
  r.before_bytes = r.live_bytes = SIZE_MAX;
  size_t n = cgc_trace_format(line, sizeof line, &r, &t);
  ck_assert_uint_lt(n, 256);
  ck_assert_str_eq(line + n - 5, "asked");
}
END_TEST

START_TEST(no_cpu_time_yet_is_no_share) {
  struct cgc_trace_totals t = totals;
  t.cpu_ns = 0;
  cgc_trace_format(line, sizeof line, &report, &t);
  ck_assert_ptr_nonnull(strstr(line, " cpu 0.0% "));
}
END_TEST

START_TEST(a_second_line_tells_where_a_stop_went) {
  struct cgc_cycle_report r = report;
  r.longest = (struct cgc_stand){730000, {21000, 1000, 196000, 0, 490000}};
  r.slice_ns = 480999;
  r.nrounds = 14;
  cgc_trace_format_stops(line, sizeof line, &r, 1000000);
  ck_assert_str_eq(line, "cycle 12 longest stop 730 us: stop 21 flush 1 roots "
                         "196 pinned 0 written 490 mark 0 weak 0 flip 0; "
                         "slice 480 us; 14 rounds");
}
END_TEST

static void ck_assert_missed_for(struct cgc_cycle_report r, const char *why) {
  size_t n = cgc_trace_format_stops(line, sizeof line, &r, 500000);
  ck_assert_str_eq(line + n - strlen(why), why);
}

START_TEST(why_the_target_was_missed_is_told) {
  struct cgc_cycle_report r = report;
  r.longest = (struct cgc_stand){730000, {21000, 1000, 196000, 0, 490000}};
  ck_assert_missed_for(r, "; target missed for written");
  r.slice_ns = 800000;
  ck_assert_missed_for(r, "; target missed for slice");
  r.all_at_once = true;
  ck_assert_missed_for(r, "; target missed for all at once");
  r.longest.ns = r.slice_ns = 500000;
  ck_assert_missed_for(r, "rounds");
}
END_TEST

START_TEST(without_the_option_nothing_is_traced) {
  cgc_options.trace = 0;
  cgc_trace_init();
  ck_assert(cgc_cycle_finished_hook == NULL);
}
END_TEST

START_TEST(with_the_option_each_cycle_prints_one_line) {
  struct cgc_cycle_report stopped = report;
  stopped.nstops = 1;
  int out[2];
  ck_assert_int_eq(pipe(out), 0);
  cgc_log_set_fd(out[1]);
  cgc_options.trace = 1;
  cgc_trace_init();
  ck_assert(cgc_cycle_finished_hook != NULL);
  cgc_cycle_finished_hook(&stopped);
  ssize_t n = read(out[0], line, sizeof line - 1);
  ck_assert_int_gt(n, 0);
  line[n] = '\0';
  ck_assert_ptr_nonnull(strstr(line, " info: cycle 12 at 0."));
  ck_assert_ptr_eq(strchr(line, '\n'), line + n - 1);
}
END_TEST

int main(void) {
  Suite *s = suite_create("trace");
  TCase *core = tcase_create("core");
  tcase_add_test(core, a_line_tells_a_cycle);
  tcase_add_test(core, each_reason_has_a_word);
  tcase_add_test(core, extreme_figures_fit_the_line);
  tcase_add_test(core, no_cpu_time_yet_is_no_share);
  tcase_add_test(core, a_second_line_tells_where_a_stop_went);
  tcase_add_test(core, why_the_target_was_missed_is_told);
  tcase_add_test(core, without_the_option_nothing_is_traced);
  tcase_add_test(core, with_the_option_each_cycle_prints_one_line);
  suite_add_tcase(s, core);
  return unit_run(s);
}
