/* SPDX-License-Identifier: MIT */
#include "cycle/pacer.h"

#include "unit.h"

enum { ROUNDS = 100000 };

static struct cgc_pacer pacer;
static const size_t minimum = 32 * CGC_MIB;

static void make(uint64_t percent, size_t limit) {
  cgc_pacer_init(&pacer, percent, minimum, limit);
}

/* A cycle that reclaimed as much as it kept. */
static size_t after(size_t live) {
  cgc_pacer_update(&pacer, 2 * live, live);
  cgc_pacer_check(&pacer, live);
  return pacer.trigger_bytes;
}

START_TEST(the_first_trigger_is_the_minimum) {
  make(100, 0);
  ck_assert_uint_eq(pacer.trigger_bytes, minimum);
}
END_TEST

START_TEST(the_trigger_is_live_and_the_percentage_of_it) {
  make(100, 0);
  ck_assert_uint_eq(after(100 * CGC_MIB), 200 * CGC_MIB);
  make(50, 0);
  ck_assert_uint_eq(after(100 * CGC_MIB), 150 * CGC_MIB);
  make(300, 0);
  ck_assert_uint_eq(after(100 * CGC_MIB), 400 * CGC_MIB);
}
END_TEST

START_TEST(there_is_no_trigger_below_the_minimum) {
  make(100, 0);
  ck_assert_uint_eq(after(0), minimum);
  ck_assert_uint_eq(after(minimum / 4), minimum);
  ck_assert_uint_gt(after(minimum), minimum);
}
END_TEST

static size_t after_cost(size_t live, uint64_t ns) {
  cgc_pacer_set_cost(&pacer, ns, UINT64_MAX, live);
  return after(live);
}

START_TEST(a_cheap_cycle_comes_soon_again) {
  cgc_pacer_init(&pacer, 100, 0, 0);
  ck_assert_uint_eq(pacer.trigger_bytes, 4 * CGC_MIB); /* not known yet */
  ck_assert_uint_eq(after_cost(100, 20000), 100 + 3000000);
  ck_assert_uint_eq(after_cost(CGC_MIB, 60000), CGC_MIB + 9000000);
  ck_assert_uint_eq(after_cost(100, 0), 100 + CGC_MIB);
  ck_assert_uint_eq(after_cost(100, CGC_GIB), 100 + 32 * CGC_MIB);
  ck_assert_uint_eq(after_cost(100, UINT64_MAX), 100 + 32 * CGC_MIB);
  cgc_pacer_init(&pacer, 50, 0, 0);
  ck_assert_uint_eq(after_cost(100, UINT64_MAX), 100 + 16 * CGC_MIB);
}
END_TEST

START_TEST(what_leaves_the_cache_is_worth_less) {
  cgc_pacer_init(&pacer, 100, 0, 0);
  ck_assert_uint_eq(after_cost(100, 100000), 100 + 12 * CGC_MIB);
  cgc_pacer_set_cache(&pacer, 8 * CGC_MIB);
  ck_assert_uint_eq(after_cost(100, 100000), 100 + 3 * CGC_MIB);
  ck_assert_uint_eq(after_cost(100, CGC_MIB / 4), 100 + 25 * CGC_MIB / 4);
  cgc_pacer_set_cache(&pacer, CGC_GIB);
  ck_assert_uint_eq(after_cost(100, CGC_MIB), 100 + 32 * CGC_MIB);
  cgc_pacer_set_cache(&pacer, 0);
  ck_assert_uint_eq(after_cost(100, 100000), 100 + 12 * CGC_MIB);
}
END_TEST

START_TEST(what_a_cycle_costs_does_not_count_in_a_large_heap) {
  cgc_pacer_init(&pacer, 100, 0, 0);
  ck_assert_uint_eq(after_cost(CGC_GIB, CGC_GIB), 2 * CGC_GIB);
  ck_assert_uint_eq(after_cost(CGC_GIB, 1), 2 * CGC_GIB);
  cgc_pacer_init(&pacer, 100, minimum, 0); /* nor where the user has decided */
  ck_assert_uint_eq(after_cost(100, 1), minimum);
}
END_TEST

