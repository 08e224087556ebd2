/* SPDX-License-Identifier: MIT */
/* front/deadline: what is left of a wait, and whose interruption it was. */
#include "front/deadline.h"

#include "unit.h"

enum { MS = 1000 };

static struct cgc_mutator record;

static void set_up(void) { cgc_self = &record; }

/* As the stop handler does. */
static void interrupt(void) {
  if (record.wait_sp)
    record.wait_interrupted = 1;
}

static uint64_t span_ns(struct timespec ts) {
  return (uint64_t)ts.tv_sec * CGC_NS_PER_S + (uint64_t)ts.tv_nsec;
}

START_TEST(deadline_marks_the_wait) {
  struct cgc_deadline w;
  cgc_deadline_begin(&w);
  ck_assert_uint_eq(record.wait_sp, (uintptr_t)&w);
  ck_assert_uint_eq(w.deadline_ns, 0);
  errno = 7;
  interrupt();
  cgc_deadline_end(&w);
  ck_assert_int_eq(errno, 7);
  ck_assert_uint_eq(record.wait_sp, 0);
  ck_assert_uint_eq(record.wait_interrupted, 0); /* I1 */
}
END_TEST

START_TEST(deadline_goes_on_after_a_stop_only) {
  struct cgc_deadline w;
  cgc_deadline_begin(&w);
  ck_assert(!cgc_deadline_again_after(&w, EINTR));
  interrupt();
  ck_assert(!cgc_deadline_again_after(&w, EBADF));
  ck_assert(cgc_deadline_again_after(&w, EINTR));
  ck_assert(!cgc_deadline_again_after(&w, EINTR)); /* once for each */
  interrupt();
  errno = EINTR;
  ck_assert(!cgc_deadline_again(&w, 0));
  ck_assert(cgc_deadline_again(&w, -1));
  cgc_deadline_end(&w);
}
END_TEST

START_TEST(deadline_leaves_less_each_time) {
  struct cgc_deadline w;
  struct timespec span = {100, 0};
  uint64_t before = 100 * (uint64_t)CGC_NS_PER_S;
  cgc_deadline_begin_span(&w, &span);
  ck_assert_uint_eq(span_ns(w.left), before);
  for (int i = 0; i < 3; i++) {
    interrupt();
    ck_assert(cgc_deadline_again_after(&w, EINTR));
    ck_assert_uint_lt(span_ns(w.left), before);
    before = span_ns(w.left);
  }
  ck_assert_int_ge(w.left.tv_sec, 90);
  ck_assert_ptr_eq(cgc_deadline_left(&w, &span), &w.left);
  ck_assert_ptr_null(cgc_deadline_left(&w, NULL));
  ck_assert_int_eq(span.tv_sec, 100);
}
END_TEST

START_TEST(deadline_in_ms_never_ends_early) {
  struct cgc_deadline w;
  cgc_deadline_begin_ms(&w, 100 * MS);
  ck_assert_int_eq(w.ms, 100 * MS);
  interrupt();
  ck_assert(cgc_deadline_again_after(&w, EINTR));
  uint64_t left_ns = w.deadline_ns - cgc_thread_now_ns();
  ck_assert_uint_ge((uint64_t)w.ms * CGC_NS_PER_MS, left_ns);
  ck_assert_int_le(w.ms, 100 * MS);
}
END_TEST

START_TEST(deadline_that_has_passed_leaves_nothing) {
  struct cgc_deadline w;
  cgc_deadline_begin_ms(&w, 5);
  w.deadline_ns = cgc_thread_now_ns();
  interrupt();
  ck_assert(cgc_deadline_again_after(&w, EINTR));
  ck_assert_int_eq(w.ms, 0);
  ck_assert_uint_eq(span_ns(w.left), 0);
}
END_TEST

START_TEST(deadline_for_ever_stays_for_ever) {
  struct cgc_deadline w;
  cgc_deadline_begin_ms(&w, -1);
  interrupt();
  ck_assert(cgc_deadline_again_after(&w, EINTR));
  ck_assert_int_eq(w.ms, -1);
  cgc_deadline_begin_span(&w, NULL);
  ck_assert_uint_eq(w.deadline_ns, 0);
}
END_TEST

START_TEST(deadline_tells_spans_that_can_be_counted) {
  static const struct timespec good[] = {{0, 1}, {1, 0}, {5, 999999999}};
  static const struct timespec bad[] = {
      {0, 0}, {-1, 5}, {0, -1}, {0, 1000000000}, {INT32_MAX, 0}};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    ck_assert(cgc_deadline_is_span(&good[i]));
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct cgc_deadline w;
    ck_assert(!cgc_deadline_is_span(&bad[i]));
    cgc_deadline_begin_span(&w, &bad[i]);
    ck_assert_uint_eq(w.deadline_ns, 0);
    ck_assert_int_eq(w.left.tv_nsec, bad[i].tv_nsec); /* the kernel's to say */
  }
}
END_TEST

START_TEST(deadline_inside_another_is_its_own) {
  struct cgc_deadline outer, inner;
  cgc_deadline_begin(&outer);
  interrupt();
  cgc_deadline_begin(&inner);
  ck_assert(!cgc_deadline_again_after(&inner, EINTR));
  cgc_deadline_end(&inner);
  ck_assert(!cgc_deadline_again_after(&outer, EINTR));
}
END_TEST

START_TEST(deadline_gives_the_thread_a_record) {
  struct cgc_deadline w;
  cgc_self = NULL;
  cgc_deadline_begin_ms(&w, 5);
  ck_assert_ptr_nonnull(cgc_self);
  ck_assert_ptr_eq(w.self, cgc_self);
  ck_assert_uint_eq(cgc_self->wait_sp, (uintptr_t)&w);
  cgc_deadline_end(&w);
}
END_TEST

static Suite *deadline_suite(void) {
  Suite *s = suite_create("deadline");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_test(core, deadline_marks_the_wait);
  tcase_add_test(core, deadline_goes_on_after_a_stop_only);
  tcase_add_test(core, deadline_leaves_less_each_time);
  tcase_add_test(core, deadline_in_ms_never_ends_early);
  tcase_add_test(core, deadline_that_has_passed_leaves_nothing);
  tcase_add_test(core, deadline_for_ever_stays_for_ever);
  suite_add_tcase(s, core);
  TCase *errors = tcase_create("errors");
  tcase_add_checked_fixture(errors, set_up, NULL);
  tcase_add_test(errors, deadline_tells_spans_that_can_be_counted);
  tcase_add_test(errors, deadline_inside_another_is_its_own);
  tcase_add_test(errors, deadline_gives_the_thread_a_record);
  suite_add_tcase(s, errors);
  return s;
}

int main(void) { return unit_run(deadline_suite()); }
