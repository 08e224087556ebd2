/* SPDX-License-Identifier: MIT */
/*
 * t/unit/threads.h - a world of registered threads for tests of world/.
 */
#ifndef T_UNIT_THREADS_H
#define T_UNIT_THREADS_H

#include "unit.h"

#include "heap/heap.h"
#include "heap/meta.h"
#include "os/page.h"
#include "os/thread.h"
#include "world/kernel.h"
#include "world/mutator.h"
#include "world/range.h"
#include "world/stop.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

/* The heap and the calling thread's record. */
static inline struct cgc_mutator *threads_setup(void) {
  cgc_page_init();
  cgc_meta_init();
  cgc_sizeclass_init();
  ck_assert(cgc_heap_init(&cgc_heap, 64 * CGC_MIB, CGC_MIB));
  ck_assert(cgc_page_adopt(&cgc_heap, sizeof cgc_heap));
  cgc_mutator_init();
  cgc_range_init();
  cgc_kernel_init();
  ck_assert_ptr_nonnull(cgc_mutator_register());
  return cgc_self;
}

static inline void threads_stop(void) {
  ck_assert(cgc_mutator_enter(cgc_self));
  cgc_self->sp = (uintptr_t)__builtin_frame_address(0);
  cgc_stop_world();
}

static inline void threads_start(void) {
  cgc_start_world();
  cgc_mutator_leave(cgc_self);
}

/* Stops of the world every PAUSE_US, for MS. */
static inline unsigned threads_stop_for(unsigned ms, unsigned pause_us) {
  uint64_t end = cgc_thread_now_ns() + (uint64_t)ms * 1000000;
  unsigned n = 0;
  do {
    threads_stop();
    cgc_mutator_check();
    threads_start();
    if (pause_us)
      usleep(pause_us);
    n++;
  } while (cgc_thread_now_ns() < end);
  return n;
}

static inline pthread_t threads_create(void *(*fn)(void *), void *arg) {
  pthread_t thread;
  ck_assert_int_eq(pthread_create(&thread, NULL, fn, arg), 0);
  return thread;
}

/* ---- what a test and its threads tell each other ------------------------- */

static _Atomic bool threads_done CGC_UNUSED;
static _Atomic unsigned threads_nready CGC_UNUSED;

static inline bool threads_are_done(void) {
  return atomic_load_explicit(&threads_done, memory_order_relaxed);
}

static inline void threads_ready(void) { atomic_fetch_add(&threads_nready, 1); }

static inline void threads_wait_ready(unsigned n) {
  while (atomic_load(&threads_nready) < n)
    sched_yield();
}

static inline void threads_join_all(pthread_t *threads, int n) {
  atomic_store(&threads_done, true);
  for (int i = 0; i < n; i++)
    pthread_join(threads[i], NULL);
}

#endif
