/* SPDX-License-Identifier: MIT */
/*
 * mark/marker.h - finds what is reachable: one marker of one cycle.
 *
 * A marker is handed words and ranges, and whoever hands them in drains it
 * from time to time; what they lead to is then marked and scanned.  How, says
 * mark/drain.h, which has the struct.
 *
 * Several markers of one cycle share a pool (mark/pool.h); a mark bit is then
 * set by an atomic operation, and a marker with much to do gives half of it
 * to one that has nothing.
 *
 * Who comes in: the cycle and mark/worker, with the world stopped.
 */
#ifndef CGC_MARK_MARKER_H
#define CGC_MARK_MARKER_H

#include "mark/drain.h"

/** Begin with nothing marked but what heap/sweep prepared; POOL is open. */
void cgc_marker_open(struct cgc_marker *marker, struct cgc_heap *heap,
                     struct cgc_pool *pool);

/** Mark what WORD points to, if it points into the heap. */
void cgc_marker_mark_word(struct cgc_marker *marker, uintptr_t word);

/**
 * Mark what the aligned words of [LO, HI) point to, and drain, unless the
 * marker is bounded: then what is found waits in the queue.
 */
void cgc_marker_scan_range(struct cgc_marker *marker, uintptr_t lo,
                           uintptr_t hi);

/**
 * The same as part of a drain: what is found waits in the queue.  For scan
 * functions of mark/kind, and for memory that the program may be changing.
 */
void cgc_marker_scan_words(struct cgc_marker *marker, uintptr_t lo,
                           uintptr_t hi);

/** The same for the words of the object of KIND in [LO, HI). */
void cgc_marker_scan_object(struct cgc_marker *marker, enum cgc_kind kind,
                            uintptr_t lo, uintptr_t hi);

/**
 * The same as scan_range, whichever byte of an object a word names: stacks,
 * registers.
 */
void cgc_marker_scan_stack(struct cgc_marker *marker, uintptr_t lo,
                           uintptr_t hi);

/**
 * The same for the words at every byte of [LO, HI): packed structures, and the
 * operands of machine code.
 */
void cgc_marker_scan_unaligned(struct cgc_marker *marker, uintptr_t lo,
                               uintptr_t hi);

/** Count every live pinned object as marked, and scan what is in it. */
void cgc_marker_scan_pinned(struct cgc_marker *marker);

/**
 * The same for spans that begin in pages [FIRST, END), beside the program, and
 * what they lead to waits in the queue.
 */
void cgc_marker_queue_pinned(struct cgc_marker *marker, size_t first,
                             size_t end);

/** Scan what is queued, and what that queues, to the end. */
void cgc_marker_drain(struct cgc_marker *marker);

/**
 * The heap may have grown.  Where pointers into what it has grown by may have
 * been written since marking began, before any is looked at; the only marker.
 */
void cgc_marker_extend(struct cgc_marker *marker);

/** Before anything is marked: what follows is drained some at a time. */
void cgc_marker_set_bounded(struct cgc_marker *marker);

/**
 * The same for up to PIECES objects, or a piece of a large one, beside the
 * program: alone in its pool, the heap held. returns  whether nothing is left
 */
bool cgc_marker_drain_some(struct cgc_marker *marker, unsigned pieces);

/** The same, until no marker of the pool has anything left. */
void cgc_marker_finish(struct cgc_marker *marker);

/** Add what OTHER has counted. */
void cgc_marker_add_counts(struct cgc_marker *marker,
                           const struct cgc_marker *other);

#endif
