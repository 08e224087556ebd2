/* SPDX-License-Identifier: MIT */
/*
 * compat/lost.h - GC_find_leak: objects that were lost and never freed.
 *
 * While the variable is set each collection tells what it found dead, when all
 * is marked and the world still stands; then the objects are reclaimed, so
 * each is told once; one with a finalizer when that has run.  With
 * GC_ABORT_ON_LEAK the program ends then.  The lines are bdwgc's:
 *
 *   Found 2 leaked objects:
 *   object at 0x7f00e0 of appr. 224 bytes (atomic)
 *   0x7f0120 (prog.c:7, sz= 12, )
 *
 * the second for an object of the debugging allocator.
 *
 * Who comes in: the role; cycle/ by its hook; exit.
 * Calls: compat/message, compat/header, compat/kinds.  Locks: none; the world
 * is stopped.
 */
#ifndef CGC_COMPAT_LOST_H
#define CGC_COMPAT_LOST_H

/** Once, when the heap is made; with GC_find_leak collections at exit, too. */
void cgc_lost_started(void);

#endif
