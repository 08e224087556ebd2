/* SPDX-License-Identifier: MIT */
#include "mark/link.h"

#include "mark/marker.h"
#include "private.h"

#include <errno.h>
#include <pthread.h>

enum { LINKS = 2000, THREADS = 4 };
enum { SHORT = false, LONG = true };

static struct cgc_cache *cache;
static struct cgc_pool pool;
static struct cgc_marker marker;
static void *cells[LINKS]; /* links outside the heap */

static void set_up(void) { cache = private_cache(private_process_heap()); }

static void *new_object(size_t size) {
  return private_alloc(cache, CGC_KIND_SCAN, size);
}

/* Marks from ROOTS; nothing is swept. */
static void mark_from(void *const *roots, size_t n) {
  cgc_cache_flush(cache);
  cgc_heap_prepare_marks(&cgc_heap);
  cgc_pool_open(&pool, &cgc_heap.arena, 1);
  cgc_marker_open(&marker, &cgc_heap, &pool);
  cgc_marker_scan_range(&marker, (uintptr_t)roots, (uintptr_t)(roots + n));
  cgc_marker_drain(&marker);
}

static size_t weak_phase(void) {
  size_t n = cgc_link_clear_dead(&cgc_heap, SHORT);
  cgc_link_check();
  n += cgc_link_clear_dead(&cgc_heap, LONG);
  cgc_link_check();
  return n;
}

static int point(void **link, void *obj, bool is_long) {
  *link = obj;
  return cgc_link_register(link, obj, is_long);
}

START_TEST(a_link_is_cleared_when_its_object_dies) {
  void *a = new_object(32), *b = new_object(32);
  for (int i = 0; i < 2; i++) {
    ck_assert_int_eq(point(&cells[2 * i], a, i), 0);
    ck_assert_int_eq(point(&cells[2 * i + 1], b, i), 0);
  }
  mark_from(&b, 1);
  ck_assert_uint_eq(weak_phase(), 2);
  ck_assert_ptr_null(cells[0]);
  ck_assert_ptr_null(cells[2]);
  ck_assert_ptr_eq(cells[1], b);
  ck_assert_ptr_eq(cells[3], b);
  ck_assert_uint_eq(cgc_link_count(SHORT), 1);
  ck_assert_uint_eq(cgc_link_count(LONG), 1);
}
END_TEST

START_TEST(a_cleared_link_is_forgotten) {
  point(&cells[0], new_object(32), SHORT);
  mark_from(NULL, 0);
  weak_phase();
  ck_assert(!cgc_link_unregister(&cells[0], SHORT));
  cells[0] = cells;
  mark_from(NULL, 0);
  weak_phase();
  ck_assert_ptr_eq(cells[0], cells);
}
END_TEST

START_TEST(registering_again_changes_the_object) {
  void *a = new_object(32), *b = new_object(32);
  ck_assert_int_eq(point(&cells[0], a, SHORT), 0);
  ck_assert_int_eq(point(&cells[0], a, SHORT), -EEXIST);
  ck_assert_int_eq(point(&cells[0], b, SHORT), -EEXIST);
  cgc_link_check();
  ck_assert_uint_eq(cgc_link_count(SHORT), 1);
  mark_from(&b, 1);
  weak_phase();
  ck_assert_ptr_eq(cells[0], b);
  mark_from(&a, 1);
  weak_phase();
  ck_assert_ptr_null(cells[0]);
}
END_TEST

START_TEST(an_unregistered_link_stays_as_it_is) {
  void *a = new_object(32);
  point(&cells[0], a, LONG);
  ck_assert(!cgc_link_unregister(&cells[0], SHORT));
  ck_assert(cgc_link_unregister(&cells[0], LONG));
  ck_assert(!cgc_link_unregister(&cells[0], LONG));
  mark_from(NULL, 0);
  ck_assert_uint_eq(weak_phase(), 0);
  ck_assert_ptr_eq(cells[0], a);
}
END_TEST

START_TEST(a_moved_link_is_cleared_at_its_new_place) {
  void *a = new_object(32);
  point(&cells[0], a, SHORT);
  ck_assert_int_eq(cgc_link_move(&cells[1], &cells[2], SHORT), -ENOENT);
  ck_assert_int_eq(cgc_link_move(&cells[0], &cells[0], SHORT), 0);
  ck_assert_int_eq(cgc_link_move(&cells[0], &cells[1], SHORT), 0);
  cgc_link_check();
  cells[1] = cells[0];
  mark_from(NULL, 0);
  weak_phase();
  ck_assert_ptr_eq(cells[0], a);
  ck_assert_ptr_null(cells[1]);
}
END_TEST

