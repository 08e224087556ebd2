/* SPDX-License-Identifier: MIT */
#include "cycle/barrier.h"

#include "private.h"

#include <unistd.h>

enum { OBJECTS = 20000 };

static struct cgc_heap *heap;
static struct cgc_cache *cache;
static struct cgc_pool pool;
static struct cgc_marker marker;
static struct cgc_barrier barrier;
static void **obj[OBJECTS];

static void set_up(void) {
  heap = private_heap((size_t)1 << 30, (size_t)64 << 20);
  cache = private_cache(heap);
  if (cgc_barrier_open(&barrier, heap) != 0)
    exit(EXIT_SUCCESS); /* a kernel that keeps no record */
}

/* Pages are mapped one by one as they are wanted, with holes between them. */
static void set_up_claimed(void) {
  heap = private_heap((size_t)1 << 30, (size_t)64 << 20);
  cache = private_cache(heap);
  cgc_pageheap_unreserve(&heap->pageheap);
  if (cgc_barrier_open(&barrier, heap) != 0)
    exit(EXIT_SUCCESS);
}

static size_t npages(void) { return cgc_arena_pages(&heap->arena); }

static bool is_marked(const void *p) {
  struct cgc_object o = private_object(heap, p);
  return cgc_object_is_marked(&heap->arena, &o);
}

/* Half of the objects are reachable, from the first; all are armed. */
static void mark(void) {
  for (int i = 0; i < OBJECTS; i++)
    obj[i] = private_alloc(cache, CGC_KIND_SCAN, 48);
  for (int i = 2; i < OBJECTS; i += 2)
    obj[i - 2][0] = obj[i];
  cgc_cache_flush(cache);
  cgc_barrier_arm(&barrier, 0, npages());
  cgc_heap_prepare_marks(heap);
  cgc_pool_open(&pool, &heap->arena, 1);
  cgc_marker_open(&marker, heap, &pool);
  cgc_marker_mark_word(&marker, (uintptr_t)obj[0]);
  cgc_marker_drain(&marker);
}

static void write_one(int i) {
  obj[i & ~1][1] = obj[i | 1];
  ck_assert(!is_marked(obj[i | 1]));
}

/* A whole round.  returns  pages that it found */
static uint64_t clean(void) {
  cgc_barrier_rewind(&barrier, false);
  while (!cgc_barrier_clean(&barrier, &marker, 3))
    ;
  return barrier.nround;
}

START_TEST(written_pages_are_cleaned_once) {
  mark();
  write_one(100);
  write_one(OBJECTS - 2);
  ck_assert_uint_eq(clean(), 2);
  cgc_marker_drain(&marker);
  ck_assert(is_marked(obj[101]) && is_marked(obj[OBJECTS - 1]));
  ck_assert(!is_marked(obj[103]));
  ck_assert_uint_eq(clean(), 0);
}
END_TEST

START_TEST(finish_finds_what_was_written_since) {
  mark();
  write_one(100);
  clean();
  write_one(200);
  ck_assert(cgc_barrier_finish(&barrier, &marker, 0));
  cgc_marker_drain(&marker);
  ck_assert(is_marked(obj[201]));
  ck_assert_uint_eq(barrier.nround, 1);
  ck_assert_uint_eq(barrier.npages, 2);
}
END_TEST

START_TEST(finish_gives_up_on_too_much) {
  mark();
  for (int i = 0; i < OBJECTS; i += 1000)
    write_one(i);
  ck_assert(!cgc_barrier_finish(&barrier, &marker, OBJECTS / 1000 - 1));
  ck_assert(cgc_barrier_finish(&barrier, &marker, OBJECTS / 1000));
  cgc_marker_drain(&marker);
  for (int i = 0; i < OBJECTS; i += 1000)
    ck_assert(is_marked(obj[i | 1]));
}
END_TEST

START_TEST(what_the_heap_has_grown_by_is_visited) {
  mark();
  void *white = obj[1];
  size_t before = npages();
  void **born = private_alloc(cache, CGC_KIND_SCAN, 64 << 20);
  ck_assert_uint_gt(npages(), before);
  born[1000] = white;
  ck_assert(cgc_barrier_finish(&barrier, &marker, 0));
  cgc_marker_drain(&marker);
  ck_assert(is_marked(white));
}
END_TEST

START_TEST(a_tracker_that_is_lost_makes_all_dirty) {
  mark();
  write_one(100);
  close(barrier.dirty.uffd.fd);
  close(barrier.dirty.pagemap.fd);
  write_one(300);
  ck_assert(cgc_barrier_finish(&barrier, &marker, 0));
  cgc_marker_drain(&marker);
  ck_assert(is_marked(obj[101]) && is_marked(obj[301]));
}
END_TEST

START_TEST(it_opens_again_and_again) {
  mark();
  ck_assert_int_eq(cgc_barrier_open(&barrier, heap), 0);
  cgc_barrier_close(&barrier);
  ck_assert_int_eq(cgc_barrier_open(&barrier, heap), 0);
  cgc_barrier_arm(&barrier, 0, npages());
  write_one(100);
  ck_assert(cgc_barrier_finish(&barrier, &marker, 0));
  ck_assert_uint_eq(barrier.nround, 1);
}
END_TEST

