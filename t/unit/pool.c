/* SPDX-License-Identifier: MIT */
#include "mark/pool.h"

#include "private.h"

#include <pthread.h>
#include <sched.h>

static struct cgc_heap *heap;
static struct cgc_pool pool;

static void set_up(void) {
  bool zeroed;
  heap = private_heap((size_t)64 << 20, 0);
  cgc_pageheap_alloc(&heap->pageheap, 1, 1, true, &zeroed);
}

START_TEST(a_span_is_claimed_once_until_it_is_released) {
  for (unsigned members = 1; members <= 2; members++) {
    cgc_pool_open(&pool, &heap->arena, members);
    ck_assert(cgc_pool_claim(&pool, 3));
    ck_assert(!cgc_pool_claim(&pool, 3));
    cgc_pool_release(&pool, 3);
    ck_assert(cgc_pool_claim(&pool, 3));
    cgc_pool_release(&pool, 3);
  }
}
END_TEST

START_TEST(spans_come_out_first_in_first_out) {
  uint32_t in[100], out[100];
  cgc_pool_open(&pool, &heap->arena, 2);
  for (uint32_t i = 0; i < 100; i++)
    in[i] = i;
  for (int round = 0; round < 50; round++) { /* the ring goes round */
    cgc_pool_put_spans(&pool, in, 100);
    ck_assert_uint_eq(cgc_pool_take_spans(&pool, out, 30), 30);
    ck_assert_uint_eq(cgc_pool_take_spans(&pool, out + 30, 100), 70);
    ck_assert_mem_eq(in, out, sizeof in);
  }
  ck_assert_uint_eq(cgc_pool_take_spans(&pool, out, 1), 0);
}
END_TEST

/* Wherever the ring's head is, and however far it has gone round. */
START_TEST(a_ring_of_a_heap_that_grows_keeps_its_order) {
  bool zeroed;
  cgc_pool_open(&pool, &heap->arena, 1);
  uint32_t in = 0, expected = 0, out;
  struct unit_random r = unit_random();
  for (size_t size = pool.ring_size; pool.ring_size < 8 * size;) {
    for (uint64_t n = unit_below(&r, pool.ring_size - pool.nspans + 1); n; n--)
      cgc_pool_put_spans(&pool, &in, 1), in++;
    for (uint64_t n = unit_below(&r, pool.nspans + 1); n; n--) {
      ck_assert_uint_eq(cgc_pool_take_spans(&pool, &out, 1), 1);
      ck_assert_uint_eq(out, expected++);
    }
    cgc_pageheap_alloc(&heap->pageheap, 64, 1, true, &zeroed);
    cgc_pool_extend(&pool, &heap->arena);
  }
}
END_TEST

START_TEST(pieces_are_taken_as_far_as_there_is_room) {
  static struct cgc_piece pieces[CGC_POOL_PIECES + 10];
  cgc_pool_open(&pool, &heap->arena, 2);
  ck_assert_uint_eq(cgc_pool_put_pieces(&pool, pieces, CGC_POOL_PIECES + 10),
                    CGC_POOL_PIECES);
  ck_assert_uint_eq(cgc_pool_put_pieces(&pool, pieces, 1), 0);
  ck_assert_uint_eq(cgc_pool_take_pieces(&pool, pieces, 5), 5);
  ck_assert_uint_eq(cgc_pool_put_pieces(&pool, pieces, 10), 5);
}
END_TEST

START_TEST(slots_are_taken_as_far_as_there_is_room) {
  static uint64_t slots[CGC_POOL_SLOTS + 10];
  for (uint64_t i = 0; i < CGC_POOL_SLOTS + 10; i++)
    slots[i] = i;
  cgc_pool_open(&pool, &heap->arena, 2);
  ck_assert_uint_eq(cgc_pool_put_slots(&pool, slots, CGC_POOL_SLOTS + 10),
                    CGC_POOL_SLOTS);
  ck_assert_uint_eq(cgc_pool_put_slots(&pool, slots, 1), 0);
  ck_assert_uint_eq(cgc_pool_take_slots(&pool, slots, 5), 5);
  ck_assert_uint_eq(slots[4], CGC_POOL_SLOTS - 1);
  ck_assert_uint_eq(cgc_pool_put_slots(&pool, slots, 10), 5);
}
END_TEST

