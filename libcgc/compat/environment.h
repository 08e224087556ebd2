/* SPDX-License-Identifier: MIT */
/*
 * compat/environment.h - bdwgc's GC_ variables of the environment.
 *
 * Read once, when the heap is made; not in a program with somebody else's
 * rights.  For most of them mere presence switches on, even of GC_X=0.  What a
 * variable cannot mean here is in cgc-compat(7).
 *
 *   before the heap   markers, statistics, log file, interior pointers, no
 *                     collections, leaks, divisor, unmapping
 *   after             initial and greatest size
 *
 * Who comes in: compat/start.  Locks: front/init's.
 */
#ifndef CGC_COMPAT_ENVIRONMENT_H
#define CGC_COMPAT_ENVIRONMENT_H

#include "compat/variable.h"

/** The options are read, the heap is not made. */
void cgc_environment_prepare(void);

/** The heap is made, and nobody else is here yet. */
void cgc_environment_started(void);

#endif
