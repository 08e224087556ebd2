/* SPDX-License-Identifier: MIT */
/*
 * compat/guard.h - bdwgc's allocation lock, as programs use it.
 *
 * Nothing of this library needs it.  A program that holds it is alone among
 * those that do, and no collection begins: it reads a word that a weak link
 * may clear, or changes two words that must agree.  So its holder is busy,
 * and a stop waits for it.
 *
 *   I1  The holder is busy; who waits is not.
 *
 * Who comes in: the program; compat/ for its own tables.
 * Locks: this one, above all others.
 */
#ifndef CGC_COMPAT_GUARD_H
#define CGC_COMPAT_GUARD_H

#include "compat/variable.h"

/** Once, when the heap is made: the lock is there across fork. */
void cgc_guard_init(void);

/**
 * Take the lock.
 * returns  false in a signal handler that interrupted the collector, in a
 *          function that runs under the lock, or without memory: not taken
 */
bool cgc_guard_take(void);
void cgc_guard_give(void);

#endif
