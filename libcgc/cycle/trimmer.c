/* SPDX-License-Identifier: MIT */
#include "cycle/trimmer.h"

#include "base/lock.h"
#include "os/thread.h"

enum {
  REST_NS = 100 * 1000 * 1000,
  RESTS_MAX = 20,
  SPANS = 64,            /* swept before it looks up */
  IDLE_BYTES = 256 << 10 /* not more are allocated during a rest */
};

struct cgc_trimmer cgc_trimmer;

static bool is_wanted(const struct cgc_trimmer *t) {
  return cgc_background_is_wanted(&t->background);
}

/* returns  false when it was woken to end */
static bool rest(struct cgc_trimmer *t) {
  cgc_thread_futex_wait(&t->quit, 0, REST_NS);
  return is_wanted(t);
}

static void sweep(const struct cgc_trimmer *t) {
  while (is_wanted(t) && cgc_heap_sweep_spans(t->heap, SPANS))
    ;
}

/* What time allows, piece by piece.  returns  pages that are left for later */
static size_t trim(const struct cgc_trimmer *t) {
  size_t left = SIZE_MAX, more;
  while ((more = cgc_pageheap_decay(&t->heap->pageheap)) < left && is_wanted(t))
    left = more;
  return more;
}

/* Of a program that works the free slots are wanted: whether this one rests. */
static bool is_idle(const struct cgc_heap *heap, uint64_t *grown_bytes) {
  uint64_t before = *grown_bytes;
  *grown_bytes = atomic_load_explicit(&heap->grown_bytes, memory_order_relaxed);
  return *grown_bytes - before < IDLE_BYTES;
}

static void thin(const struct cgc_trimmer *t) {
  size_t left = 0;
  while (left == 0 && is_wanted(t)) {
    left = SPANS;
    cgc_heap_thin(t->heap, &left);
  }
}

/* Idle is soon, or not worth waiting for. */
static void work(void *arg) {
  struct cgc_trimmer *t = arg;
  uint64_t grown_bytes = 0;
  bool idle = false;
  size_t left = 0;
  for (int n = 0; left > 0 || (!idle && n < RESTS_MAX); n++) {
    if (!rest(t))
      return;
    sweep(t);
    left = trim(t);
    idle = is_idle(t->heap, &grown_bytes) && n > 0;
    if (idle)
      thin(t);
  }
}

/* The ranks of locks are checked by words of a thread's own: it has none. */
void cgc_trimmer_start(struct cgc_trimmer *t, struct cgc_heap *heap) {
  if (cgc_background_runs(&t->background) || cgc_lock_is_checked())
    return;
  t->heap = heap;
  atomic_store_explicit(&t->quit, 0, memory_order_relaxed);
  cgc_background_start(&t->background, work, t);
}

void cgc_trimmer_end(struct cgc_trimmer *t) {
  if (cgc_likely(!cgc_background_runs(&t->background)))
    return;
  atomic_store_explicit(&t->background.stop, true, memory_order_relaxed);
  atomic_store_explicit(&t->quit, 1, memory_order_release);
  cgc_thread_futex_wake(&t->quit, 1);
  cgc_background_end(&t->background);
}