START_TEST(a_single_member_never_sleeps) {
  uint32_t page = 1;
  cgc_pool_open(&pool, &heap->arena, 1);
  ck_assert(!cgc_pool_wait(&pool));
  cgc_pool_put_spans(&pool, &page, 1);
  ck_assert(cgc_pool_wait(&pool));
}
END_TEST

/* Each span that is taken puts two smaller numbers, until all are 0. */
static _Atomic unsigned handled;

static void *member(void *arg) {
  uint32_t page, more[2];
  (void)arg;
  do {
    while (cgc_pool_take_spans(&pool, &page, 1)) {
      atomic_fetch_add(&handled, 1);
      more[0] = more[1] = page - 1;
      if (page > 0)
        cgc_pool_put_spans(&pool, more, 2);
    }
  } while (cgc_pool_wait(&pool));
  return NULL;
}

START_TEST(all_members_end_when_nothing_is_left_and_not_before) {
  enum { DEPTH = 7, MEMBERS = 5 };
  for (int round = 0; round < 200; round++) {
    pthread_t threads[MEMBERS];
    uint32_t first = DEPTH;
    cgc_pool_open(&pool, &heap->arena, MEMBERS);
    atomic_store(&handled, 0);
    for (int i = 0; i < MEMBERS - 1; i++)
      ck_assert_int_eq(pthread_create(&threads[i], NULL, member, NULL), 0);
    cgc_pool_put_spans(&pool, &first, 1);
    member(NULL);
    for (int i = 0; i < MEMBERS - 1; i++)
      pthread_join(threads[i], NULL);
    ck_assert_uint_eq(handled, (2u << DEPTH) - 1);
  }
}
END_TEST

static void *wait_once(void *arg) {
  *(bool *)arg = cgc_pool_wait(&pool);
  return NULL;
}

START_TEST(who_asked_for_work_is_woken_once) {
  pthread_t thread;
  uint32_t pages[] = {1, 2};
  bool came = false;
  cgc_pool_open(&pool, &heap->arena, 2);
  ck_assert(!cgc_pool_is_hungry(&pool));
  ck_assert_int_eq(pthread_create(&thread, NULL, wait_once, &came), 0);
  while (!cgc_pool_is_hungry(&pool))
    sched_yield();
  cgc_pool_put_spans(&pool, &pages[0], 1);
  ck_assert(!cgc_pool_is_hungry(&pool)); /* it is on its way */
  cgc_pool_put_spans(&pool, &pages[1], 1);
  pthread_join(thread, NULL);
  ck_assert(came);
}
END_TEST

START_TEST(members_that_never_came_are_not_waited_for) {
  pthread_t thread;
  cgc_pool_open(&pool, &heap->arena, 3);
  ck_assert_int_eq(pthread_create(&thread, NULL, member, NULL), 0);
  cgc_pool_leave(&pool, 1);
  member(NULL);
  pthread_join(thread, NULL);
}
END_TEST

int main(void) {
  Suite *s = suite_create("pool");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_test(core, a_span_is_claimed_once_until_it_is_released);
  tcase_add_test(core, spans_come_out_first_in_first_out);
  tcase_add_test(core, a_ring_of_a_heap_that_grows_keeps_its_order);
  tcase_add_test(core, pieces_are_taken_as_far_as_there_is_room);
  tcase_add_test(core, slots_are_taken_as_far_as_there_is_room);
  tcase_add_test(core, a_single_member_never_sleeps);
  tcase_add_test(core, all_members_end_when_nothing_is_left_and_not_before);
  tcase_add_test(core, who_asked_for_work_is_woken_once);
  tcase_add_test(core, members_that_never_came_are_not_waited_for);
  suite_add_tcase(s, core);
  return unit_run(s);
}
