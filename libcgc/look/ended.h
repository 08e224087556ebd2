/* SPDX-License-Identifier: MIT */
/*
 * look/ended.h - stacks of threads that have finished.
 *
 * glibc keeps a finished thread's stack mapped for the next one, with all that
 * the thread left in it; nothing there is alive.  Such a mapping has a guard
 * below it and at its top a thread control block, which begins with its own
 * address, twice; and no thread of the process has it as its thread pointer.
 * The main thread's stack is there when main has called pthread_exit.
 *
 * Who comes in: look/loss, world stopped.  Locks: none.
 */
#ifndef CGC_LOOK_ENDED_H
#define CGC_LOOK_ENDED_H

#include "world/range.h"

/**
 * Add the stacks of finished threads to DEAD.  Where a thread is not known
 * well enough (world/stop.h: blind) nothing is added.
 * main_hi  end of main's frame; 0: unknown
 * returns  false without memory
 */
bool cgc_ended_stacks(struct cgc_range_set *dead, uintptr_t main_hi);

#endif
