/* SPDX-License-Identifier: MIT */
#include "mark/queue.h"

#include <string.h>

enum {
  SHARED_AT_ONCE = 256,
  HALF_MIN = 64 << 10,   /* of a piece that is worth dividing, bytes */
  UNKNOWN_MIN = 1 << 20, /* the same where pages may not be there */
  OS_PAGE = 4096
};

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

/* The lower half of the only piece stays. */
static void split(struct cgc_queue *queue) {
  struct cgc_piece *piece = &queue->pieces[0];
  uintptr_t flags = piece->lo & CGC_PIECE_FLAGS;
  uintptr_t half = (piece->hi - piece->lo) / 2;
  if (flags & CGC_PIECE_DESCRIBED || half < HALF_MIN ||
      (flags == 0 && half < UNKNOWN_MIN))
    return;
  uintptr_t middle = cgc_round_down(piece->lo + half, OS_PAGE);
  queue->pieces[1] = (struct cgc_piece){piece->lo, middle};
  queue->pieces[0].lo = middle + flags;
  queue->npieces = 2;
}

size_t cgc_queue_share(struct cgc_queue *queue, size_t n) {
  struct cgc_pool *pool = queue->pool;
  if (queue->npieces == 1)
    split(queue);
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