START_TEST(a_cycle_waits_until_the_room_is_taken) {
  cgc_pacer_init(&pacer, 50, 0, 0);
  cgc_pacer_set_room(&pacer, 64 * CGC_MIB, 0);
  ck_assert_uint_eq(pacer.trigger_bytes, 64 * CGC_MIB);
  ck_assert_uint_eq(after_cost(CGC_MIB, CGC_GIB), 64 * CGC_MIB);
  cgc_pacer_set_room(&pacer, CGC_MIB, 0); /* what it costs still decides */
  ck_assert_uint_eq(after_cost(CGC_MIB, CGC_GIB), 17 * CGC_MIB);
}
END_TEST

START_TEST(zero_percent_is_never) {
  make(0, 0);
  ck_assert_uint_eq(pacer.trigger_bytes, SIZE_MAX);
  ck_assert_uint_eq(after(CGC_GIB), SIZE_MAX);
}
END_TEST

START_TEST(who_leaves_nothing_to_find_is_looked_at_less_often) {
  size_t live = 100 * CGC_MIB;
  make(100, 0);
  cgc_pacer_update(&pacer, live + live / 100, live);
  ck_assert_uint_eq(pacer.trigger_bytes, 3 * live);
  cgc_pacer_update(&pacer, live, live);
  ck_assert_uint_eq(pacer.trigger_bytes, 5 * live);
  cgc_pacer_update(&pacer, live, live); /* and not less often than that */
  ck_assert_uint_eq(pacer.trigger_bytes, 5 * live);
  ck_assert_uint_eq(after(live), 2 * live);
}
END_TEST

START_TEST(a_steady_one_looks_as_often_again) {
  size_t live = 100 * CGC_MIB;
  make(100, 0);
  cgc_pacer_set_steady(&pacer);
  cgc_pacer_update(&pacer, live, live);
  ck_assert_uint_eq(pacer.trigger_bytes, 2 * live);
  cgc_pacer_check(&pacer, live);
}
END_TEST

START_TEST(a_small_steady_heap_stays_small) {
  cgc_pacer_init(&pacer, 51, 0, 0);
  cgc_pacer_set_steady(&pacer);
  ck_assert_uint_eq(after_cost(CGC_MIB, CGC_GIB), 13 * CGC_MIB);
  cgc_pacer_init(&pacer, 25, 0, 0);
  cgc_pacer_set_steady(&pacer);
  ck_assert_uint_eq(after_cost(CGC_MIB, CGC_GIB), 7 * CGC_MIB);
}
END_TEST

START_TEST(a_limit_brings_the_trigger_closer_but_not_to_the_live_heap) {
  make(100, 150 * CGC_MIB);
  ck_assert_uint_eq(after(100 * CGC_MIB), 150 * CGC_MIB);
  ck_assert_uint_eq(after(60 * CGC_MIB), 120 * CGC_MIB);
  ck_assert_uint_eq(after(160 * CGC_MIB), 170 * CGC_MIB);
  make(100, 10 * CGC_MIB); /* below the minimum */
  ck_assert_uint_eq(pacer.trigger_bytes, 10 * CGC_MIB);
}
END_TEST

START_TEST(a_limit_that_comes_later_counts) {
  size_t live = 100 * CGC_MIB;
  make(100, 0);
  after(live);
  cgc_pacer_set_limit(&pacer, 150 * CGC_MIB, live);
  ck_assert_uint_eq(pacer.trigger_bytes, 150 * CGC_MIB);
  cgc_pacer_set_limit(&pacer, 0, live);
  ck_assert_uint_eq(pacer.trigger_bytes, 2 * live);
}
END_TEST

/* A program that allocates a MiB in a ms, a cycle that takes 1 ms for 4 MiB. */
START_TEST(near_a_limit_cycles_take_half_of_the_time_at_most) {
  const size_t live = 160 * CGC_MIB;
  uint64_t cycle_ns = 40000000, program_ns = 0, spent = 0, last = 0;
  make(100, live);
  for (int i = 0; i < 20; i++) {
    last = program_ns = (after(live) - live) / CGC_MIB * 1000000;
    spent += program_ns;
    cgc_pacer_set_cost(&pacer, cycle_ns, program_ns, live);
  }
  ck_assert_uint_ge(last, cycle_ns);
  ck_assert_uint_ge(spent, 18 * cycle_ns);
  for (int i = 0; i < 20; i++)
    cgc_pacer_set_cost(&pacer, 1, program_ns, live);
  ck_assert_uint_eq(after(live), live + live / 16);
}
END_TEST

START_TEST(nothing_overflows) {
  make(100000, 0);
  ck_assert_uint_eq(after(SIZE_MAX / 2), SIZE_MAX);
  make(100000, SIZE_MAX / 4);
  ck_assert_uint_ge(after(SIZE_MAX / 2), SIZE_MAX / 2);
}
END_TEST

