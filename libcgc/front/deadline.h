/* SPDX-License-Identifier: MIT */
/*
 * front/deadline.h - one waiting call, and what is left of its time.
 *
 *   begin   wait_sp = here, the deadline is taken
 *   again   EINTR and wait_interrupted: the stop signal broke it off
 *   end     wait_sp = 0
 *
 * A thread without a record is given one, since a stop could only begin its
 * calls again, with the whole time.
 *
 * A wait inside a handler of the program's ends the mark of the one that it
 * interrupted.  That one gives EINTR then, since a handler has run; where
 * libc goes on with it, the stop handler begins its system call again.
 *
 *   I1  wait_interrupted is 0 while wait_sp is 0.
 *
 * Who comes in: front/wait, front/socket.  Calls: front/init, os/thread.
 * Locks: none; the owner thread and its stop handler.
 */
#ifndef CGC_FRONT_DEADLINE_H
#define CGC_FRONT_DEADLINE_H

#include "front/init.h"
#include "os/thread.h"
#include "world/mutator.h"

#include <errno.h>
#include <time.h>

enum { CGC_NS_PER_MS = 1000000, CGC_NS_PER_S = 1000000000 };

struct cgc_deadline {
  struct cgc_mutator *self;
  uint64_t deadline_ns; /* CLOCK_MONOTONIC; 0: there is none */
  int ms;               /* what is left, for calls that take milliseconds */
  struct timespec left; /* and for those that take a timespec */
};

/**
 * The call gave ERROR.
 * returns  whether that was our doing, and it has to be repeated with what is
 *          left
 */
bool cgc_deadline_again_after(struct cgc_deadline *w, int error);

/** A span that the real call will not refuse, that ends in our time. */
bool cgc_deadline_is_span(const struct timespec *ts);

/** A wait without a timeout begins. */
CGC_INLINE void cgc_deadline_begin(struct cgc_deadline *w) {
  w->deadline_ns = 0;
  w->self = cgc_likely(cgc_self != NULL) ? cgc_self : cgc_init_thread();
  if (!w->self)
    return;
  /* A handler of the program's in another wait, or one that was jumped out
   * of: what that one was told does not count for us. */
  if (cgc_unlikely(w->self->wait_sp))
    w->self->wait_interrupted = 0;
  w->self->wait_sp = (uintptr_t)w;
}

/** It is over; errno is kept. */
CGC_INLINE void cgc_deadline_end(struct cgc_deadline *w) {
  if (!w->self)
    return;
  w->self->wait_sp = 0;
  if (cgc_unlikely(w->self->wait_interrupted)) /* I1 */
    w->self->wait_interrupted = 0;
}

/** One of milliseconds begins; MS <= 0: none, or for ever. */
CGC_INLINE void cgc_deadline_begin_ms(struct cgc_deadline *w, int ms) {
  cgc_deadline_begin(w);
  w->ms = ms;
  if (ms > 0 && w->self)
    w->deadline_ns = cgc_thread_now_ns() + (uint64_t)ms * CGC_NS_PER_MS;
}

/** One of a span of time begins; NULL: for ever. */
CGC_INLINE void cgc_deadline_begin_span(struct cgc_deadline *w,
                                        const struct timespec *ts) {
  cgc_deadline_begin(w);
  if (!ts)
    return;
  w->left = *ts;
  if (w->self && cgc_deadline_is_span(ts))
    w->deadline_ns = cgc_thread_now_ns() + (uint64_t)ts->tv_sec * CGC_NS_PER_S +
                     (uint64_t)ts->tv_nsec;
}

/** The same for a call that gave RESULT and errno. */
CGC_INLINE bool cgc_deadline_again(struct cgc_deadline *w, long result) {
  return cgc_unlikely(result < 0) && cgc_deadline_again_after(w, errno);
}

/** What is left, or no timeout where the program gave none. */
CGC_INLINE struct timespec *cgc_deadline_left(struct cgc_deadline *w,
                                              const struct timespec *timeout) {
  return timeout ? &w->left : NULL;
}

#endif
