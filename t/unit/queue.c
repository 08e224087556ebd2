/* SPDX-License-Identifier: MIT */
#include "mark/queue.h"

#include "private.h"

static struct cgc_heap *heap;
static struct cgc_pool pool;
static struct cgc_queue queue;

static void set_up(void) {
  bool zeroed;
  heap = private_heap((size_t)64 << 20, 0);
  cgc_pageheap_alloc(&heap->pageheap, 1, 1, true, &zeroed);
  cgc_pool_open(&pool, &heap->arena, 1);
  cgc_queue_init(&queue, &pool);
}

START_TEST(a_new_queue_is_empty) {
  struct cgc_piece piece;
  size_t page;
  ck_assert(!cgc_queue_pop(&queue, &piece));
  ck_assert(!cgc_queue_take_span(&queue, &page));
  ck_assert(!cgc_queue_look_ahead(&queue, 0, &page));
  ck_assert(!cgc_queue_is_full(&queue));
}
END_TEST

START_TEST(pieces_come_out_last_in_first_out) {
  struct cgc_piece piece;
  uintptr_t n = 0;
  while (!cgc_queue_is_full(&queue)) {
    cgc_queue_push(&queue, n * 16, n * 16 + 8);
    n++;
  }
  ck_assert_uint_eq(n, CGC_QUEUE_PIECES);
  for (int i = 0; i < CGC_QUEUE_SLACK; i++, n++)
    cgc_queue_push(&queue, n * 16, n * 16 + 8);
  while (n-- > 0) {
    ck_assert(cgc_queue_pop(&queue, &piece));
    ck_assert_uint_eq(piece.lo, n * 16);
    ck_assert_uint_eq(piece.hi, n * 16 + 8);
  }
  ck_assert(!cgc_queue_pop(&queue, &piece));
}
END_TEST

START_TEST(spans_come_out_first_in_first_out_and_once) {
  size_t page;
  for (size_t i = 0; i < 100; i++)
    cgc_queue_put_span(&queue, i * 3 % 100);
  for (size_t i = 0; i < 100; i++)
    cgc_queue_put_span(&queue, i); /* all of them stand there already */
  for (size_t i = 0; i < 100; i++) {
    if (cgc_queue_look_ahead(&queue, 0, &page))
      ck_assert_uint_eq(page, i * 3 % 100);
    ck_assert(cgc_queue_take_span(&queue, &page));
    ck_assert_uint_eq(page, i * 3 % 100);
  }
  ck_assert(!cgc_queue_take_span(&queue, &page));
}
END_TEST

START_TEST(a_span_taken_out_can_be_put_again) {
  size_t page;
  cgc_queue_put_span(&queue, 7);
  ck_assert(cgc_queue_take_span(&queue, &page));
  cgc_queue_put_span(&queue, 7);
  ck_assert(cgc_queue_take_span(&queue, &page));
  ck_assert_uint_eq(page, 7);
}
END_TEST

START_TEST(the_ring_has_room_for_every_page_and_goes_round) {
  size_t pages = cgc_arena_pages(&heap->arena), page;
  for (int round = 0; round < 3; round++) {
    for (size_t i = 0; i < pages; i++)
      cgc_queue_put_span(&queue, i);
    ck_assert_uint_eq(pool.nspans + queue.nput, pages);
    for (size_t i = 0; i < pages; i++) {
      ck_assert(cgc_queue_take_span(&queue, &page));
      ck_assert_uint_eq(page, i);
    }
    cgc_queue_put_span(&queue, 5); /* the next round begins elsewhere */
    ck_assert(cgc_queue_take_span(&queue, &page));
  }
}
END_TEST

static struct cgc_piece shared_of(uintptr_t lo, uintptr_t hi) {
  struct cgc_piece piece = {0, 0};
  cgc_queue_push(&queue, lo, hi);
  ck_assert_uint_eq(cgc_queue_share(&queue, 0), 0);
  ck_assert_uint_eq(queue.npieces + pool.npieces, pool.npieces ? 2 : 1);
  cgc_pool_take_pieces(&pool, &piece, 1);
  return piece;
}

START_TEST(a_lone_piece_is_divided_where_it_is_large) {
  const uintptr_t lo = 1 << 30;
  const size_t kept[] = {64 << 10, 1 << 20};
  struct cgc_piece given, left;
  for (unsigned flags = 0; flags <= CGC_PIECE_FLAGS; flags++) {
    size_t least = 2 * kept[flags == 0];
    given = shared_of(lo + flags, lo + least + 8192);
    ck_assert(cgc_queue_pop(&queue, &left));
    ck_assert_uint_eq(left.lo, lo + flags);
    if (flags & CGC_PIECE_DESCRIBED) {
      ck_assert_uint_eq(given.hi, 0);
      continue;
    }
    ck_assert_uint_eq(given.lo, left.hi + flags);
    ck_assert_uint_eq(left.hi % 4096, 0);
    ck_assert_uint_eq(given.hi, lo + least + 8192);
    ck_assert_uint_eq(shared_of(lo + flags, lo + least - 4096).hi, 0);
    ck_assert(cgc_queue_pop(&queue, &left));
  }
}
END_TEST

START_TEST(half_of_what_waits_is_given_and_can_be_taken) {
  struct cgc_piece piece;
  cgc_queue_push(&queue, 16, 24);
  cgc_queue_push(&queue, 32, 40);
  for (size_t i = 0; i < 100; i++)
    queue.slots[i] = i;
  ck_assert_uint_eq(cgc_queue_share(&queue, 100), 50);
  ck_assert_uint_eq(queue.slots[0], 50); /* the oldest went */
  ck_assert(cgc_queue_pop(&queue, &piece));
  ck_assert_uint_eq(piece.lo, 32);
  ck_assert(!cgc_queue_pop(&queue, &piece));
  ck_assert_uint_eq(cgc_queue_take_shared(&queue), 50);
  ck_assert(cgc_queue_pop(&queue, &piece));
  ck_assert_uint_eq(piece.lo, 16);
  ck_assert_uint_eq(cgc_queue_take_shared(&queue), 0);
}
END_TEST

int main(void) {
  Suite *s = suite_create("queue");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_test(core, a_new_queue_is_empty);
  tcase_add_test(core, pieces_come_out_last_in_first_out);
  tcase_add_test(core, spans_come_out_first_in_first_out_and_once);
  tcase_add_test(core, a_span_taken_out_can_be_put_again);
  tcase_add_test(core, the_ring_has_room_for_every_page_and_goes_round);
  tcase_add_test(core, a_lone_piece_is_divided_where_it_is_large);
  tcase_add_test(core, half_of_what_waits_is_given_and_can_be_taken);
  suite_add_tcase(s, core);
  return unit_run(s);
}
