/* SPDX-License-Identifier: MIT */
/*
 * mark/queue.h - what is marked and still to be scanned, in two sizes.
 *
 *   pieces   ranges of memory, last in, first out: short and warm.  It holds
 *            CGC_QUEUE_PIECES; who finds it full turns to the spans
 *   spans    first in, first out; a span stands in it once, however many of
 *            its objects wait.  While it waits more of them are marked, and all
 *            are scanned in the order of their addresses: grey = marked and
 *            not scanned
 *
 * A narrow front of the marking is scanned object by object, a wide one span
 * by span.  Neither can overflow: the ring of spans has a place for each page
 * of the arena.
 *
 *   I1  queued[p] exactly if p, a span's first page, stands in the ring.
 *
 * Who comes in: one marker.  Locks: none.
 * Source: the spans are Go's "Green Tea" (golang/go issue 73581).
 */
#ifndef CGC_MARK_QUEUE_H
#define CGC_MARK_QUEUE_H

#include "heap/arena.h"

enum {
  CGC_QUEUE_PIECES = 4096,
  CGC_QUEUE_SLACK = 64 /* for the rest of large objects */
};

struct cgc_piece {
  uintptr_t lo;
  uintptr_t hi;
};

struct cgc_queue {
  uint32_t *ring;   /* first pages of spans: the arena's greys */
  uint8_t *queued;  /* the arena's */
  size_t ring_size; /* pages of the arena */
  size_t head;      /* in the ring, the next to come out */
  size_t nspans;
  size_t n;
  struct cgc_piece pieces[CGC_QUEUE_PIECES + CGC_QUEUE_SLACK];
};

void cgc_queue_init(struct cgc_queue *queue, const struct cgc_arena *arena);

CGC_INLINE bool cgc_queue_is_full(const struct cgc_queue *queue) {
  return queue->n >= CGC_QUEUE_PIECES;
}

CGC_INLINE void cgc_queue_push(struct cgc_queue *queue, uintptr_t lo,
                               uintptr_t hi) {
  cgc_check(queue->n < CGC_QUEUE_PIECES + CGC_QUEUE_SLACK);
  queue->pieces[queue->n++] = (struct cgc_piece){lo, hi};
}

CGC_INLINE bool cgc_queue_pop(struct cgc_queue *queue,
                              struct cgc_piece *piece) {
  if (queue->n == 0)
    return false;
  *piece = queue->pieces[--queue->n];
  return true;
}

/* Where the span that is AHEAD places behind the head stands. */
CGC_INLINE size_t cgc_queue_place(const struct cgc_queue *queue, size_t ahead) {
  size_t at = queue->head + ahead;
  return at < queue->ring_size ? at : at - queue->ring_size;
}

/** Put the span that begins at PAGE at the end, unless it is queued. */
CGC_INLINE void cgc_queue_put_span(struct cgc_queue *queue, size_t page) {
  if (queue->queued[page])
    return;
  queue->queued[page] = 1;
  queue->ring[cgc_queue_place(queue, queue->nspans++)] = (uint32_t)page;
}

/** Take the first span out.  returns  false if there is none */
CGC_INLINE bool cgc_queue_take_span(struct cgc_queue *queue, size_t *page) {
  if (queue->nspans == 0)
    return false;
  *page = queue->ring[queue->head];
  queue->queued[*page] = 0;
  queue->head = cgc_queue_place(queue, 1);
  queue->nspans--;
  return true;
}

/** The span that comes out AHEAD places behind the first, if there is one. */
CGC_INLINE bool cgc_queue_look_ahead(const struct cgc_queue *queue,
                                     size_t ahead, size_t *page) {
  if (ahead >= queue->nspans)
    return false;
  *page = queue->ring[cgc_queue_place(queue, ahead)];
  return true;
}

#endif
