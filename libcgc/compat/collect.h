/* SPDX-License-Identifier: MIT */
/*
 * compat/collect.h - collections that the program asks for, and refuses.
 *
 *   GC_dont_gc            no cycle, whoever asks
 *   stop function,        no cycle that allocation asks for
 *   GC_set_disable_automatic_collection
 *
 * Incremental mode is accepted and served by whole cycles.
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

#endif
