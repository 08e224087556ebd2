/* SPDX-License-Identifier: MIT */
/*
 * cycle/invoke.h - running the finalizers that are ready.
 *
 *   automatic     whichever thread first needs a new span runs them, mostly
 *                 the one whose allocation ran the cycle, before its allocation
 *                 returns; not from inside a finalizer, so that the stack does
 *                 not grow with their number
 *   on demand     nobody but cgc_invoke_all, which a finalizer may call too; a
 *                 notifier is told once for each cycle that found some
 *
 * A finalizer runs with no lock held and its thread not busy: it may allocate,
 * register, collect, be stopped, fork.  Several threads may run finalizers at
 * a time, each one once.
 *
 * Who comes in: front/.  Calls: mark/final, world/mutator.  Locks: none.
 */
#ifndef CGC_CYCLE_INVOKE_H
#define CGC_CYCLE_INVOKE_H

#include "base/base.h"

typedef void (*cgc_invoke_notifier)(void);

/**
 * Run what is ready, and what becomes ready meanwhile, in this thread.
 * returns  how many ran; 0 in a handler that interrupted the collector
 * caller   is not busy
 */
int cgc_invoke_all(void);

/**
 * After a cycle, and at each slow path: run what is ready, or tell the
 * notifier.  Costs one load when nothing is ready; errno is kept.
 * caller   is not busy
 */
void cgc_invoke_automatic(void);

/** Whether cgc_invoke_all has something to do. */
bool cgc_invoke_is_due(void);

/** Whether only cgc_invoke_all runs finalizers; false at the start. */
void cgc_invoke_set_on_demand(bool on_demand);
bool cgc_invoke_is_on_demand(void);

/** Called when they run on demand; NULL at the start. */
void cgc_invoke_set_notifier(cgc_invoke_notifier notifier);
cgc_invoke_notifier cgc_invoke_get_notifier(void);

/** Finalizers run since the start, by all threads. */
uint64_t cgc_invoke_count(void);

#endif
