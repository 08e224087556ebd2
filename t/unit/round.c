/* SPDX-License-Identifier: MIT */
/* That nothing is lost is t/unit/drain's and t/unit/marker's. */
#include "mark/round.h"

#include "mark/marker.h"
#include "private.h"

enum { OBJECTS = 300, SIZE = 48 };

static struct cgc_heap *heap;
static struct cgc_cache *cache;
static struct cgc_pool pool;
static struct cgc_marker m;
static struct cgc_round round_;
static uintptr_t objects[OBJECTS];

static void set_up(void) {
  heap = private_heap((size_t)1 << 30, (size_t)64 << 20);
  cache = private_cache(heap);
  for (int i = 0; i < OBJECTS; i++)
    objects[i] = (uintptr_t)private_alloc(cache, CGC_KIND_SCAN, SIZE - 1);
}

/* The front is wide. */
static void begin(unsigned members) {
  cgc_cache_flush(cache);
  cgc_heap_prepare_marks(heap);
  cgc_pool_open(&pool, &heap->arena, members);
  cgc_marker_open(&m, heap, &pool);
  cgc_visit_turn_to_spans(&m);
  cgc_round_open(&round_, &m);
}

static void visit(const uintptr_t *words, size_t n) {
  memcpy(round_.words, words, n * sizeof *words);
  round_.nwords = n;
  cgc_round_find(&round_, &m);
  cgc_round_visit(&round_, &m);
}

static void visit_objects(void) {
  for (size_t i = 0; i < OBJECTS; i += CGC_ROUND_BATCH)
    visit(objects + i, cgc_min(CGC_ROUND_BATCH, OBJECTS - i));
}

static bool is_marked(uintptr_t addr) {
  struct cgc_object obj = private_object(heap, (void *)addr);
  return cgc_object_is_marked(&heap->arena, &obj);
}

/* Twice named is marked, counted and scanned once. */
START_TEST(what_is_visited_comes_in_once) {
  size_t n = 0, now;
  begin((unsigned)_i);
  visit_objects();
  visit_objects();
  cgc_visit_count(&m);
  ck_assert_uint_eq(m.marked_objects, OBJECTS);
  for (int i = 0; i < OBJECTS; i++)
    ck_assert(is_marked(objects[i]));
  for (uintptr_t last = 0; (now = cgc_round_fill(&round_, &m, true)); n += now)
    for (size_t i = 0; i < now; i++) {
      struct cgc_near near = round_.batch[round_.at].near[i];
      ck_assert(is_marked(near.addr) && near.addr != last);
      ck_assert_uint_eq(near.row->size, SIZE);
      last = near.addr;
    }
  ck_assert_uint_eq(n, OBJECTS);
}
END_TEST

START_TEST(no_more_comes_in_than_is_wanted) {
  begin(1);
  visit_objects();
  ck_assert_uint_eq(cgc_round_fill(&round_, &m, false), 0);
  ck_assert_uint_eq(cgc_round_fill(&round_, &m, true), CGC_ROUND_BATCH);
}
END_TEST

START_TEST(noscan_objects_are_marked_and_do_not_come_in) {
  uintptr_t p = (uintptr_t)private_alloc(cache, CGC_KIND_NOSCAN, SIZE);
  begin((unsigned)_i);
  visit(&p, 1);
  ck_assert(is_marked(p));
  ck_assert_uint_eq(cgc_round_fill(&round_, &m, true), 0);
}
END_TEST

/* What is no slot of a small class is not lost, and nothing is made of it. */
START_TEST(large_objects_and_pages_of_nobody_are_told_apart) {
  uintptr_t large = (uintptr_t)private_alloc(cache, CGC_KIND_SCAN, 1 << 20);
  begin((unsigned)_i);
  uintptr_t words[] = {large + 100000, objects[0],
                       m.range.base + m.range.bytes - 8};
  visit(words, 3);
  cgc_visit_count(&m);
  ck_assert(is_marked(large) && is_marked(objects[0]));
  ck_assert_uint_eq(m.marked_objects, 2);
}
END_TEST

/* A piece of a large object that waits comes first, or ever more would. */
START_TEST(pieces_come_before_greys) {
  begin(1);
  visit_objects();
  cgc_queue_push(&m.queue, objects[0], objects[0] + SIZE);
  ck_assert_uint_eq(cgc_round_fill(&round_, &m, true), 0);
}
END_TEST

START_TEST(a_round_ends_when_nothing_came_in) {
  begin(1);
  visit(objects, 1);
  ck_assert_uint_eq(cgc_round_fill(&round_, &m, true), 1);
  ck_assert(cgc_round_next(&round_));
  ck_assert_uint_eq(cgc_round_fill(&round_, &m, true), 0);
  ck_assert(!cgc_round_next(&round_));
}
END_TEST

int main(void) {
  Suite *s = suite_create("round");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_loop_test(core, what_is_visited_comes_in_once, 1, 3);
  tcase_add_test(core, no_more_comes_in_than_is_wanted);
  tcase_add_loop_test(core, noscan_objects_are_marked_and_do_not_come_in, 1, 3);
  tcase_add_loop_test(core, large_objects_and_pages_of_nobody_are_told_apart, 1,
                      3);
  tcase_add_test(core, pieces_come_before_greys);
  tcase_add_test(core, a_round_ends_when_nothing_came_in);
  suite_add_tcase(s, core);
  return unit_run(s);
}
