/* SPDX-License-Identifier: MIT */
/*
 * heap/verify.h - assert every invariant of the heap's modules at once.
 *
 * World stopped.  Dies with the invariant's name (cgc_check).
 */
#ifndef CGC_HEAP_VERIFY_H
#define CGC_HEAP_VERIFY_H

#include "heap/heap.h"

void cgc_verify_heap(struct cgc_heap *heap);

/**
 * span.h, I1: with marking about to begin, the mark bit of each slot that is
 * not LIVE is set, and that of each LIVE one is clear unless it is pinned.
 */
void cgc_verify_prepared(struct cgc_heap *heap);

#endif
