/* SPDX-License-Identifier: MIT */
#include "mark/queue.h"

#include "os/page.h"

enum { QUEUE_SHARE = 128, QUEUE_MIN = 256 << 10 };

static size_t queue_bytes(const struct cgc_queue *queue) {
  return queue->max * sizeof *queue->pieces;
}

bool cgc_queue_open(struct cgc_queue *queue, size_t heap_bytes) {
  size_t bytes = cgc_max(QUEUE_MIN, heap_bytes / QUEUE_SHARE);
  *queue = (struct cgc_queue){.n = 0};
  bytes = cgc_round_up(bytes, CGC_OS_PAGE);
  queue->pieces = cgc_page_map(bytes);
  queue->max = queue->pieces ? bytes / sizeof *queue->pieces : 0;
  return queue->pieces != NULL;
}

void cgc_queue_close(struct cgc_queue *queue) {
  if (queue->pieces)
    cgc_page_unmap(queue->pieces, queue_bytes(queue));
  *queue = (struct cgc_queue){.n = 0};
}
