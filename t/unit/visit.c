/* SPDX-License-Identifier: MIT */
/* That everything reachable is marked is t/unit/drain's and t/unit/marker's. */
#include "mark/visit.h"

#include "base/option.h"
#include "private.h"

static struct cgc_heap *heap;
static struct cgc_cache *cache;
static struct cgc_pool pool;
static struct cgc_marker m;

static void set_up(void) {
  heap = private_heap((size_t)1 << 30, (size_t)64 << 20);
  cache = private_cache(heap);
}

/* A marker that nobody drains. */
static void begin(unsigned members) {
  cgc_cache_flush(cache);
  cgc_heap_prepare_marks(heap);
  cgc_pool_open(&pool, &heap->arena, members);
  cgc_queue_init(&m.queue, &pool);
  m.heap = heap;
  m.shared = members > 1;
  cgc_slot_map_open(&m.map, &heap->arena);
  cgc_scan_range_set(&m.range, heap->arena.base, cgc_arena_bytes(&heap->arena));
  m.strict = false;
  m.marked_at_turn = m.marked_bytes = m.marked_objects = 0;
  memset(m.marked, 0, sizeof m.marked);
  cgc_visit_open(&m);
}

static bool is_marked(const void *p) {
  struct cgc_object obj = private_object(heap, p);
  return cgc_object_is_marked(&heap->arena, &obj);
}

static void visit_all(void) { cgc_visit_all(&m, &m.map, &m.lane); }

START_TEST(a_word_waits_in_the_ring_until_others_drive_it_out) {
  void *p = private_alloc(cache, CGC_KIND_SCAN, 64);
  void *q = private_alloc(cache, CGC_KIND_SCAN, 64);
  begin(1);
  cgc_visit_word(&m, (uintptr_t)p);
  for (int i = 0; i < CGC_VISIT_RING - 1; i++)
    cgc_visit_word(&m, (uintptr_t)q);
  ck_assert(!is_marked(p));
  cgc_visit_word(&m, (uintptr_t)q);
  ck_assert(is_marked(p) && !is_marked(q));
  visit_all();
  ck_assert(is_marked(q));
  ck_assert_uint_eq(m.lane.n, 2);
  cgc_visit_count(&m);
  ck_assert_uint_eq(m.marked_objects, 2);
  ck_assert_uint_eq(m.marked_bytes, 128);
}
END_TEST

START_TEST(an_empty_ring_marks_nothing) {
  size_t page;
  private_alloc(cache, CGC_KIND_SCAN, 64);
  for (int by_span = 0; by_span < 2; by_span++) {
    begin(1);
    cgc_visit_set_by_span(&m, by_span);
    visit_all();
    for (int i = 0; i < CGC_VISIT_RING; i++)
      cgc_visit_slot(&m, &m.map, &m.lane, m.ring[i]);
    cgc_visit_count(&m);
    ck_assert_uint_eq(m.marked_objects, 0);
    ck_assert_uint_eq(m.lane.n, 0);
    ck_assert(!cgc_queue_take_span(&m.queue, &page));
  }
}
END_TEST

START_TEST(noscan_objects_are_marked_and_do_not_wait) {
  void *p = private_alloc(cache, CGC_KIND_NOSCAN, 64);
  void *large = private_alloc(cache, CGC_KIND_NOSCAN, 100000);
  for (unsigned members = 1; members <= 2; members++) {
    begin(members);
    cgc_visit_word(&m, (uintptr_t)p + 9);
    cgc_visit_word(&m, (uintptr_t)large + 99999);
    visit_all();
    ck_assert(is_marked(p) && is_marked(large));
    ck_assert_uint_eq(m.lane.n, 0);
    ck_assert_uint_eq(m.queue.npieces, 0);
  }
}
END_TEST

START_TEST(a_large_object_waits_as_a_piece_once) {
  char *p = private_alloc(cache, CGC_KIND_SCAN, 100000);
  struct cgc_piece piece;
  begin(1);
  for (int i = 0; i < 10; i++)
    cgc_visit_word(&m, (uintptr_t)p + (size_t)i * 10000);
  ck_assert(is_marked(p));
  ck_assert(cgc_queue_pop(&m.queue, &piece));
  ck_assert_uint_eq(piece.lo, (uintptr_t)p);
  ck_assert_uint_ge(piece.hi, (uintptr_t)p + 100000);
  ck_assert(!cgc_queue_pop(&m.queue, &piece));
}
END_TEST

START_TEST(too_many_objects_turn_to_spans) {
  enum { LIMIT = 10 };
  size_t page;
  uintptr_t objects[2 * LIMIT];
  for (int i = 0; i < 2 * LIMIT; i++)
    objects[i] = (uintptr_t)private_alloc(cache, CGC_KIND_SCAN, 4000);
  for (unsigned members = 1; members <= 2; members++) {
    begin(members);
    m.queue.limit = LIMIT;
    for (int i = 0; i < 2 * LIMIT; i++) {
      ck_assert_int_eq(m.by_span, i > LIMIT);
      cgc_visit_word(&m, objects[i]);
      visit_all();
    }
    ck_assert_uint_eq(m.lane.n, LIMIT);
    ck_assert(cgc_queue_take_span(&m.queue, &page));
  }
}
END_TEST

