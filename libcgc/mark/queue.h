/* SPDX-License-Identifier: MIT */
/*
 * mark/queue.h - one marker's own part of the work, in three sizes.
 *
 *   slots    marked small objects that are to be scanned, a word each
 *            (mark/slot.h), last in, first out: short and warm.  Who finds
 *            CGC_QUEUE_SLOTS of them here turns to the spans
 *   pieces   ranges of large objects, last in, first out
 *   spans    a span waits once, however many of its objects are to be scanned.
 *            While it waits more of them are marked, and all are scanned in
 *            the order of their addresses: grey = marked and not scanned
 *
 *   put[] --64 at a time--> pool's ring --32 at a time--> take[]
 *
 * A narrow front of the marking is scanned object by object, a wide one span
 * by span.  Neither can overflow.
 *
 * Who comes in: its marker.  Calls: mark/pool.  Locks: none.
 * Source: the spans are Go's "Green Tea" (golang/go issue 73581).
 */
#ifndef CGC_MARK_QUEUE_H
#define CGC_MARK_QUEUE_H

#include "mark/pool.h"

enum {
  CGC_QUEUE_SLOTS = 8192,
  CGC_QUEUE_PIECES = 1024,
  CGC_QUEUE_SLACK = 64, /* for the rest of large objects */
  CGC_QUEUE_PUT = 64,
  CGC_QUEUE_TAKE = 32
};

/* Added to a piece's lo. */
enum {
  CGC_PIECE_DESCRIBED = 1, /* a whole object that mark/kind knows */
  CGC_PIECE_PRESENT = 2,   /* all of it is known to be in memory */
  CGC_PIECE_FLAGS = 3
};

struct cgc_queue {
  struct cgc_pool *pool;
  size_t limit; /* slots that are too many; CGC_QUEUE_SLOTS but in tests */
  size_t npieces;
  size_t nput;
  size_t at; /* in take */
  size_t ntaken;
  uint32_t put[CGC_QUEUE_PUT];
  uint32_t take[CGC_QUEUE_TAKE];
  struct cgc_piece pieces[CGC_QUEUE_PIECES + CGC_QUEUE_SLACK];
  uint64_t slots[CGC_QUEUE_SLOTS + CGC_QUEUE_SLACK]; /* the marker counts */
};

void cgc_queue_init(struct cgc_queue *queue, struct cgc_pool *pool);

/** Whether there is no room for another large object. */
CGC_INLINE bool cgc_queue_is_full(const struct cgc_queue *queue) {
  return queue->npieces >= CGC_QUEUE_PIECES;
}

CGC_INLINE void cgc_queue_push(struct cgc_queue *queue, uintptr_t lo,
                               uintptr_t hi) {
  cgc_check(queue->npieces < CGC_QUEUE_PIECES + CGC_QUEUE_SLACK);
  queue->pieces[queue->npieces++] = (struct cgc_piece){lo, hi};
}

CGC_INLINE bool cgc_queue_pop(struct cgc_queue *queue,
                              struct cgc_piece *piece) {
  if (queue->npieces == 0)
    return false;
  *piece = queue->pieces[--queue->npieces];
  return true;
}

/** The span that begins at PAGE has a grey object. */
CGC_INLINE void cgc_queue_put_span(struct cgc_queue *queue, size_t page) {
  if (!cgc_pool_claim(queue->pool, page))
    return;
  queue->put[queue->nput++] = (uint32_t)page;
  if (cgc_unlikely(queue->nput == CGC_QUEUE_PUT)) {
    cgc_pool_put_spans(queue->pool, queue->put, queue->nput);
    queue->nput = 0;
  }
}

/** Fill take[].  returns  false if neither the pool nor put[] has a span */
bool cgc_queue_take_more(struct cgc_queue *queue);

/** Take the next span out and release it.  returns  false if there is none */
CGC_INLINE bool cgc_queue_take_span(struct cgc_queue *queue, size_t *page) {
  if (queue->at == queue->ntaken && !cgc_queue_take_more(queue))
    return false;
  *page = queue->take[queue->at++];
  cgc_pool_release(queue->pool, *page);
  return true;
}

/** The span that comes out AHEAD places behind the next, if it is known. */
CGC_INLINE bool cgc_queue_look_ahead(const struct cgc_queue *queue,
                                     size_t ahead, size_t *page) {
  if (queue->at + ahead >= queue->ntaken)
    return false;
  *page = queue->take[queue->at + ahead];
  return true;
}

/**
 * Give the older half of the pieces and of the N slots, and the spans put, to
 * the others.
 * returns  how many slots are left
 */
size_t cgc_queue_share(struct cgc_queue *queue, size_t n);

/** Take pieces or slots that others gave.  returns  how many slots */
size_t cgc_queue_take_shared(struct cgc_queue *queue);

#endif
