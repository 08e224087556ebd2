/* SPDX-License-Identifier: MIT */
#include "collector.h"

#include "mark/displacement.h"
#include "os/thread.h"

static struct cgc_cycle_report report;
static struct cgc_workers workers;
static struct cgc_work work = {
    .scope = CGC_ROOTS_DATA,
    .workers = &workers,
    .report = &report,
    .expected_bytes = SIZE_MAX,
};

static enum cgc_phase seen[16];
static int nseen;

static void note(enum cgc_phase phase) { seen[nseen++] = phase; }

static void set_up(void) {
  collector_setup();
  cgc_check(cgc_workers_init(&workers, 2));
}

START_TEST(the_phase_word_changes_and_the_hook_hears_it) {
  cgc_cycle_phase_hook = note;
  cgc_phase_enter(CGC_PHASE_MARK);
  cgc_phase_enter(CGC_PHASE_IDLE);
  ck_assert_int_eq(cgc_phase, CGC_PHASE_IDLE);
  ck_assert_int_eq(nseen, 2);
  ck_assert_int_eq(seen[0], CGC_PHASE_MARK);
}
END_TEST

START_TEST(stops_add_up_and_the_longest_is_kept) {
  cgc_check(cgc_mutator_enter(cgc_self));
  for (int i = 0; i < 10; i++) {
    cgc_phase_stop_world(&work);
    uint64_t until = cgc_thread_now_ns() + (i == 5 ? 3000000 : 10000);
    while (cgc_thread_now_ns() < until)
      ;
    cgc_phase_start_world(&work);
  }
  cgc_mutator_leave(cgc_self);
  ck_assert_uint_eq(report.nstops, 10);
  ck_assert_uint_ge(report.longest.ns, 3000000);
  ck_assert_uint_gt(report.pause_ns, report.longest.ns);
  ck_assert_uint_ge(report.pause_ns, report.stop_ns);
  ck_assert_uint_gt(report.cpu_ns, 0);
}
END_TEST

/* What the conductors do, without a stack of its own. */
static void run_phases(void) {
  cgc_check(cgc_mutator_enter(cgc_self));
  cgc_phase_stop_world(&work);
  cgc_phase_start(&work);
  cgc_check(cgc_phase_mark(&work) == 0);
  cgc_phase_weak(&work);
  cgc_phase_flip(&work, work.marker->marked_bytes);
  cgc_phase_start_world(&work);
  cgc_heap_sweep_all(&cgc_heap);
  cgc_mutator_leave(cgc_self);
}

static void *kept[100];

START_TEST(the_phases_in_order_are_a_cycle) {
  for (int i = 0; i < 1000; i++) {
    void *p = collector_alloc(CGC_KIND_SCAN, 400);
    if (i % 10 == 0)
      kept[i / 10] = p;
  }
  run_phases();
  for (int i = 0; i < 100; i++)
    ck_assert(collector_is_live((uintptr_t)kept[i]));
  ck_assert_uint_ge(report.marked_objects, 100);
  ck_assert_uint_lt(report.marked_objects, 500);
  ck_assert_uint_ge(report.before_bytes, 400000);
  ck_assert_uint_eq(cgc_heap_in_use(&cgc_heap), report.live_bytes);
}
END_TEST

START_TEST(a_second_marker_comes_for_what_may_be_alive) {
  for (int i = 0; i < 1000; i++)
    collector_alloc(CGC_KIND_NOSCAN, 15000);
  run_phases();
  ck_assert_uint_eq(report.nmarkers, 2);
  for (int i = 0; i < 1000; i++)
    collector_alloc(CGC_KIND_NOSCAN, 15000);
  work.expected_bytes = CGC_MIB;
  run_phases();
  ck_assert_uint_eq(report.nmarkers, 1);
}
END_TEST

enum { LENGTH = 10000 };

static void **new_list(void) {
  void **head = NULL;
  for (int i = 0; i < LENGTH; i++) {
    void **link = collector_alloc(CGC_KIND_SCAN, 48);
    link[0] = head;
    head = link;
  }
  return head;
}

static void never_called(void *obj, void *data) { cgc_check(obj == data); }

/* Whatever kind of root leads to them, strict or not. */
START_TEST(roots_of_a_bounded_marker_wait_for_its_steps) {
  kept[0] = new_list();
  kept[1] = collector_alloc(CGC_KIND_SCAN, 48);
  cgc_check(cgc_final_register(kept[1], never_called, new_list(),
                               CGC_FINAL_ORDERED, NULL, NULL) == 0);
  cgc_displacement_set_all(_i == 0);
  cgc_check(cgc_mutator_enter(cgc_self));
  cgc_phase_stop_world(&work);
  cgc_phase_start(&work);
  cgc_check(cgc_phase_first_roots(&work) == 0);
  cgc_check(cgc_phase_roots(&work) == 0);
  ck_assert_uint_lt(work.marker->marked_objects, LENGTH / 10);
  while (!cgc_marker_drain_some(work.marker, 1000))
    ;
  ck_assert_uint_ge(work.marker->marked_objects, 2 * LENGTH);
  cgc_phase_weak(&work);
  cgc_phase_flip(&work, work.marker->marked_bytes);
  cgc_phase_start_world(&work);
  cgc_mutator_leave(cgc_self);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("phase");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_test(core, the_phase_word_changes_and_the_hook_hears_it);
  tcase_add_test(core, stops_add_up_and_the_longest_is_kept);
  tcase_add_test(core, the_phases_in_order_are_a_cycle);
  tcase_add_test(core, a_second_marker_comes_for_what_may_be_alive);
  tcase_add_loop_test(core, roots_of_a_bounded_marker_wait_for_its_steps, 0, 2);
  suite_add_tcase(suite, core);
  return unit_run(suite);
}
