/* SPDX-License-Identifier: MIT */
#include "cycle/invoke.h"

#include "collector.h"

#include <errno.h>
#include <pthread.h>

enum { OBJECTS = 500, THREADS = 4 };

static _Atomic int ncalls;
static _Atomic int nnotified;

static void reg(void *obj, cgc_final_fn fn, void *data) {
  cgc_check(cgc_mutator_enter(cgc_self));
  cgc_check(cgc_final_register(obj, fn, data, CGC_FINAL_ORDERED, NULL, NULL) ==
            0);
  cgc_mutator_leave(cgc_self);
}

static CGC_NOINLINE void make(cgc_final_fn fn, void *data) {
  for (int i = 0; i < OBJECTS; i++)
    reg(collector_alloc(CGC_KIND_SCAN, 48), fn, data);
}

static void call(void *obj, void *data) {
  ck_assert_ptr_eq(data, &ncalls);
  ck_assert(collector_is_live((uintptr_t)obj));
  ck_assert_uint_eq(cgc_self->busy, 0);
  ncalls++;
}

static void notify(void) { nnotified++; }

START_TEST(nothing_ready_is_nothing_to_do) {
  ck_assert(!cgc_invoke_is_due());
  ck_assert_int_eq(cgc_invoke_all(), 0);
  cgc_invoke_automatic();
}
END_TEST

START_TEST(finalizers_run_after_a_cycle_without_being_asked) {
  make(call, &ncalls);
  collector_collect();
  ck_assert(cgc_invoke_is_due());
  size_t ready = cgc_final_ready();
  ck_assert_uint_ge(ready, OBJECTS * 95 / 100);
  cgc_invoke_automatic();
  ck_assert_int_eq(ncalls, (int)ready);
  ck_assert_uint_eq(cgc_invoke_count(), ready);
  ck_assert(!cgc_invoke_is_due());
}
END_TEST

START_TEST(errno_is_kept) {
  make(call, &ncalls);
  collector_collect();
  errno = 77;
  cgc_invoke_automatic();
  ck_assert_int_eq(errno, 77);
}
END_TEST

START_TEST(on_demand_nobody_runs_them_but_who_asks) {
  cgc_invoke_set_on_demand(true);
  ck_assert(cgc_invoke_is_on_demand());
  make(call, &ncalls);
  collector_collect();
  cgc_invoke_automatic();
  ck_assert_int_eq(ncalls, 0);
  int n = cgc_invoke_all();
  ck_assert_int_ge(n, OBJECTS * 95 / 100);
  ck_assert_int_eq(ncalls, n);
}
END_TEST

START_TEST(the_notifier_hears_once_of_a_cycle_that_found_some) {
  cgc_invoke_set_on_demand(true);
  cgc_invoke_set_notifier(notify);
  ck_assert(cgc_invoke_get_notifier() == notify);
  make(call, &ncalls);
  collector_collect();
  for (int i = 0; i < 3; i++)
    cgc_invoke_automatic();
  ck_assert_int_eq(nnotified, 1);
  size_t nready = cgc_final_ready();
  collector_collect(); /* finds at most what a stale word has kept so far */
  cgc_invoke_automatic();
  int expected = 1 + (cgc_final_ready() > nready);
  ck_assert_int_eq(nnotified, expected);
  make(call, &ncalls);
  collector_collect();
  cgc_invoke_automatic();
  ck_assert_int_eq(nnotified, expected + 1);
}
END_TEST

START_TEST(without_on_demand_there_is_no_notification) {
  cgc_invoke_set_notifier(notify);
  make(call, &ncalls);
  collector_collect();
  cgc_invoke_automatic();
  ck_assert_int_eq(nnotified, 0);
}
END_TEST

/* Allocates, registers again, collects and comes back here. */
static void busy_finalizer(void *obj, void *data) {
  static _Atomic int depth;
  ck_assert_int_eq(depth++, 0); /* never one inside the other */
  if (ncalls++ < OBJECTS * 2)
    reg(obj, busy_finalizer, data);
  collector_alloc(CGC_KIND_SCAN, 1000);
  if (ncalls % 100 == 0)
    collector_collect();
  cgc_invoke_automatic();
  depth--;
}

