/* SPDX-License-Identifier: MIT */
#include "mark/pool.h"

#include "os/thread.h"

#include <string.h>

enum { SPINS = 100 };

void cgc_pool_open(struct cgc_pool *pool, const struct cgc_arena *arena,
                   unsigned members) {
  pool->ring = arena->greys;
  pool->queued = arena->queued;
  pool->ring_size = cgc_arena_pages(arena);
  pool->head = pool->nspans = pool->npieces = pool->nslots = 0;
  pool->members = members;
  atomic_store_explicit(&pool->front, CGC_POOL_NARROW, memory_order_relaxed);
  atomic_store_explicit(&pool->idle, 0, memory_order_relaxed);
  atomic_store_explicit(&pool->asked, false, memory_order_relaxed);
  atomic_store_explicit(&pool->epoch, 0, memory_order_relaxed);
  atomic_store_explicit(&pool->done, false, memory_order_relaxed);
  atomic_flag_clear_explicit(&pool->lock, memory_order_release);
}

void cgc_pool_clear(struct cgc_pool *pool) {
  if (pool->ring_size)
    memset(pool->queued, 0, pool->ring_size);
  pool->nspans = pool->npieces = pool->nslots = 0;
}

/* The Ith look at what another holds; it may have lost its processor. */
static void wait_a_little(int i) {
  if (i % SPINS == 0)
    cgc_thread_yield();
  else
    __builtin_ia32_pause();
}

static void lock(struct cgc_pool *pool) {
  if (pool->members == 1)
    return;
  for (int i = 1;
       atomic_flag_test_and_set_explicit(&pool->lock, memory_order_acquire);
       i++)
    wait_a_little(i);
}

static void unlock(struct cgc_pool *pool) {
  if (pool->members > 1)
    atomic_flag_clear_explicit(&pool->lock, memory_order_release);
}

void cgc_pool_leave(struct cgc_pool *pool, unsigned n) {
  lock(pool);
  unsigned left = pool->members - n;
  unlock(pool);
  pool->members = left;
}

/* Unlocked. */
static void wake(struct cgc_pool *pool, int n) {
  atomic_fetch_add_explicit(&pool->epoch, 1, memory_order_release);
  cgc_thread_futex_wake(&pool->epoch, n);
}

/* Work came; unlocked. */
static void answer(struct cgc_pool *pool) {
  if (cgc_pool_is_hungry(pool) &&
      atomic_exchange_explicit(&pool->asked, false, memory_order_relaxed))
    wake(pool, 1);
}

bool cgc_pool_begin_wide(struct cgc_pool *pool) {
  uint32_t front = CGC_POOL_NARROW;
  if (atomic_compare_exchange_strong_explicit(
          &pool->front, &front, CGC_POOL_TURNING, memory_order_relaxed,
          memory_order_relaxed))
    return true;
  /* Acquire: pairs with end_wide's release. */
  for (int i = 1; atomic_load_explicit(&pool->front, memory_order_acquire) !=
                  CGC_POOL_WIDE;
       i++)
    wait_a_little(i);
  return false;
}

void cgc_pool_end_wide(struct cgc_pool *pool) {
  atomic_store_explicit(&pool->front, CGC_POOL_WIDE, memory_order_release);
}

static size_t place(const struct cgc_pool *pool, size_t ahead) {
  size_t at = pool->head + ahead;
  return at < pool->ring_size ? at : at - pool->ring_size;
}

/* Those that stand at the ring's beginning follow those at its old end. */
void cgc_pool_extend(struct cgc_pool *pool, const struct cgc_arena *arena) {
  size_t before = pool->ring_size, first = before - pool->head;
  cgc_check(pool->members == 1);
  pool->ring_size = cgc_arena_pages(arena);
  for (size_t i = first; i < pool->nspans; i++)
    pool->ring[place(pool, i)] = pool->ring[i - first];
}

void cgc_pool_put_spans(struct cgc_pool *pool, const uint32_t *pages,
                        size_t n) {
  lock(pool);
  cgc_check(pool->nspans + n <= pool->ring_size);
  for (size_t i = 0; i < n; i++)
    pool->ring[place(pool, pool->nspans++)] = pages[i];
  unlock(pool);
  answer(pool);
}

