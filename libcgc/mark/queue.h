/* SPDX-License-Identifier: MIT */
/*
 * mark/queue.h - one marker's own part of the work, in two sizes.
 *
 *   pieces   ranges of memory, last in, first out: short and warm.  It holds
 *            CGC_QUEUE_PIECES; who finds it full turns to the spans.  A whole
 * object that mark/kind describes has 1 added to where it begins spans    a
 * span waits once, however many of its objects are to be scanned. While it
 * waits more of them are marked, and all are scanned in the order of their
 * addresses: grey = marked and not scanned
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
  CGC_QUEUE_PIECES = 4096,
  CGC_QUEUE_SLACK = 64, /* for the rest of large objects */
  CGC_QUEUE_PUT = 64,
  CGC_QUEUE_TAKE = 32
};

struct cgc_queue {
  struct cgc_pool *pool;
  size_t n; /* pieces */
  size_t nput;
  size_t at; /* in take */
  size_t ntaken;
  uint32_t put[CGC_QUEUE_PUT];
  uint32_t take[CGC_QUEUE_TAKE];
  struct cgc_piece pieces[CGC_QUEUE_PIECES + CGC_QUEUE_SLACK];
};

void cgc_queue_init(struct cgc_queue *queue, struct cgc_pool *pool);

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

/** Give the older half of the pieces, and the spans put, to the others. */
void cgc_queue_share(struct cgc_queue *queue);

/** Take pieces that others gave.  returns  whether there were any */
bool cgc_queue_take_shared(struct cgc_queue *queue);

#endif
