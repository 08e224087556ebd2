/* SPDX-License-Identifier: MIT */
/*
 * heap/sweep.h - sweep one span: what was not marked becomes FREE.
 *
 * No object is touched: 64 slots at a time, dead = live & ~marked.  (Under
 * CGC_STRESS dead objects are filled with CGC_POISON, so that a wrong reclaim
 * shows at the next look at the object.)  Pinned spans keep what is live.
 *
 * Who comes in: heap/central.  Touches the span, its mark lines, and nothing
 * else.  Locks: the span's owner's.
 */
#ifndef CGC_HEAP_SWEEP_H
#define CGC_HEAP_SWEEP_H

#include "heap/arena.h"

enum { CGC_POISON = 0xdb };

/**
 * Set the mark and scanned bits of SPAN as a cycle needs them at its start
 * (span.h, I1): clear for LIVE slots, set for all others; all set where pinned.
 */
void cgc_sweep_prepare(const struct cgc_arena *arena,
                       const struct cgc_span *span);

/**
 * The same, and the bits of slots that are not LIVE are clear, too: for a cycle
 * beside the program, which would else keep all that is allocated meanwhile,
 * and scan it.  A stale pointer to such a slot marks it; whoever gets the slot
 * then owns an object that was born marked.
 */
void cgc_sweep_whiten(const struct cgc_arena *arena,
                      const struct cgc_span *span);

/**
 * Sweep SPAN after marking; nfree is exact afterwards.  In a sticky arena the
 * marks of what is alive stay as they are, all others are cleared.
 * returns  slots that became free
 */
uint32_t cgc_sweep_span(const struct cgc_arena *arena, struct cgc_span *span);

#endif
