/* SPDX-License-Identifier: MIT */
#include "front/fork.h"

#include "base/lock.h"
#include "cycle/cycle.h"
#include "cycle/trimmer.h"
#include "os/thread.h"
#include "world/mutator.h"
#include "world/stop.h"

#include <errno.h>
#include <pthread.h>

enum { TRIES = 1000, PAUSE_NS = 50000 };

/* What prepare did, for the two that follow; a handler may fork as well. */
static __thread struct {
  unsigned depth;
  bool all;     /* every lock is held */
  bool some;    /* cgc_lock_some took some */
  bool entered; /* the record was not busy before */
  bool gate;    /* closed: no other thread is in the collector */
} state;

/* Each module that keeps something of threads or processes. */
static void (*const child_hooks[])(void) = {
    cgc_mutator_fork_child,
    cgc_cycle_fork_child,
};

static void wait_a_moment(void) {
  _Atomic uint32_t never = 0;
  cgc_thread_futex_wait(&never, 0, PAUSE_NS);
}

/*
 * The child's memory is a copy made page by page while other threads run on.
 * Locks keep them from the structures that all share, but not from their own
 * caches: a slot could be held in one page and live in another.  So they are
 * kept out of the collector by the gate.
 *
 * The cycle's lock may be held for as long as the world is stopped, and that
 * has to stop us: so a busy thread must not wait for it.  With it nobody else
 * stops the world, and behind the closed gate nobody is in the middle of
 * changing a cache; the other locks are free or soon will be.
 */
static void take_all(struct cgc_mutator *self) {
  cgc_lock_want_all(true);
  while (!cgc_trylock_from(CGC_RANK_CYCLE)) {
    cgc_mutator_leave(self);
    wait_a_moment();
    cgc_mutator_enter(self);
  }
  cgc_lock_want_all(false);
  cgc_trimmer_end(&cgc_trimmer);
  state.gate = cgc_mutator_count() > 1;
  if (state.gate)
    cgc_stop_close_gate();
  cgc_lock_rest(CGC_RANK_CYCLE);
}

static struct cgc_mutator *own_record(void) {
  return cgc_self ? cgc_self : cgc_mutator_register();
}

void cgc_fork_prepare(void) {
  int saved = errno;
  if (state.depth++ > 0)
    return;
  struct cgc_mutator *self = own_record();
  state.entered = self && cgc_mutator_enter(self);
  state.all = state.entered;
  state.some = false;
  if (state.all)
    take_all(self);
  else
    state.some = cgc_lock_some(TRIES);
  errno = saved;
}

static void release(void) {
  if (state.some)
    cgc_unlock_taken();
  if (state.entered)
    cgc_mutator_leave(cgc_self);
}

void cgc_fork_parent(void) {
  if (--state.depth > 0)
    return;
  if (state.all) {
    cgc_unlock_all();
    if (state.gate)
      cgc_stop_open_gate();
  }
  release();
}

/* They take locks, so not where this thread may hold some. */
static void run_child_hooks(void) {
  for (size_t i = 0; i < sizeof child_hooks / sizeof *child_hooks; i++)
    child_hooks[i]();
}

void cgc_fork_child(void) {
  int saved = errno;
  if (--state.depth > 0)
    return;
  if (state.all) {
    cgc_lock_reset_all();
    run_child_hooks();
  }
  release();
  errno = saved;
}

void cgc_fork_init(void) {
  pthread_atfork(cgc_fork_prepare, cgc_fork_parent, cgc_fork_child);
}
