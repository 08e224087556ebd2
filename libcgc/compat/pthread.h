/* SPDX-License-Identifier: MIT */
/*
 * compat/pthread.h - threads that a program makes by GC_pthread_create.
 *
 * Threads are found by themselves.  What is left to do here: the argument is
 * seen until the thread has taken it, and the result until it is joined.
 *
 *   struct start (uncollectable): fn, arg, result   in a list, by pthread_t
 *     made by create ── freed by join, or by the end of a detached thread
 *
 * Who comes in: the program.  Calls: libc's functions.  Locks: the guard, for
 * the list.
 */
#ifndef CGC_COMPAT_PTHREAD_H
#define CGC_COMPAT_PTHREAD_H

#include "compat/guard.h"

#endif