/* So much was marked that all of it is taken for scanned at the turn. */
START_TEST(a_large_object_that_finds_the_queue_full_is_still_to_be_scanned) {
  enum { SMALL = 30000, LARGE = CGC_QUEUE_PIECES + 1 };
  static uintptr_t small[SMALL], large[LARGE];
  size_t page;
  for (int i = 0; i < SMALL; i++)
    small[i] = (uintptr_t)private_alloc(cache, CGC_KIND_NOSCAN, 16);
  for (int i = 0; i < LARGE; i++)
    large[i] = (uintptr_t)private_alloc(cache, CGC_KIND_SCAN, 33000);
  struct cgc_object last = private_object(heap, (void *)large[LARGE - 1]);
  for (unsigned members = 1; members <= 2; members++) {
    begin(members);
    for (int i = 0; i < SMALL; i++)
      cgc_visit_word(&m, small[i]);
    for (int i = 0; i < LARGE; i++)
      cgc_visit_word(&m, large[i]);
    ck_assert_uint_eq(m.queue.npieces, CGC_QUEUE_PIECES);
    ck_assert(cgc_queue_take_span(&m.queue, &page));
    ck_assert_uint_eq(page, cgc_visit_page_of(&m, last.addr));
    ck_assert(!(*cgc_arena_scanned_words(&heap->arena, last.span) & 1));
  }
}
END_TEST

/* The first of several sets the bits, and from then on all keep them. */
START_TEST(scanned_bits_are_kept_once_spans_may_wait) {
  void *before = private_alloc(cache, CGC_KIND_SCAN, 64);
  void *after = private_alloc(cache, CGC_KIND_SCAN, 64);
  struct cgc_object obj = private_object(heap, before);
  const uint64_t *scanned = cgc_arena_scanned_words(&heap->arena, obj.span);
  begin(2);
  cgc_visit_word(&m, (uintptr_t)before);
  visit_all();
  ck_assert(!cgc_pool_is_wide(&pool));
  ck_assert_uint_eq(scanned[obj.index / 64] >> obj.index % 64 & 1, 0);
  ck_assert(cgc_pool_begin_wide(&pool));
  cgc_pool_end_wide(&pool);
  ck_assert(!cgc_pool_begin_wide(&pool));
  obj = private_object(heap, after);
  cgc_visit_word(&m, (uintptr_t)after);
  visit_all();
  scanned = cgc_arena_scanned_words(&heap->arena, obj.span);
  ck_assert_uint_eq(scanned[obj.index / 64] >> obj.index % 64 & 1, 1);
  ck_assert_uint_eq(m.lane.n, 2);
}
END_TEST

START_TEST(odd_words_count_by_option) {
  char *p = private_alloc(cache, CGC_KIND_SCAN, 64);
  char *q = private_alloc(cache, CGC_KIND_SCAN, 64);
  uintptr_t tagged = (uintptr_t)p | (uintptr_t)0xabcd << 48;
  ck_assert_ptr_eq(q, p + 64);
  begin(1);
  cgc_visit_odd_word(&m, tagged);
  cgc_visit_odd_word(&m, (uintptr_t)q - 8);
  visit_all();
  ck_assert(!is_marked(p) && !is_marked(q));
  cgc_options.tagged = cgc_options.before_start = 1;
  cgc_visit_odd_word(&m, tagged);
  cgc_visit_odd_word(&m, (uintptr_t)q - 8);
  visit_all();
  ck_assert(is_marked(p) && is_marked(q));
}
END_TEST

START_TEST(a_distant_block_is_visited_at_its_start_only) {
  uintptr_t small = (uintptr_t)private_alloc(cache, CGC_KIND_SCAN, 64);
  uintptr_t large = (uintptr_t)private_alloc(cache, CGC_KIND_SCAN, 100000);
  begin(1);
  cgc_visit_distant(&m, &m.map, &m.lane, small + 16);
  cgc_visit_distant(&m, &m.map, &m.lane, large + CGC_PAGE);
  visit_all();
  ck_assert(!is_marked((void *)small) && !is_marked((void *)large));
  cgc_visit_distant(&m, &m.map, &m.lane, small);
  cgc_visit_distant(&m, &m.map, &m.lane, large);
  visit_all();
  ck_assert(is_marked((void *)small) && is_marked((void *)large));
}
END_TEST

int main(void) {
  Suite *s = suite_create("visit");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_test(core, a_word_waits_in_the_ring_until_others_drive_it_out);
  tcase_add_test(core, an_empty_ring_marks_nothing);
  tcase_add_test(core, noscan_objects_are_marked_and_do_not_wait);
  tcase_add_test(core, a_large_object_waits_as_a_piece_once);
  tcase_add_test(core, too_many_objects_turn_to_spans);
  tcase_add_test(
      core, a_large_object_that_finds_the_queue_full_is_still_to_be_scanned);
  tcase_add_test(core, scanned_bits_are_kept_once_spans_may_wait);
  tcase_add_test(core, odd_words_count_by_option);
  tcase_add_test(core, a_distant_block_is_visited_at_its_start_only);
  suite_add_tcase(s, core);
  return unit_run(s);
}