/* A large object is gone, and its addresses with it. */
START_TEST(holes_are_passed_over) {
  void *hole = private_alloc(cache, CGC_KIND_SCAN, 40 << 20);
  mark();
  private_free(cache, hole);
  write_one(100);
  write_one(OBJECTS - 2);
  ck_assert(cgc_barrier_finish(&barrier, &marker, 0));
  cgc_marker_drain(&marker);
  ck_assert(is_marked(obj[101]) && is_marked(obj[OBJECTS - 1]));
}
END_TEST

enum { BLOCK = 2 << 20 };

static uint64_t written_now(void) {
  cgc_barrier_rewind(&barrier, false);
  while (!cgc_barrier_count(&barrier, &marker))
    ;
  return barrier.nround;
}

START_TEST(what_nobody_scans_is_not_looked_at) {
  char *bytes = private_alloc(cache, CGC_KIND_NOSCAN, 4 * BLOCK);
  mark();
  memset(bytes, 1, 4 * BLOCK);
  write_one(100);
  ck_assert_uint_lt(written_now(), BLOCK / CGC_OS_PAGE);
  ck_assert(cgc_barrier_finish(&barrier, &marker, BLOCK / CGC_OS_PAGE));
}
END_TEST

/* All of a large object is written by the time of the first round. */
START_TEST(a_block_that_is_written_all_over_is_not_armed_for_a_while) {
  void **large = private_alloc(cache, CGC_KIND_SCAN, 4 * BLOCK);
  int cycles = 0;
  mark();
  cgc_marker_mark_word(&marker, (uintptr_t)large);
  cgc_marker_drain(&marker);
  memset(large, 0, 4 * BLOCK);
  cgc_barrier_rewind(&barrier, true);
  while (!cgc_barrier_clean(&barrier, &marker, 100))
    ;
  ck_assert_uint_eq(written_now(), 0);
  cgc_barrier_disarm(&barrier, 0, npages());
  do {
    cgc_barrier_disarm(&barrier, 0, npages());
    cgc_barrier_arm(&barrier, 0, npages());
    cycles++;
  } while (written_now() > 2 * BLOCK / CGC_OS_PAGE);
  ck_assert_int_gt(cycles, 2);
  ck_assert_int_lt(cycles, 10);
}
END_TEST

START_TEST(a_new_object_of_many_blocks_is_visited) {
  mark();
  void *white = obj[1], *other = obj[3];
  void **born = private_alloc(cache, CGC_KIND_SCAN, 8 * BLOCK);
  cgc_marker_mark_word(&marker, (uintptr_t)born);
  cgc_marker_drain(&marker);
  born[7 * BLOCK / sizeof *born] = white;
  written_now();
  born[6 * BLOCK / sizeof *born] = other;
  ck_assert(cgc_barrier_finish(&barrier, &marker, 0));
  cgc_marker_drain(&marker);
  ck_assert(is_marked(white) && is_marked(other));
}
END_TEST

/* Marked after they were armed, written after that. */
START_TEST(new_objects_that_are_marked_later_are_visited_when_written) {
  enum { MANY = 100000 };
  static void **born[MANY];
  mark();
  for (int i = 0; i < MANY; i++)
    born[i] = private_alloc(cache, CGC_KIND_SCAN, 48);
  cgc_cache_flush(cache);
  written_now();
  cgc_marker_mark_word(&marker, (uintptr_t)born[MANY / 2]);
  cgc_marker_drain(&marker);
  born[MANY / 2][0] = obj[1];
  ck_assert(cgc_barrier_finish(&barrier, &marker, 0));
  cgc_marker_drain(&marker);
  ck_assert(is_marked(obj[1]));
}
END_TEST

START_TEST(what_is_disarmed_is_written) {
  mark();
  clean();
  ck_assert_uint_eq(written_now(), 0);
  cgc_barrier_disarm(&barrier, 0, npages());
  ck_assert_uint_gt(written_now(), OBJECTS * 48 / CGC_OS_PAGE);
}
END_TEST

static void add_core(TCase *core) {
  tcase_add_test(core, written_pages_are_cleaned_once);
  tcase_add_test(core, finish_finds_what_was_written_since);
  tcase_add_test(core, finish_gives_up_on_too_much);
  tcase_add_test(core, what_the_heap_has_grown_by_is_visited);
  tcase_add_test(core, a_tracker_that_is_lost_makes_all_dirty);
  tcase_add_test(core, it_opens_again_and_again);
  tcase_add_test(core, holes_are_passed_over);
  tcase_add_test(core, what_nobody_scans_is_not_looked_at);
  tcase_add_test(core,
                 a_block_that_is_written_all_over_is_not_armed_for_a_while);
  tcase_add_test(core, a_new_object_of_many_blocks_is_visited);
  tcase_add_test(core,
                 new_objects_that_are_marked_later_are_visited_when_written);
  tcase_add_test(core, what_is_disarmed_is_written);
}

int main(void) {
  Suite *suite = suite_create("barrier");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, set_up, NULL);
  add_core(core);
  suite_add_tcase(suite, core);
  TCase *claimed = tcase_create("claimed");
  tcase_add_checked_fixture(claimed, set_up_claimed, NULL);
  add_core(claimed);
  suite_add_tcase(suite, claimed);
  return unit_run(suite);
}
