/* SPDX-License-Identifier: MIT */
#include "world/range.h"

#include "unit.h"

#include <pthread.h>
#include <string.h>

enum { BYTES = 4096, ROUNDS = 3000, THREADS = 4, MANY = 20000 };

static struct cgc_range_set set;

static void mark(uintptr_t lo, uintptr_t hi, void *ctx) {
  unsigned char *model = ctx;
  for (; lo < hi; lo++)
    model[lo]++;
}

/* What the set holds of [0, BYTES), as bytes of 0 and 1. */
static void expand(unsigned char *model) {
  memset(model, 0, BYTES);
  for (size_t i = 0; i < set.n; i++)
    mark(set.all[i].lo, set.all[i].hi, model);
}

START_TEST(touching_ranges_become_one) {
  ck_assert(cgc_range_set_add(&set, 100, 200));
  ck_assert(cgc_range_set_add(&set, 300, 400));
  ck_assert_uint_eq(set.n, 2);
  ck_assert(cgc_range_set_add(&set, 200, 300));
  ck_assert_uint_eq(set.n, 1);
  ck_assert_uint_eq(set.all[0].lo, 100);
  ck_assert_uint_eq(set.all[0].hi, 400);
}
END_TEST

START_TEST(a_hole_splits_a_range) {
  cgc_range_set_add(&set, 100, 400);
  ck_assert(cgc_range_set_remove(&set, 200, 300));
  ck_assert_uint_eq(set.n, 2);
  ck_assert_uint_eq(set.all[0].hi, 200);
  ck_assert_uint_eq(set.all[1].lo, 300);
  ck_assert(cgc_range_set_remove(&set, 0, UINTPTR_MAX));
  ck_assert_uint_eq(set.n, 0);
}
END_TEST

START_TEST(empty_and_extreme_ranges_are_harmless) {
  ck_assert(cgc_range_set_add(&set, 50, 50));
  ck_assert(cgc_range_set_add(&set, 60, 50));
  ck_assert(cgc_range_set_remove(&set, 1, 2));
  ck_assert_uint_eq(set.n, 0);
  ck_assert(cgc_range_set_add(&set, 0, UINTPTR_MAX));
  ck_assert(cgc_range_set_add(&set, 0, 1));
  cgc_range_set_check(&set);
  ck_assert_uint_eq(set.n, 1);
}
END_TEST

START_TEST(any_changes_agree_with_a_model) {
  static unsigned char model[BYTES], found[BYTES], rest[BYTES];
  struct unit_random r = unit_random();
  for (int i = 0; i < ROUNDS; i++) {
    uintptr_t lo = unit_below(&r, BYTES), hi = lo + unit_below(&r, 200);
    bool add = unit_below(&r, 2);
    hi = hi > BYTES ? BYTES : hi;
    ck_assert(add ? cgc_range_set_add(&set, lo, hi)
                  : cgc_range_set_remove(&set, lo, hi));
    memset(model + lo, add, hi - lo);
    cgc_range_set_check(&set);
    expand(found);
    ck_assert_int_eq(memcmp(model, found, BYTES), 0);
    memset(rest, 0, BYTES);
    cgc_range_set_subtract(&set, 0, BYTES, mark, rest);
    for (int k = 0; k < BYTES; k++)
      found[k] = !found[k];
    ck_assert_int_eq(memcmp(rest, found, BYTES), 0);
  }
}
END_TEST

START_TEST(there_is_no_limit) {
  for (uintptr_t i = 0; i < MANY; i++)
    ck_assert(cgc_range_set_add(&set, i * 100, i * 100 + 50));
  ck_assert_uint_eq(set.n, MANY);
  cgc_range_set_check(&set);
  cgc_range_set_clear(&set);
  ck_assert_uint_eq(set.n, 0);
  ck_assert(cgc_range_set_add(&set, 1, 2));
}
END_TEST

static size_t nvisited;
static struct cgc_range visited[8];

static void note(uintptr_t lo, uintptr_t hi, void *ctx) {
  (void)ctx;
  visited[nvisited++] = (struct cgc_range){lo, hi};
}

START_TEST(excluded_parts_are_not_visited) {
  ck_assert_int_eq(cgc_range_add(1000, 2000), 0);
  ck_assert_int_eq(cgc_range_add(3000, 4000), 0);
  ck_assert_int_eq(cgc_range_exclude(1500, 3500), 0);
  cgc_range_visit(note, NULL);
  ck_assert_uint_eq(nvisited, 2);
  ck_assert_uint_eq(visited[0].hi, 1500);
  ck_assert_uint_eq(visited[1].lo, 3500);
  nvisited = 0;
  cgc_range_visit_allowed(1400, 1600, note, NULL);
  ck_assert_uint_eq(nvisited, 1);
  ck_assert_int_eq(cgc_range_remove(3900, 4000), 0);
  cgc_range_clear();
  nvisited = 0;
  cgc_range_visit(note, NULL);
  ck_assert_uint_eq(nvisited, 0);
  cgc_range_check();
}
END_TEST

START_TEST(what_is_not_named_is_visited_in_whole_words) {
  cgc_range_add(1003, 1996);
  cgc_range_exclude(3000, 4000);
  cgc_range_visit_unnamed(800, 3200, note, NULL);
  ck_assert_uint_eq(nvisited, 2);
  ck_assert_uint_eq(visited[0].lo, 800);
  ck_assert_uint_eq(visited[0].hi, 1008);
  ck_assert_uint_eq(visited[1].lo, 1992);
  ck_assert_uint_eq(visited[1].hi, 3000);
}
END_TEST

static void *add_and_remove(void *arg) {
  uintptr_t base = (uintptr_t)arg * 1000000;
  for (uintptr_t i = 0; i < ROUNDS; i++) {
    ck_assert_int_eq(cgc_range_add(base + i * 10, base + i * 10 + 5), 0);
    if (i % 2)
      ck_assert_int_eq(cgc_range_remove(base + i * 10, base + i * 10 + 5), 0);
  }
  return NULL;
}

static void count(uintptr_t lo, uintptr_t hi, void *ctx) {
  *(size_t *)ctx += hi - lo;
}

START_TEST(threads_change_the_set_at_once) {
  pthread_t threads[THREADS];
  size_t bytes = 0;
  cgc_range_init();
  for (size_t i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, add_and_remove, (void *)(i + 1));
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  cgc_range_check();
  cgc_range_visit(count, &bytes);
  ck_assert_uint_eq(bytes, THREADS * ROUNDS / 2 * 5);
}
END_TEST

static Suite *suite(void) {
  Suite *s = suite_create("range");
  TCase *core = tcase_create("core");
  tcase_set_timeout(core, 30);
  tcase_add_test(core, touching_ranges_become_one);
  tcase_add_test(core, a_hole_splits_a_range);
  tcase_add_test(core, empty_and_extreme_ranges_are_harmless);
  tcase_add_test(core, any_changes_agree_with_a_model);
  tcase_add_test(core, excluded_parts_are_not_visited);
  tcase_add_test(core, what_is_not_named_is_visited_in_whole_words);
  suite_add_tcase(s, core);
  TCase *limits = tcase_create("limits");
  tcase_add_test(limits, there_is_no_limit);
  suite_add_tcase(s, limits);
  TCase *concurrent = tcase_create("concurrent");
  tcase_set_timeout(concurrent, 30);
  tcase_add_test(concurrent, threads_change_the_set_at_once);
  suite_add_tcase(s, concurrent);
  return s;
}

int main(void) { return unit_run(suite()); }