START_TEST(a_link_does_not_move_onto_another) {
  point(&cells[0], new_object(32), SHORT);
  point(&cells[1], new_object(32), SHORT);
  ck_assert_int_eq(cgc_link_move(&cells[0], &cells[1], SHORT), -EEXIST);
  ck_assert_uint_eq(cgc_link_count(SHORT), 2);
  ck_assert_int_eq(cgc_link_move(&cells[0], &cells[1], LONG), -ENOENT);
}
END_TEST

START_TEST(short_and_long_links_may_share_a_place) {
  void *a = new_object(32);
  ck_assert_int_eq(point(&cells[0], a, SHORT), 0);
  ck_assert_int_eq(point(&cells[0], a, LONG), 0);
  mark_from(NULL, 0);
  ck_assert_uint_eq(cgc_link_clear_dead(&cgc_heap, SHORT), 1);
  ck_assert_uint_eq(cgc_link_clear_dead(&cgc_heap, LONG), 1);
}
END_TEST

START_TEST(a_link_goes_with_the_dead_object_that_holds_it) {
  void *target = new_object(32);
  void **holder = private_alloc(cache, CGC_KIND_NOSCAN, 64);
  point(&holder[3], target, SHORT);
  point(&holder[4], target, LONG);
  mark_from(&target, 1); /* the holder dies */
  cgc_link_clear_dead(&cgc_heap, SHORT);
  ck_assert_uint_eq(cgc_link_count(SHORT), 1); /* it might come back */
  cgc_link_clear_dead(&cgc_heap, LONG);
  ck_assert_uint_eq(cgc_link_count(SHORT), 0);
  ck_assert_uint_eq(cgc_link_count(LONG), 0);
  ck_assert_ptr_eq(holder[3], target);
  cgc_link_check();
}
END_TEST

START_TEST(objects_with_links_tell_free_of_it) {
  void *target = new_object(32);
  void **holder = private_alloc(cache, CGC_KIND_NOSCAN, 64);
  point(&holder[3], target, SHORT);
  struct cgc_object a = private_object(&cgc_heap, target);
  struct cgc_object b = private_object(&cgc_heap, holder);
  ck_assert(a.span->slots[a.index] & CGC_SLOT_SPECIAL);
  ck_assert(b.span->slots[b.index] & CGC_SLOT_SPECIAL);
}
END_TEST

START_TEST(a_freed_object_takes_its_links_along) {
  void *a = new_object(32), *b = new_object(32);
  for (int i = 0; i < 10; i++) {
    point(&cells[i], a, SHORT);
    point(&cells[i], a, LONG);
    point(&cells[10 + i], b, SHORT);
  }
  cgc_link_forget((uintptr_t)a);
  cgc_link_check();
  ck_assert_uint_eq(cgc_link_count(SHORT), 10);
  ck_assert_uint_eq(cgc_link_count(LONG), 0);
  ck_assert_ptr_eq(cells[0], a); /* *link is the program's business */
}
END_TEST

static void freed_holder(size_t size, size_t nlinks) {
  void *target = new_object(32);
  void **holder = private_alloc(cache, CGC_KIND_NOSCAN, size);
  for (size_t i = 0; i < nlinks; i++)
    point(&holder[size / 8 * i / nlinks], target, i & 1);
  point(&cells[0], target, SHORT);
  cgc_link_forget((uintptr_t)holder);
  cgc_link_check();
  ck_assert_uint_eq(cgc_link_count(SHORT), 1);
  ck_assert_uint_eq(cgc_link_count(LONG), 0);
  ck_assert(cgc_link_unregister(&cells[0], SHORT));
}

START_TEST(a_freed_object_takes_the_links_in_it_along) {
  freed_holder(64, 4);
  freed_holder(30000, 100);
  freed_holder(1000000, 20); /* bigger than the table */
  freed_holder(64, 8);
}
END_TEST

START_TEST(a_link_to_no_object_is_never_cleared) {
  static int outside;
  ck_assert_int_eq(point(&cells[0], &outside, SHORT), 0);
  ck_assert_int_eq(point(&cells[1], NULL, LONG), -EINVAL);
  ck_assert_int_eq(cgc_link_register(NULL, cells, LONG), -EINVAL);
  ck_assert_int_eq(cgc_link_move(&cells[0], NULL, SHORT), -EINVAL);
  ck_assert(!cgc_link_unregister(NULL, SHORT));
  mark_from(NULL, 0);
  ck_assert_uint_eq(weak_phase(), 0);
  ck_assert_ptr_eq(cells[0], &outside);
}
END_TEST

