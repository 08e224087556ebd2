/* SPDX-License-Identifier: MIT */
#include "mark/queue.h"

#include <string.h>

enum { SHARED_AT_ONCE = 256 };

void cgc_queue_init(struct cgc_queue *queue, struct cgc_pool *pool) {
  queue->pool = pool;
  queue->limit = CGC_QUEUE_SLOTS;
  queue->npieces = queue->nput = queue->at = queue->ntaken = 0;
}

static void give_spans(struct cgc_queue *queue) {
  if (queue->nput)
    cgc_pool_put_spans(queue->pool, queue->put, queue->nput);
  queue->nput = 0;
}

bool cgc_queue_take_more(struct cgc_queue *queue) {
  queue->at = 0;
  queue->ntaken = cgc_pool_take_spans(queue->pool, queue->take, CGC_QUEUE_TAKE);
  if (queue->ntaken == 0 && queue->nput > 0) {
    give_spans(queue);
    queue->ntaken =
        cgc_pool_take_spans(queue->pool, queue->take, CGC_QUEUE_TAKE);
  }
  return queue->ntaken > 0;
}

size_t cgc_queue_share(struct cgc_queue *queue, size_t n) {
  struct cgc_pool *pool = queue->pool;
  size_t given = cgc_pool_put_pieces(
      pool, queue->pieces, cgc_min(queue->npieces / 2, SHARED_AT_ONCE));
  queue->npieces -= given;
  memmove(queue->pieces, queue->pieces + given,
          queue->npieces * sizeof *queue->pieces);
  given =
      cgc_pool_put_slots(pool, queue->slots, cgc_min(n / 2, SHARED_AT_ONCE));
  memmove(queue->slots, queue->slots + given,
          (n - given) * sizeof *queue->slots);
  give_spans(queue);
  return n - given;
}

size_t cgc_queue_take_shared(struct cgc_queue *queue) {
  cgc_assert(queue->npieces == 0);
  queue->npieces =
      cgc_pool_take_pieces(queue->pool, queue->pieces, SHARED_AT_ONCE);
  return cgc_pool_take_slots(queue->pool, queue->slots, SHARED_AT_ONCE);
}
