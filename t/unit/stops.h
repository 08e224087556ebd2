/* SPDX-License-Identifier: MIT */
/*
 * t/unit/stops.h - stops played by a timer's signal, for tests of what waits.
 *
 * Its handler does to the thread's record, and to the count of stops, what a
 * stop does.  One comes every STOP_MS: a wait of SPAN_MS that began from the
 * start again each time would never end, so how late it may end can be as much
 * as a busy machine needs.
 */
#ifndef T_UNIT_STOPS_H
#define T_UNIT_STOPS_H

#include "unit.h"

#include "os/thread.h"
#include "world/mutator.h"

#include <errno.h>
#include <signal.h>
#include <sys/time.h>

enum { SPAN_MS = 100, STOP_MS = 20, LATE_MS = 5000 };

static struct cgc_mutator record;
static volatile int nstops;
static uint64_t began_ns;

static inline void on_stop(int sig) {
  (void)sig;
  nstops++;
  atomic_fetch_add(&cgc_mutator_stop.epoch, 2);
  if (record.wait_sp)
    record.wait_interrupted = 1;
}

static inline void on_program(int sig) { (void)sig; }

/* FLAGS are sigaction's; 0 MS: never again. */
static inline void stops_every(int ms, void (*handler)(int), int flags) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
  struct itimerval period = {{0, ms * 1000}, {0, ms * 1000}};
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &period, NULL);
}

static inline void stops_start_clock(void) {
  errno = 0;
  began_ns = cgc_thread_now_ns();
}

static inline void stops_begin(int flags) {
  cgc_self = &record;
  stops_every(STOP_MS, on_stop, flags);
  stops_start_clock();
}

/* EARLY_MS: how much the kernel's own clock may be coarser. */
static inline void stops_assert_took_the_span(unsigned early_ms) {
  uint64_t ms = (cgc_thread_now_ns() - began_ns) / 1000000;
  ck_assert_uint_ge(ms, SPAN_MS - early_ms);
  ck_assert_uint_lt(ms, SPAN_MS + LATE_MS);
  ck_assert_int_ge(nstops, 1);
  ck_assert_uint_eq(record.wait_sp, 0);
  ck_assert_int_eq(record.wait_interrupted, 0);
}

#endif