START_TEST(the_trigger_is_never_below_live_whatever_happens) {
  struct unit_random r = unit_random();
  for (int i = 0; i < ROUNDS; i++) {
    size_t limit = unit_below(&r, 2) ? unit_below(&r, 1ULL << 40) : 0;
    uint64_t percent = unit_below(&r, 1000);
    size_t least = unit_below(&r, 2) ? unit_below(&r, 1ULL << 30) : 0;
    cgc_pacer_init(&pacer, percent, least, limit);
    for (int k = 0; k < 5; k++) {
      size_t live = unit_below(&r, 1ULL << (20 + unit_below(&r, 24)));
      size_t before = live + unit_below(&r, live + 1);
      cgc_pacer_update(&pacer, before, live);
      cgc_pacer_check(&pacer, live);
      ck_assert_uint_ge(pacer.trigger_bytes, live);
      if (percent && !limit)
        ck_assert_uint_le(
            pacer.trigger_bytes,
            cgc_max(cgc_max(pacer.minimum_bytes, live + 32 * CGC_MIB),
                    live + live / 100 * percent * 4 + 4 * percent));
    }
  }
}
END_TEST

START_TEST(the_trigger_grows_with_what_is_live) {
  make(100, 0);
  for (size_t live = 0, last = 0; live < CGC_GIB; live += 10 * CGC_MIB) {
    size_t trigger = after(live);
    ck_assert_uint_ge(trigger, last);
    last = trigger;
  }
}
END_TEST

START_TEST(
    a_full_cycle_is_due_when_what_is_old_has_grown_by_half_of_the_share) {
  struct cgc_pacer p;
  cgc_pacer_init(&p, 100, 0, 0);
  cgc_pacer_set_full(&p, 100 * CGC_MIB);
  cgc_pacer_update(&p, 200 * CGC_MIB, 100 * CGC_MIB);
  ck_assert(!cgc_pacer_wants_full(&p));
  cgc_pacer_update(&p, 200 * CGC_MIB, 149 * CGC_MIB);
  ck_assert(!cgc_pacer_wants_full(&p));
  cgc_pacer_update(&p, 200 * CGC_MIB, 151 * CGC_MIB);
  ck_assert(cgc_pacer_wants_full(&p));
  cgc_pacer_set_full(&p, 151 * CGC_MIB);
  ck_assert(!cgc_pacer_wants_full(&p));
  cgc_pacer_update(&p, 200 * CGC_MIB, 10 * CGC_MIB);
  ck_assert(!cgc_pacer_wants_full(&p));
}
END_TEST

int main(void) {
  Suite *s = suite_create("pacer");
  TCase *core = tcase_create("core");
  TCase *limits = tcase_create("limits");
  tcase_add_test(core, the_first_trigger_is_the_minimum);
  tcase_add_test(core, the_trigger_is_live_and_the_percentage_of_it);
  tcase_add_test(core, there_is_no_trigger_below_the_minimum);
  tcase_add_test(core, a_cheap_cycle_comes_soon_again);
  tcase_add_test(core, what_leaves_the_cache_is_worth_less);
  tcase_add_test(core, what_a_cycle_costs_does_not_count_in_a_large_heap);
  tcase_add_test(core, a_cycle_waits_until_the_room_is_taken);
  tcase_add_test(core, zero_percent_is_never);
  tcase_add_test(core, who_leaves_nothing_to_find_is_looked_at_less_often);
  tcase_add_test(core, the_trigger_grows_with_what_is_live);
  tcase_add_test(limits,
                 a_limit_brings_the_trigger_closer_but_not_to_the_live_heap);
  tcase_add_test(limits, a_steady_one_looks_as_often_again);
  tcase_add_test(limits, a_small_steady_heap_stays_small);
  tcase_add_test(limits, a_limit_that_comes_later_counts);
  tcase_add_test(limits, near_a_limit_cycles_take_half_of_the_time_at_most);
  tcase_add_test(limits, nothing_overflows);
  tcase_add_test(limits, the_trigger_is_never_below_live_whatever_happens);
  tcase_add_test(
      core,
      a_full_cycle_is_due_when_what_is_old_has_grown_by_half_of_the_share);
  suite_add_tcase(s, core);
  suite_add_tcase(s, limits);
  return unit_run(s);
}
