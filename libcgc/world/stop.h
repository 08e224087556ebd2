/* SPDX-License-Identifier: MIT */
/*
 * world/stop.h - stopping every other thread, and letting them go.
 *
 *   stop:  lock the list → epoch becomes odd → look that our handler is in
 *          place → signal each record → wait until none is missing → count the
 *          process's threads, and stop those without a record until the count
 *          agrees → world stopped
 *   start: epoch becomes even → wake all that sleep on it → unlock
 *
 * The epoch makes a signal that comes late harmless, and letting go needs no
 * answers.  Nothing here gives up: a thread that does not answer is looked at
 * again and again, first after a fraction of a millisecond.  It has finished
 * (its record is reaped), our handler was replaced meanwhile (the signal is
 * sent again), no signal can be queued (one is sent to any thread, and passed
 * on from there), it waits in vfork (so do we), or it is a thread just being
 * born with all signals blocked, which waits for a lock of a thread that we
 * stopped (it counts as stopped; it has no record and can't get one now).
 *
 *   I1  between stop and start every thread but the caller is parked, blind
 *       (see above), or dead.
 *
 * Who comes in: cycle/.  Calls: world/mutator, os/signal, os/thread.
 * Locks: the mutator list's is held from stop to start.
 */
#ifndef CGC_WORLD_STOP_H
#define CGC_WORLD_STOP_H

#include "base/base.h"

#include <sys/types.h>

/* Written by the stopping thread, world stopped. */
struct cgc_stop_counters {
  uint64_t nstops;
  uint64_t last_ns; /* from the call of stop until the world stood */
  uint64_t longest_ns;
  uint64_t nsent;    /* signals, those sent again included */
  uint64_t nlooks;   /* times that a silent thread was looked at */
  uint64_t nunknown; /* threads stopped without a record */
  uint64_t nblind;   /* threads counted as stopped without an answer */
};
extern struct cgc_stop_counters cgc_stop_counters;

/**
 * Stop every other thread.
 * caller   has a record, is busy (once), holds no lock of the heap
 */
void cgc_stop_world(void);

/**
 * The same, but give up when a debugger holds a thread, does not let it run for
 * half a second, and its registers are not told (world/mailbox).
 * returns  0; -EDEADLK: given up, and the world runs as before
 */
int cgc_stop_try(void);

/** The thread that a debugger held when the last stop was given up. */
pid_t cgc_stop_held(void);

/** Let them go. */
void cgc_start_world(void);

/**
 * The thread whose id stands in *TID, none while it is 0, is the collector's
 * own: it is not stopped.
 * caller   const after init, NULL is nobody
 */
void cgc_stop_spare(const _Atomic uint32_t *tid);

/**
 * For fork: stop the world, let it run again, and from then on let no other
 * thread enter the collector until cgc_stop_open_gate (in the child
 * cgc_mutator_fork_child).  None is inside then and none holds a lock of the
 * heap, so the child finds every cache consistent.
 * caller   holds the lock of the cycle, otherwise as for cgc_stop_world
 */
void cgc_stop_close_gate(void);
void cgc_stop_open_gate(void);

/** Whether the world is stopped now, by the calling thread. */
bool cgc_stop_is_on(void);

#endif