START_TEST(a_finalizer_may_allocate_register_and_collect) {
  make(busy_finalizer, &ncalls);
  for (int i = 0; i < 5; i++) {
    collector_collect();
    cgc_invoke_automatic();
  }
  ck_assert_int_ge(ncalls, OBJECTS * 2);
  cgc_verify_heap(&cgc_heap);
  cgc_final_check();
}
END_TEST

static void run_the_rest(void *obj, void *data) {
  (void)obj;
  (void)data;
  ncalls++;
  if (ncalls == 1)
    ncalls += 1000 * cgc_invoke_all();
}

START_TEST(a_finalizer_may_ask_for_the_others) {
  make(run_the_rest, NULL);
  collector_collect();
  int ready = (int)cgc_final_ready();
  ck_assert_int_eq(cgc_invoke_all(), 1);
  ck_assert_int_eq(ncalls, 1000 * (ready - 1) + ready);
}
END_TEST

START_TEST(a_busy_thread_runs_none) {
  make(call, &ncalls);
  collector_collect();
  cgc_check(cgc_mutator_enter(cgc_self));
  ck_assert_int_eq(cgc_invoke_all(), 0);
  cgc_mutator_leave(cgc_self);
  ck_assert_int_gt(cgc_invoke_all(), 0);
}
END_TEST

/* The object of a running finalizer stays, whatever the others collect. */
static void check_object(void *obj, void *data) {
  (void)data;
  for (int i = 0; i < 20; i++) {
    collector_alloc(CGC_KIND_SCAN, 48);
    cgc_check(collector_is_live((uintptr_t)obj));
    cgc_check(*(volatile int *)obj == 4711);
  }
  ncalls++;
}

static CGC_NOINLINE void make_numbered(void) {
  for (int i = 0; i < OBJECTS; i++) {
    int *p = collector_alloc(CGC_KIND_NOSCAN, 48);
    *p = 4711;
    reg(p, check_object, NULL);
  }
}

static void *run_and_collect(void *ctx) {
  cgc_mutator_register();
  for (int i = 0; i < 20; i++) {
    make_numbered();
    if (cgc_cycle_collect(CGC_CYCLE_ASKED) != 0)
      return "not collected";
    cgc_invoke_automatic();
  }
  cgc_mutator_unregister(cgc_self);
  return ctx;
}

START_TEST(each_finalizer_runs_once_in_whichever_thread) {
  pthread_t threads[THREADS];
  void *error;
  cgc_options.stress = 1; /* what is reclaimed is poisoned */
  for (int i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, run_and_collect, NULL);
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], &error);
    ck_assert_msg(!error, "%s", (char *)error);
  }
  collector_collect();
  cgc_invoke_automatic();
  ck_assert_int_le(ncalls, THREADS * 20 * OBJECTS);
  ck_assert_int_ge(ncalls, THREADS * 20 * OBJECTS * 9 / 10);
  ck_assert_uint_eq(cgc_invoke_count(), (uint64_t)ncalls);
}
END_TEST

int main(void) {
  Suite *s = suite_create("invoke");
  TCase *core = tcase_create("core");
  TCase *nested = tcase_create("nested");
  TCase *concurrent = tcase_create("concurrent");
  tcase_add_checked_fixture(core, collector_setup, NULL);
  tcase_add_test(core, nothing_ready_is_nothing_to_do);
  tcase_add_test(core, finalizers_run_after_a_cycle_without_being_asked);
  tcase_add_test(core, errno_is_kept);
  tcase_add_test(core, on_demand_nobody_runs_them_but_who_asks);
  tcase_add_test(core, the_notifier_hears_once_of_a_cycle_that_found_some);
  tcase_add_test(core, without_on_demand_there_is_no_notification);
  tcase_add_checked_fixture(nested, collector_setup, NULL);
  tcase_add_test(nested, a_finalizer_may_allocate_register_and_collect);
  tcase_add_test(nested, a_finalizer_may_ask_for_the_others);
  tcase_add_test(nested, a_busy_thread_runs_none);
  tcase_add_checked_fixture(concurrent, collector_setup, NULL);
  tcase_add_test(concurrent, each_finalizer_runs_once_in_whichever_thread);
  tcase_set_timeout(concurrent, 60);
  suite_add_tcase(s, core);
  suite_add_tcase(s, nested);
  suite_add_tcase(s, concurrent);
  return unit_run(s);
}