size_t cgc_pool_take_spans(struct cgc_pool *pool, uint32_t *pages, size_t max) {
  lock(pool);
  size_t n = cgc_min(max, pool->nspans);
  for (size_t i = 0; i < n; i++)
    pages[i] = pool->ring[place(pool, i)];
  pool->head = place(pool, n);
  pool->nspans -= n;
  unlock(pool);
  return n;
}

size_t cgc_pool_put_pieces(struct cgc_pool *pool,
                           const struct cgc_piece *pieces, size_t n) {
  if (n == 0)
    return 0;
  lock(pool);
  n = cgc_min(n, CGC_POOL_PIECES - pool->npieces);
  memcpy(pool->pieces + pool->npieces, pieces, n * sizeof *pieces);
  pool->npieces += n;
  unlock(pool);
  answer(pool);
  return n;
}

size_t cgc_pool_take_pieces(struct cgc_pool *pool, struct cgc_piece *pieces,
                            size_t max) {
  lock(pool);
  size_t n = cgc_min(max, pool->npieces);
  pool->npieces -= n;
  memcpy(pieces, pool->pieces + pool->npieces, n * sizeof *pieces);
  unlock(pool);
  return n;
}

size_t cgc_pool_put_slots(struct cgc_pool *pool, const uint64_t *slots,
                          size_t n) {
  if (n == 0)
    return 0;
  lock(pool);
  n = cgc_min(n, CGC_POOL_SLOTS - pool->nslots);
  memcpy(pool->slots + pool->nslots, slots, n * sizeof *slots);
  pool->nslots += n;
  unlock(pool);
  answer(pool);
  return n;
}

size_t cgc_pool_take_slots(struct cgc_pool *pool, uint64_t *slots, size_t max) {
  lock(pool);
  size_t n = cgc_min(max, pool->nslots);
  pool->nslots -= n;
  memcpy(slots, pool->slots + pool->nslots, n * sizeof *slots);
  unlock(pool);
  return n;
}

static bool has_work(const struct cgc_pool *pool) {
  return (pool->nspans | pool->npieces | pool->nslots) != 0;
}

static bool is_done(const struct cgc_pool *pool) {
  return atomic_load_explicit(&pool->done, memory_order_acquire);
}

static void set_asked(struct cgc_pool *pool) {
  atomic_store_explicit(&pool->asked, true, memory_order_relaxed);
}

/* Others that sleep may be woken, too. */
static void stop_idling(struct cgc_pool *pool) {
  if (atomic_fetch_sub_explicit(&pool->idle, 1, memory_order_relaxed) > 1)
    set_asked(pool);
}

/* returns  whether all are: I2 */
static bool start_idling(struct cgc_pool *pool) {
  return atomic_fetch_add_explicit(&pool->idle, 1, memory_order_relaxed) + 1 ==
         pool->members;
}

/*
 * returns  whether the caller goes on: there is work, or all is done.  Else it
 * is counted idle, and EPOCH is what to sleep on.
 */
static bool look_once(struct cgc_pool *pool, bool *counted, uint32_t *epoch) {
  lock(pool);
  bool go_on = is_done(pool) || has_work(pool);
  if (go_on && *counted)
    stop_idling(pool);
  if (!go_on && !*counted) {
    *counted = true;
    go_on = start_idling(pool);
    if (go_on)
      atomic_store_explicit(&pool->done, true, memory_order_release);
  }
  if (!go_on)
    set_asked(pool);
  *epoch = atomic_load_explicit(&pool->epoch, memory_order_acquire);
  unlock(pool);
  return go_on;
}

bool cgc_pool_wait(struct cgc_pool *pool) {
  bool counted = false;
  uint32_t epoch;
  if (pool->members == 1)
    return has_work(pool);
  while (!look_once(pool, &counted, &epoch))
    cgc_thread_futex_wait(&pool->epoch, epoch, 0);
  if (is_done(pool))
    wake(pool, INT32_MAX);
  return !is_done(pool);
}