START_TEST(links_keep_nothing_alive) {
  void *a = new_object(32);
  void **holder = private_alloc(cache, CGC_KIND_NOSCAN, 64);
  void *root = holder;
  point(&holder[0], a, SHORT);
  mark_from(&root, 1);
  ck_assert_uint_eq(marker.marked_objects, 1);
  ck_assert_uint_eq(weak_phase(), 1);
  ck_assert_ptr_null(holder[0]);
}
END_TEST

START_TEST(random_links_are_cleared_as_the_model_says) {
  static void *objects[LINKS], *targets[LINKS], *roots[LINKS];
  static bool dies[LINKS];
  struct unit_random r = unit_random();
  for (int round = 0; round < 20; round++) {
    size_t nroots = 0, ndead = 0;
    for (int i = 0; i < LINKS; i++) {
      objects[i] = new_object(16 + unit_below(&r, 200));
      dies[i] = unit_below(&r, 2);
      if (!dies[i])
        roots[nroots++] = objects[i];
    }
    for (int i = 0; i < LINKS; i++) {
      size_t k = unit_below(&r, LINKS / 4); /* several links to one */
      point(&cells[i], targets[i] = objects[k], i & 1);
      if (unit_below(&r, 5) == 0) {
        cgc_link_unregister(&cells[i], i & 1);
        targets[i] = NULL;
      } else if (dies[k]) {
        targets[i] = cells; /* to be cleared */
        ndead++;
      }
    }
    cgc_link_check();
    mark_from(roots, nroots);
    ck_assert_uint_eq(weak_phase(), ndead);
    for (int i = 0; i < LINKS; i++) {
      if (targets[i] == cells)
        ck_assert_ptr_null(cells[i]);
      else if (targets[i])
        ck_assert_ptr_eq(cells[i], targets[i]);
      cgc_link_unregister(&cells[i], i & 1);
    }
    cgc_heap_flip(&cgc_heap, 0);
    cgc_heap_sweep_all(&cgc_heap);
  }
  ck_assert_uint_eq(cgc_link_count(SHORT) + cgc_link_count(LONG), 0);
}
END_TEST

struct part {
  size_t first;
  void *obj;
};

static void *churn(void *ctx) {
  const struct part *part = ctx;
  for (int round = 0; round < 50; round++) {
    for (size_t i = 0; i < LINKS / THREADS; i++)
      if (point(&cells[part->first + i], part->obj, SHORT) != 0)
        return "was there already";
    for (size_t i = 0; i < LINKS / THREADS; i++)
      if (!cgc_link_unregister(&cells[part->first + i], SHORT))
        return "was not there";
  }
  return NULL;
}

START_TEST(threads_register_at_the_same_time) {
  pthread_t threads[THREADS];
  struct part parts[THREADS];
  void *error;
  for (size_t i = 0; i < THREADS; i++) {
    parts[i] = (struct part){i * (LINKS / THREADS), new_object(32)};
    pthread_create(&threads[i], NULL, churn, &parts[i]);
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], &error);
    ck_assert_msg(!error, "%s", (char *)error);
  }
  ck_assert_uint_eq(cgc_link_count(SHORT), 0);
}
END_TEST

int main(void) {
  Suite *s = suite_create("link");
  TCase *core = tcase_create("core");
  TCase *freed = tcase_create("freed");
  TCase *model = tcase_create("model");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_test(core, a_link_is_cleared_when_its_object_dies);
  tcase_add_test(core, a_cleared_link_is_forgotten);
  tcase_add_test(core, registering_again_changes_the_object);
  tcase_add_test(core, an_unregistered_link_stays_as_it_is);
  tcase_add_test(core, a_moved_link_is_cleared_at_its_new_place);
  tcase_add_test(core, a_link_does_not_move_onto_another);
  tcase_add_test(core, short_and_long_links_may_share_a_place);
  tcase_add_test(core, a_link_goes_with_the_dead_object_that_holds_it);
  tcase_add_test(core, a_link_to_no_object_is_never_cleared);
  tcase_add_test(core, links_keep_nothing_alive);
  tcase_add_checked_fixture(freed, set_up, NULL);
  tcase_add_test(freed, objects_with_links_tell_free_of_it);
  tcase_add_test(freed, a_freed_object_takes_its_links_along);
  tcase_add_test(freed, a_freed_object_takes_the_links_in_it_along);
  tcase_add_checked_fixture(model, set_up, NULL);
  tcase_add_test(model, random_links_are_cleared_as_the_model_says);
  tcase_add_test(model, threads_register_at_the_same_time);
  tcase_set_timeout(model, 60);
  suite_add_tcase(s, core);
  suite_add_tcase(s, freed);
  suite_add_tcase(s, model);
  return unit_run(s);
}
