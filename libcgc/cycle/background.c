/* SPDX-License-Identifier: MIT */
#include "cycle/background.h"

#include "os/page.h"
#include "os/thread.h"

enum { STACK_BYTES = 64 << 10 };

static void work(void *arg) {
  struct cgc_background *b = arg;
  b->fn(b->arg);
  b->cpu_ns = cgc_thread_cpu_ns();
}

bool cgc_background_start(struct cgc_background *b, void (*fn)(void *arg),
                          void *arg) {
  cgc_check(!cgc_background_runs(b));
  if (!b->stack && !(b->stack = cgc_page_map(STACK_BYTES)))
    return false;
  b->fn = fn;
  b->arg = arg;
  b->cpu_ns = 0;
  atomic_store_explicit(&b->stop, false, memory_order_relaxed);
  return cgc_thread_spawn(work, b, b->stack, STACK_BYTES, &b->tid);
}

void cgc_background_end(struct cgc_background *b) {
  atomic_store_explicit(&b->stop, true, memory_order_relaxed);
  cgc_thread_join(&b->tid);
}

void cgc_background_fork_child(struct cgc_background *b) {
  atomic_store_explicit(&b->tid, 0, memory_order_relaxed);
}
