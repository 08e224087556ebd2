/* SPDX-License-Identifier: MIT */
#include "mark/queue.h"

void cgc_queue_init(struct cgc_queue *queue, const struct cgc_arena *arena) {
  queue->ring = arena->greys;
  queue->queued = arena->queued;
  queue->ring_size = cgc_arena_pages(arena);
  queue->head = queue->nspans = queue->n = 0;
}
