/* SPDX-License-Identifier: MIT */
#include "mark/toggle.h"

#include "private.h"

#include <errno.h>

enum { OBJECTS = 500 };

static struct cgc_cache *cache;
static struct cgc_pool pool;
static struct cgc_marker marker;
static long nasked;

static void set_up(void) { cache = private_cache(private_process_heap()); }

/* Each object's first word is the answer. */
static enum cgc_toggle ask(void *obj) {
  nasked++;
  return *(enum cgc_toggle *)obj;
}

static long *new_object(enum cgc_toggle is) {
  long *p = private_alloc(cache, CGC_KIND_SCAN, 64);
  *p = is;
  return p;
}

static void cycle(void) {
  cgc_toggle_ask();
  cgc_heap_sweep_all(&cgc_heap);
  cgc_cache_flush(cache);
  cgc_heap_prepare_marks(&cgc_heap);
  cgc_pool_open(&pool, &cgc_heap.arena, 1);
  cgc_marker_open(&marker, &cgc_heap, &pool);
  cgc_toggle_visit_roots(&marker);
  cgc_marker_drain(&marker);
  cgc_toggle_clear_dead(&cgc_heap);
  cgc_heap_flip(&cgc_heap, marker.marked_bytes);
  cgc_heap_sweep_all(&cgc_heap);
  cgc_toggle_check();
}

static bool is_alive(const void *p) {
  struct cgc_object obj;
  return cgc_arena_find(&cgc_heap.arena, (uintptr_t)p, &obj) &&
         cgc_object_is_live(&obj);
}

START_TEST(a_strong_one_is_a_root_and_a_weak_one_dies) {
  long *strong = new_object(CGC_TOGGLE_STRONG);
  long *weak = new_object(CGC_TOGGLE_WEAK);
  long *dropped = new_object(CGC_TOGGLE_DROP);
  long *child = new_object(0);
  ((void **)strong)[3] = child;
  cgc_toggle_set(ask);
  ck_assert(cgc_toggle_get() == ask);
  ck_assert_int_eq(cgc_toggle_add(strong, true), 0);
  ck_assert_int_eq(cgc_toggle_add(weak, true), 0);
  ck_assert_int_eq(cgc_toggle_add(dropped, true), 0);
  cycle();
  ck_assert(is_alive(strong) && is_alive(child));
  ck_assert(!is_alive(weak) && !is_alive(dropped));
  ck_assert_uint_eq(cgc_toggle_count(), 1);
  *strong = CGC_TOGGLE_WEAK;
  cycle();
  ck_assert(!is_alive(strong) && !is_alive(child));
  ck_assert_uint_eq(cgc_toggle_count(), 0);
}
END_TEST

START_TEST(without_a_function_they_are_as_they_were_added) {
  long *strong = new_object(CGC_TOGGLE_WEAK);
  long *weak = new_object(CGC_TOGGLE_STRONG);
  cgc_toggle_add(strong, true);
  cgc_toggle_add(weak, false);
  cycle();
  ck_assert(is_alive(strong) && !is_alive(weak));
  cgc_toggle_set(ask);
  cycle();
  ck_assert(!is_alive(strong));
}
END_TEST

START_TEST(an_object_that_is_freed_is_forgotten) {
  long *p = new_object(CGC_TOGGLE_STRONG);
  cgc_toggle_add(p, true);
  cgc_toggle_forget((uintptr_t)p);
  ck_assert_uint_eq(cgc_toggle_count(), 0);
  cycle();
  ck_assert_int_eq(nasked, 0);
}
END_TEST

START_TEST(what_is_no_object_is_refused) {
  long *p = new_object(CGC_TOGGLE_STRONG);
  ck_assert_int_eq(cgc_toggle_add(p + 1, true), -EINVAL);
  ck_assert_int_eq(cgc_toggle_add(&pool, true), -EINVAL);
  ck_assert_int_eq(cgc_toggle_add(NULL, true), -EINVAL);
}
END_TEST

START_TEST(each_of_many_is_treated_as_it_answers) {
  static long *objects[OBJECTS];
  static enum cgc_toggle model[OBJECTS];
  struct unit_random r = unit_random();
  cgc_toggle_set(ask);
  for (int i = 0; i < OBJECTS; i++) {
    objects[i] = new_object(CGC_TOGGLE_STRONG);
    cgc_toggle_add(objects[i], true);
  }
  for (size_t left = OBJECTS; left > 0;) {
    for (int i = 0; i < OBJECTS; i++)
      if (objects[i])
        *objects[i] = model[i] = unit_below(&r, 4)   ? CGC_TOGGLE_STRONG
                                 : unit_below(&r, 2) ? CGC_TOGGLE_WEAK
                                                     : CGC_TOGGLE_DROP;
    cycle();
    left = 0;
    for (int i = 0; i < OBJECTS; i++) {
      if (!objects[i])
        continue;
      ck_assert(is_alive(objects[i]) == (model[i] == CGC_TOGGLE_STRONG));
      if (model[i] != CGC_TOGGLE_STRONG)
        objects[i] = NULL;
      else
        left++;
    }
    ck_assert_uint_eq(cgc_toggle_count(), left);
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("toggle");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_test(core, a_strong_one_is_a_root_and_a_weak_one_dies);
  tcase_add_test(core, without_a_function_they_are_as_they_were_added);
  tcase_add_test(core, an_object_that_is_freed_is_forgotten);
  tcase_add_test(core, what_is_no_object_is_refused);
  tcase_add_test(core, each_of_many_is_treated_as_it_answers);
  suite_add_tcase(s, core);
  return unit_run(s);
}
