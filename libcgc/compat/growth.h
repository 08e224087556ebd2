/* SPDX-License-Identifier: MIT */
/*
 * compat/growth.h - how far the heap grows before it is collected.
 *
 *   trigger = live + live * CGC_PERCENT / 100 * 3 / GC_free_space_divisor,
 *             at least the minimum
 *
 * The minimum is CGC_TRIGGER, and what GC_expand_hp asked for.
 * GC_set_max_heap_size is a limit of the page heap.
 *
 * Who comes in: the program; compat/collect before a collection.  Locks: none.
 */
#ifndef CGC_COMPAT_GROWTH_H
#define CGC_COMPAT_GROWTH_H

#include "compat/variable.h"

/**
 * Add BYTES to the heap, and let it fill before it is collected.
 * returns  false at the limit, or without memory
 * caller   is busy, or the only thread
 */
bool cgc_growth_expand(size_t bytes);

/** The heap never has more than BYTES; 0: no limit. */
void cgc_growth_limit(size_t bytes);

/** Have cycle/pacer do as the variables say. */
void cgc_growth_take_over(void);

#endif
