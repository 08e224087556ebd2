/* SPDX-License-Identifier: MIT */
/*
 * mark/queue.h - the mark queue: ranges of memory still to be scanned.
 *
 * Last in, first out, in one mapping that is reserved for the cycle and only
 * touched as far as it is used.  It is bounded: what does not fit is refused,
 * and the marker finds it again by the overflow flag of its span, so that a
 * heap of any shape is marked with a queue of at most 1/128 of its size.
 *
 * Who comes in: one marker.  Locks: none.
 */
#ifndef CGC_MARK_QUEUE_H
#define CGC_MARK_QUEUE_H

#include "base/base.h"

struct cgc_piece {
  uintptr_t lo;
  uintptr_t hi;
};

struct cgc_queue {
  struct cgc_piece *pieces;
  size_t n;
  size_t max;
};

/** Room for pieces of a heap of HEAP_BYTES.  returns  false without memory */
bool cgc_queue_open(struct cgc_queue *queue, size_t heap_bytes);
void cgc_queue_close(struct cgc_queue *queue);

/** returns  false if the queue is full */
CGC_INLINE bool cgc_queue_push(struct cgc_queue *queue, uintptr_t lo,
                               uintptr_t hi) {
  if (cgc_unlikely(queue->n == queue->max))
    return false;
  queue->pieces[queue->n++] = (struct cgc_piece){lo, hi};
  return true;
}

CGC_INLINE bool cgc_queue_pop(struct cgc_queue *queue,
                              struct cgc_piece *piece) {
  if (queue->n == 0)
    return false;
  *piece = queue->pieces[--queue->n];
  return true;
}

#endif
