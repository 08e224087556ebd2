/* SPDX-License-Identifier: MIT */
/*
 * compat/collect.h - collections that the program asks for, and refuses.
 *
 *   GC_dont_gc            no cycle, whoever asks
 *   stop function,        no cycle that allocation asks for
 *   GC_set_disable_automatic_collection
 *
 * A debugger's call of GC_gcollect, GC_gcollect_and_unmap or GC_try_to_collect
 * takes the way of front/debug.  For gdb's commands there are two functions
 * more, whose names no program has.
 *
 * Who comes in: the program; front/alloc by cycle/cycle's hook.
 * Locks: none here.
 */
#ifndef CGC_COMPAT_COLLECT_H
#define CGC_COMPAT_COLLECT_H

#include "compat/variable.h"

/** Once, when the heap is made. */
void cgc_collect_init(void);

/** Collections that allocation asks for run in slices. */
void cgc_collect_be_incremental(void);

/** For a debugger: collect.  returns  as cgc_debug_collect */
CGC_PUBLIC int cgc_debug_gcollect(void);

/** For a debugger: have WHAT done soon.  returns  0, or -1: unknown */
CGC_PUBLIC int cgc_debug_request(int what);

#endif
