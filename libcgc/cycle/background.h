/* SPDX-License-Identifier: MIT */
/*
 * cycle/background.h - a thread beside the program, for one piece of work.
 *
 * A bare thread (os/thread), made for the work and gone after it: nothing
 * stays in a program that does not collect, nothing is left over across a
 * fork, and setuid finds no thread that libc does not know.  It allocates
 * nothing, takes no lock and conducts nothing; it does what can be done while
 * the program runs, and looks now and then whether it is still wanted.
 *
 * Who comes in: cycle/cycle, its lock held.  Calls: os/thread, os/page.
 */
#ifndef CGC_CYCLE_BACKGROUND_H
#define CGC_CYCLE_BACKGROUND_H

#include "base/base.h"

struct cgc_background {
  _Atomic uint32_t tid; /* 0: it does not run */
  _Atomic bool stop;    /* it is asked to end */
  uint64_t cpu_ns;      /* of the last piece of work, once it is over */
  void *stack;          /* kept */
  void (*fn)(void *arg);
  void *arg;
};

/**
 * Run FN(ARG) beside the program; nothing runs yet.
 * returns  false if the system has no thread or memory
 */
bool cgc_background_start(struct cgc_background *background,
                          void (*fn)(void *arg), void *arg);

CGC_INLINE bool cgc_background_runs(const struct cgc_background *background) {
  /* Acquire: what the thread wrote before it ended. */
  return atomic_load_explicit(&background->tid, memory_order_acquire) != 0;
}

/** For FN: whether to go on. */
CGC_INLINE bool
cgc_background_is_wanted(const struct cgc_background *background) {
  return !atomic_load_explicit(&background->stop, memory_order_relaxed);
}

/** Ask it to end, and wait; harmless if it does not run. */
void cgc_background_end(struct cgc_background *background);

/** In the child of a fork: the thread is not here. */
void cgc_background_fork_child(struct cgc_background *background);

#endif
