/* SPDX-License-Identifier: MIT */
/*
 * compat/bottom.h - where stacks end, as a program says that switches them.
 *
 * Stacks are found by the stack pointer and the mapping around it.  A program
 * that makes its own stacks tells the cold end of the one that a thread is on:
 * then exactly what lies between is scanned.
 *
 *   GC_stackbottom        the main thread's, looked at in each collection
 *   GC_set_stackbottom    a thread's, in its record
 *
 * Who comes in: the program; compat/event at the start of a mark.
 * Locks: none.
 */
#ifndef CGC_COMPAT_BOTTOM_H
#define CGC_COMPAT_BOTTOM_H

#include "compat/variable.h"

/** Once, when the heap is made: GC_stackbottom tells the main thread's. */
void cgc_bottom_init(void);

/** World stopped: what GC_stackbottom says counts. */
void cgc_bottom_take_over(void);

#endif
