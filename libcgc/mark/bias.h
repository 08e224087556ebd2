/* SPDX-License-Identifier: MIT */
/*
 * mark/bias.h - blocks that are known by where they would begin.
 *
 * A table that grows without being moved is a row of blocks, each as long as
 * all those before it.  What a program keeps of a block is its address less its
 * length, so that an index of the table is one of the block's, too:
 *
 *     kept                block
 *      |<---- length ---->|=======|=======|=======|
 *
 * Nothing else points to it (SWI-Prolog's atoms and functors).  So a word of
 * static data also keeps alive the block that begins as far behind it as the
 * block is long.  How long that is is known but for the rounding to a slot.  A
 * word that is a block's own address counts only beside one for a block twice
 * as long or half, or each global pointer would keep its neighbour alive.
 *
 * What a block of a small class would be kept by is looked up from the word,
 * page by page behind it; large blocks are listed by it, once in a cycle.
 *
 *   I1  The list is sorted by `kept', and holds each large block that was there
 *       when the cycle began.
 *
 * Who comes in: cycle/phase, world stopped.  Locks: none.
 */
#ifndef CGC_MARK_BIAS_H
#define CGC_MARK_BIAS_H

#include "mark/marker.h"

/**
 * Begin a cycle: list the large blocks of HEAP.
 * returns  0; -ENOMEM: no room for the list, words must not be asked for
 */
int cgc_bias_open(const struct cgc_heap *heap);

/** Mark the blocks that the words of [LO, HI), static data, are kept for. */
void cgc_bias_scan(struct cgc_marker *m, uintptr_t lo, uintptr_t hi);

#endif
