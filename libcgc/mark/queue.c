/* SPDX-License-Identifier: MIT */
#include "mark/queue.h"

#include <string.h>

enum { SHARED_AT_ONCE = 256 };

void cgc_queue_init(struct cgc_queue *queue, struct cgc_pool *pool) {
  queue->pool = pool;
  queue->n = queue->nput = queue->at = queue->ntaken = 0;
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

void cgc_queue_share(struct cgc_queue *queue) {
  size_t given = cgc_pool_put_pieces(queue->pool, queue->pieces,
                                     cgc_min(queue->n / 2, SHARED_AT_ONCE));
  queue->n -= given;
  memmove(queue->pieces, queue->pieces + given,
          queue->n * sizeof *queue->pieces);
  give_spans(queue);
}

bool cgc_queue_take_shared(struct cgc_queue *queue) {
  cgc_assert(queue->n == 0);
  queue->n = cgc_pool_take_pieces(queue->pool, queue->pieces, SHARED_AT_ONCE);
  return queue->n > 0;
}
