/* SPDX-License-Identifier: MIT */
/* Asking and freeing, by an allocation, is t/unit/alloc's. */
#include "mark/disclaim.h"

#include "private.h"

enum { OBJECTS = 3000 };

static struct cgc_cache *cache;
static struct cgc_pool pool;
static struct cgc_marker marker;
static enum cgc_kind kind;
static void *roots[OBJECTS];
static size_t nroots;

static void set_up(void) {
  cache = private_cache(private_process_heap());
  kind = (enum cgc_kind)cgc_heap_add_kind(&cgc_heap);
}

static int ask(void *obj) { return obj == NULL; }

static void cycle(void) {
  cgc_heap_sweep_all(&cgc_heap);
  cgc_cache_flush(cache);
  cgc_heap_prepare_marks(&cgc_heap);
  cgc_pool_open(&pool, &cgc_heap.arena, 1);
  cgc_marker_open(&marker, &cgc_heap, &pool);
  cgc_disclaim_keep(&marker);
  cgc_marker_scan_range(&marker, (uintptr_t)roots, (uintptr_t)(roots + nroots));
  cgc_disclaim_scan(&marker);
  cgc_marker_drain(&marker);
  cgc_disclaim_find(&marker);
  cgc_disclaim_check();
  cgc_heap_flip(&cgc_heap, marker.marked_bytes);
  cgc_heap_sweep_all(&cgc_heap);
}

static bool is_alive(const void *p) {
  struct cgc_object obj;
  return cgc_arena_find(&cgc_heap.arena, (uintptr_t)p, &obj) &&
         cgc_object_is_live(&obj);
}

static void **new_object(void) { return private_alloc(cache, kind, 48); }

/* Take the one that waits; it must be OBJ. */
static void take(const void *obj) {
  struct cgc_disclaim_call call;
  ck_assert(cgc_disclaim_take(&call));
  ck_assert(call.fn == ask);
  ck_assert_ptr_eq(call.obj, obj);
  cgc_disclaim_check();
}

START_TEST(a_dead_object_waits_once_and_is_kept_until_it_is_done) {
  void **p = new_object();
  struct cgc_disclaim_call call;
  cgc_disclaim_set(kind, ask, false);
  for (int i = 0; i < 3; i++) {
    cycle();
    ck_assert_uint_eq(cgc_disclaim_waiting(), 1);
    ck_assert(is_alive(p));
  }
  take(p);
  ck_assert(!cgc_disclaim_take(&call));
  cycle();
  ck_assert(is_alive(p)); /* taken, not done */
  ck_assert_uint_eq(cgc_disclaim_waiting(), 0);
  ck_assert(cgc_disclaim_done(p));
  ck_assert(!cgc_disclaim_done(p));
  cycle(); /* not freed: it is found dead again */
  take(p);
}
END_TEST

START_TEST(a_reachable_object_does_not_wait) {
  cgc_disclaim_set(kind, ask, false);
  roots[nroots++] = new_object();
  cycle();
  ck_assert_uint_eq(cgc_disclaim_waiting(), 0);
}
END_TEST

START_TEST(other_kinds_are_reclaimed) {
  void *p = private_alloc(cache, CGC_KIND_SCAN, 48);
  cgc_disclaim_set(kind, ask, false);
  cycle();
  ck_assert_uint_eq(cgc_disclaim_waiting(), 0);
  ck_assert(!is_alive(p));
}
END_TEST

START_TEST(an_object_that_is_freed_does_not_wait) {
  void **p = new_object();
  cgc_disclaim_set(kind, ask, false);
  cycle();
  cgc_disclaim_forget((uintptr_t)p);
  ck_assert_uint_eq(cgc_disclaim_waiting(), 0);
  ck_assert(!cgc_disclaim_done(p));
}
END_TEST

/* From a dead object to a dead one to one of another kind. */
static void check_chain(bool mark_from_all) {
  void **a = new_object(), **b = new_object();
  void *c = private_alloc(cache, CGC_KIND_SCAN, 3000);
  a[0] = b;
  b[1] = c;
  cgc_disclaim_set(kind, ask, mark_from_all);
  cycle();
  ck_assert(is_alive(a) && is_alive(b));
  ck_assert(is_alive(c) == mark_from_all);
  ck_assert_uint_eq(cgc_disclaim_waiting(), mark_from_all ? 1 : 2);
}

START_TEST(what_dead_objects_point_to_is_kept_by_those_that_mark_from_all) {
  check_chain(true);
}
END_TEST

START_TEST(what_dead_objects_point_to_is_reclaimed_else) { check_chain(false); }
END_TEST

START_TEST(many_are_taken_each_once) {
  static void **objects[OBJECTS];
  static char ntaken[OBJECTS];
  struct unit_random r = unit_random();
  struct cgc_disclaim_call call;
  size_t expected = 0, n = 0;
  cgc_disclaim_set(kind, ask, false);
  for (long i = 0; i < OBJECTS; i++) {
    objects[i] = private_alloc(cache, kind, 16 + unit_below(&r, 40000));
    objects[i][0] = (void *)i;
    if (unit_below(&r, 3) == 0)
      roots[nroots++] = objects[i];
    else
      expected++;
  }
  cycle();
  ck_assert_uint_eq(cgc_disclaim_waiting(), expected);
  while (cgc_disclaim_take(&call)) {
    n++;
    ck_assert_int_eq(++ntaken[*(long *)call.obj], 1);
    if (unit_below(&r, 2))
      ck_assert(cgc_disclaim_done(call.obj));
    if (n % 256 == 0)
      cgc_disclaim_check();
  }
  ck_assert_uint_eq(n, expected);
}
END_TEST

START_TEST(pinned_kinds_are_refused) {
  cgc_disclaim_set(CGC_KIND_PINNED, ask, false);
}
END_TEST

int main(void) {
  Suite *s = suite_create("disclaim");
  TCase *core = tcase_create("core");
  TCase *errors = tcase_create("errors");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_test(core, a_dead_object_waits_once_and_is_kept_until_it_is_done);
  tcase_add_test(core, a_reachable_object_does_not_wait);
  tcase_add_test(core, other_kinds_are_reclaimed);
  tcase_add_test(core, an_object_that_is_freed_does_not_wait);
  tcase_add_test(
      core, what_dead_objects_point_to_is_kept_by_those_that_mark_from_all);
  tcase_add_test(core, what_dead_objects_point_to_is_reclaimed_else);
  tcase_add_test(core, many_are_taken_each_once);
  tcase_add_test_raise_signal(errors, pinned_kinds_are_refused, SIGABRT);
  suite_add_tcase(s, core);
  suite_add_tcase(s, errors);
  return unit_run(s);
}
