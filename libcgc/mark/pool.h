/* SPDX-License-Identifier: MIT */
/*
 * mark/pool.h - the work that the markers of a cycle share.
 *
 *   spans    first in, first out: first pages of spans with grey objects, in a
 *            ring with a place for each page of the arena (arena.greys)
 *   pieces   spare ranges that a marker with many gave for those with none
 *   slots    the same with small objects (mark/slot.h)
 *
 * Markers take and give many at a time, so the lock is rarely met.  With one
 * marker there is no lock and no atomic operation.
 *
 * The end: a marker that finds nothing counts itself idle and sleeps on the
 * epoch.  When all are idle nothing can come any more, and all are told.
 *
 * A marker that goes to sleep asks for work.  Who gives some takes the request
 * back and wakes one, so that nobody else gives while that one is on its way;
 * if there are more sleepers it asks for them when it has woken.  (Giving as
 * long as one is idle: 14000 system calls in a cycle of 5 ms.)
 *
 * As long as no marker's front was wide no span waits, and nobody keeps scanned
 * bits: a second line of each object's would be written.
 *
 *   I1  queued[p] exactly if the span that begins at p stands in the ring or
 *       in a marker's own buffer.
 *   I2  idle == members, seen under the lock with the pool empty: done.
 *   I3  A span is put only after wide is CGC_POOL_WIDE; until then who marks an
 *       object has it in its own queue.
 *
 * A span is claimed after its object's mark bit is set and released before its
 * mark bits are read, each with a full barrier between, so that one of the two
 * sees the other.
 *
 * Who comes in: mark/queue, mark/marker, mark/worker.  Locks: a spin lock of
 * its own, held for a few hundred nanoseconds; not in base/lock's order, since
 * workers have no thread-local memory of their own.
 */
#ifndef CGC_MARK_POOL_H
#define CGC_MARK_POOL_H

#include "heap/arena.h"

enum { CGC_POOL_PIECES = 1024, CGC_POOL_SLOTS = 4096 };

enum cgc_pool_front { CGC_POOL_NARROW, CGC_POOL_TURNING, CGC_POOL_WIDE };

struct cgc_piece {
  uintptr_t lo;
  uintptr_t hi;
};

struct cgc_pool {
  uint32_t *ring;         /* the arena's greys; guard: lock */
  uint8_t *queued;        /* the arena's; by claim and release */
  size_t ring_size;       /* pages of the arena; const but for extend */
  size_t head;            /* guard: lock */
  size_t nspans;          /* guard: lock */
  size_t npieces;         /* guard: lock */
  size_t nslots;          /* guard: lock */
  unsigned members;       /* const while more than one marks */
  _Atomic uint32_t front; /* enum cgc_pool_front */
  _Atomic uint32_t idle;
  _Atomic bool asked;     /* a sleeper wants work; set under lock */
  _Atomic uint32_t epoch; /* changes when work came or all is done */
  _Atomic bool done;
  atomic_flag lock;
  struct cgc_piece pieces[CGC_POOL_PIECES]; /* guard: lock */
  uint64_t slots[CGC_POOL_SLOTS];           /* guard: lock */
};

/** Empty, for MEMBERS markers of ARENA. */
void cgc_pool_open(struct cgc_pool *pool, const struct cgc_arena *arena,
                   unsigned members);

/** ARENA has grown while the only member marks. */
void cgc_pool_extend(struct cgc_pool *pool, const struct cgc_arena *arena);

/** Marking was broken off: forget what waits (I1). */
void cgc_pool_clear(struct cgc_pool *pool);

/** N members could not come: not the caller, and none that waits. */
void cgc_pool_leave(struct cgc_pool *pool, unsigned n);

/** Whether some marker waits for work, and none is on its way to it. */
CGC_INLINE bool cgc_pool_is_hungry(const struct cgc_pool *pool) {
  return atomic_load_explicit(&pool->asked, memory_order_relaxed);
}

/** returns  whether the span at PAGE was in no queue; the caller puts it */
CGC_INLINE bool cgc_pool_claim(struct cgc_pool *pool, size_t page) {
  uint8_t *queued = &pool->queued[page];
  if (__atomic_load_n(queued, __ATOMIC_RELAXED))
    return false;
  if (pool->members > 1)
    return __atomic_exchange_n(queued, 1, __ATOMIC_SEQ_CST) == 0;
  *queued = 1;
  return true;
}

/** The span's mark bits are about to be read: it may be claimed again. */
CGC_INLINE void cgc_pool_release(struct cgc_pool *pool, size_t page) {
  if (pool->members > 1)
    __atomic_exchange_n(&pool->queued[page], 0, __ATOMIC_SEQ_CST);
  else
    pool->queued[page] = 0;
}

/** Whether spans may wait, so that scanned bits have to be kept. */
CGC_INLINE bool cgc_pool_is_wide(const struct cgc_pool *pool) {
  return atomic_load_explicit(&pool->front, memory_order_relaxed) !=
         CGC_POOL_NARROW;
}

/**
 * A marker's front is wide.  The first one's caller sets the scanned bits that
 * nobody kept and says so; others wait until it has.
 * returns  whether the caller is that one
 */
bool cgc_pool_begin_wide(struct cgc_pool *pool);
void cgc_pool_end_wide(struct cgc_pool *pool);

/** Put N claimed spans at the end. */
void cgc_pool_put_spans(struct cgc_pool *pool, const uint32_t *pages, size_t n);

/** Take up to MAX spans from the front.  returns  how many */
size_t cgc_pool_take_spans(struct cgc_pool *pool, uint32_t *pages, size_t max);

/** Give up to N pieces.  returns  how many there was room for */
size_t cgc_pool_put_pieces(struct cgc_pool *pool,
                           const struct cgc_piece *pieces, size_t n);

/** Take up to MAX pieces.  returns  how many */
size_t cgc_pool_take_pieces(struct cgc_pool *pool, struct cgc_piece *pieces,
                            size_t max);

/** The same with slots. */
size_t cgc_pool_put_slots(struct cgc_pool *pool, const uint64_t *slots,
                          size_t n);
size_t cgc_pool_take_slots(struct cgc_pool *pool, uint64_t *slots, size_t max);

/**
 * A marker with nothing to do waits until there is work in the pool.
 * returns  false when all members wait: marking is complete
 */
bool cgc_pool_wait(struct cgc_pool *pool);

#endif
