/* SPDX-License-Identifier: MIT */
/*
 * front/api.h - what <cgc.h> declares.
 *
 * Each function is its contract's words made into calls of the floors below:
 * allocation by front/alloc, everything else by the module that keeps the
 * table.  What they share is how to come in:
 *
 *   enter   the thread's record, the heap made if need be, busy from here on;
 *           refused in a signal handler that interrupted the collector
 *   leave
 *
 * Who comes in: the program; front/malloc for GC_release_memory.
 * Locks: none here.
 */
#ifndef CGC_FRONT_API_H
#define CGC_FRONT_API_H

#include "cgc.h"

#endif
