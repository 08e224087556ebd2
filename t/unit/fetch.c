/* SPDX-License-Identifier: MIT */
/* That nothing is lost is t/unit/drain's and t/unit/marker's. */
#include "mark/fetch.h"

#include "mark/marker.h"
#include "private.h"

enum { LARGE = 8 << 20 };

static struct cgc_heap *heap;
static struct cgc_cache *cache;
static struct cgc_pool pool;
static struct cgc_marker m;

static void set_up(void) {
  heap = private_heap((size_t)1 << 30, (size_t)64 << 20);
  cache = private_cache(heap);
}

static void begin(unsigned members) {
  cgc_cache_flush(cache);
  cgc_heap_prepare_marks(heap);
  cgc_pool_open(&pool, &heap->arena, members);
  cgc_marker_open(&m, heap, &pool);
}

START_TEST(a_piece_knows_its_block) {
  uintptr_t small = (uintptr_t)private_alloc(cache, CGC_KIND_SCAN, 64);
  uintptr_t large = (uintptr_t)private_alloc(cache, CGC_KIND_SCAN, LARGE);
  begin(1);
  ck_assert_uint_eq(cgc_fetch_block_of(&m, small), small);
  ck_assert_uint_eq(cgc_fetch_block_of(&m, large), large);
  ck_assert_uint_eq(cgc_fetch_block_of(&m, large + (1 << 20)), large);
  ck_assert_uint_eq(cgc_fetch_block_of(&m, (uintptr_t)&m), 0);
}
END_TEST

/* Nothing else waits: the block itself is divided. */
START_TEST(a_lone_block_is_shared_with_who_waits) {
  char *large = private_alloc(cache, CGC_KIND_SCAN, LARGE);
  struct cgc_piece given;
  memset(large, 1, LARGE);
  for (unsigned idle = 0; idle <= 1; idle++) {
    begin(2);
    cgc_marker_mark_word(&m, (uintptr_t)large);
    cgc_visit_all(&m, &m.map, &m.lane);
    atomic_store(&pool.idle, idle);
    atomic_store(&pool.asked, idle);
    cgc_fetch(&m);
    ck_assert_uint_eq(cgc_pool_take_pieces(&pool, &given, 1), idle);
    if (idle)
      ck_assert_uint_ge(given.hi - given.lo, LARGE / 3);
    atomic_store(&pool.idle, 0);
    cgc_marker_drain(&m);
  }
}
END_TEST

START_TEST(what_others_gave_is_taken) {
  uintptr_t p = (uintptr_t)private_alloc(cache, CGC_KIND_SCAN, 64);
  begin(2);
  ck_assert(!cgc_fetch_shared(&m));
  uint64_t slot = cgc_slot_find(&m.map, p);
  cgc_pool_put_slots(&pool, &slot, 1);
  ck_assert(cgc_fetch_shared(&m));
  ck_assert_uint_eq(m.lane.n, 1);
  m.lane.n = 0;
  uint32_t page = (uint32_t)cgc_visit_page_of(&m, p);
  ck_assert(cgc_pool_claim(&pool, page));
  cgc_pool_put_spans(&pool, &page, 1);
  ck_assert(cgc_fetch_shared(&m));
  ck_assert(m.by_span);
  cgc_marker_drain(&m);
}
END_TEST

/* Gifts while BYTES are scanned by steps of 1 KiB, with one who always asks. */
static unsigned count_gifts(size_t bytes) {
  unsigned n = 0;
  uint64_t slot;
  for (uint64_t end = m.scanned_bytes + bytes; m.scanned_bytes < end;) {
    m.scanned_bytes += 1024;
    m.lane.n = 32;
    atomic_store(&pool.asked, true);
    if (!cgc_fetch_is_asked(&m))
      continue;
    cgc_fetch_share(&m);
    while (cgc_pool_take_slots(&pool, &slot, 1))
      ;
    n++;
  }
  return n;
}

START_TEST(who_asks_again_at_once_is_answered_more_and_more_seldom) {
  begin(2);
  unsigned first = count_gifts(64 << 10);
  ck_assert_uint_ge(first, 3);
  ck_assert_uint_le(count_gifts(4 << 20), 32);
  for (int i = 0; i < 10; i++) {
    m.scanned_bytes += 1 << 20; /* nobody asked */
    count_gifts(1024);
  }
  ck_assert_uint_ge(count_gifts(64 << 10), 3);
}
END_TEST

/* 64 at a time, those that are marked and not scanned, each once. */
START_TEST(greys_of_a_span_come_in_address_order) {
  char *first = private_alloc(cache, CGC_KIND_SCAN, 48);
  begin(1);
  const struct cgc_span *span = private_object(heap, first).span;
  uint64_t *marks = cgc_arena_mark_words(&heap->arena, span);
  uint64_t *scanned = cgc_arena_scanned_words(&heap->arena, span);
  memset(marks, 0, 3 * sizeof *marks);
  memset(scanned, 0, 3 * sizeof *scanned);
  marks[0] = 0xff, scanned[0] = 0x0f;
  marks[2] = 0x3, scanned[2] = 0x1;
  cgc_queue_put_span(&m.queue, cgc_visit_page_of(&m, span->base));
  cgc_visit_set_by_span(&m, true);
  cgc_fetch(&m);
  cgc_fetch(&m);
  ck_assert_uint_eq(m.lane.grey, 0xf0);
  ck_assert_uint_eq(m.grey.window, span->base);
  cgc_fetch(&m);
  ck_assert_uint_eq(m.lane.grey, 0x2);
  ck_assert_uint_eq(m.grey.window, cgc_span_slot_address(span, 128));
  ck_assert_uint_eq(scanned[2], 0x3);
  m.lane.grey = 0;
  cgc_fetch(&m);
  cgc_fetch(&m);
  ck_assert(!m.by_span);
}
END_TEST

int main(void) {
  Suite *s = suite_create("fetch");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_test(core, a_piece_knows_its_block);
  tcase_add_test(core, a_lone_block_is_shared_with_who_waits);
  tcase_add_test(core, what_others_gave_is_taken);
  tcase_add_test(core, who_asks_again_at_once_is_answered_more_and_more_seldom);
  tcase_add_test(core, greys_of_a_span_come_in_address_order);
  suite_add_tcase(s, core);
  return unit_run(s);
}
