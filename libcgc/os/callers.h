/* SPDX-License-Identifier: MIT */
/*
 * os/callers.h - call stacks for who needs one at each malloc.
 *
 * Rules (os/cfi) are kept in a table of 2^14 places that all threads share:
 *
 *   pc ─► place: | pc ^ rule | rule |    good if the two give pc
 *
 * And each thread keeps its last walk: mostly the next one comes to a frame of
 * it soon, and then only words have to be compared.  The hash of a stack is
 * made with it, from the outside in, so that it costs what is new, too.  Walks
 * that come again and again are remembered, with what their user made of them:
 *
 *   pc, sp ─► memo: | offset offset ... | word word ... | note |
 *
 * Where pc and sp are the same a walk is what the words make of it that it
 * reads; so while these are the same, the note holds.  No lock, no malloc, no
 * system call, no descriptor; so this works in signal handlers, under any
 * lock, on any stack.
 *
 * A stack ends at code that has no rule, and at a frame that is not above the
 * one before.  Where a signal came it has the address behind the one that was
 * interrupted, as if that was a call.
 *
 * Who comes in: look/stack, world/mutator.  Locks: none.
 * Source: the table is libunwind's trace cache, made one for all threads; the
 * hash is Rabin's and Karp's.
 */
#ifndef CGC_OS_CALLERS_H
#define CGC_OS_CALLERS_H

#include "base/base.h"

enum { CGC_CALLERS_MAX = 40 }; /* frames of a walk that is kept */

/*
 * A thread's last walk.  Not thread-local: what a library needs of that beyond
 * some hundred bytes keeps it from being opened by dlopen.
 */
struct cgc_callers;

/** returns  a walk for a thread to use, or NULL without memory */
struct cgc_callers *cgc_callers_new(void);

/** NULL is nothing. */
void cgc_callers_delete(struct cgc_callers *walk);

/** Make the table, once; without it every frame is looked up anew. */
void cgc_callers_init(void);

/**
 * Walk the calling thread's stack, innermost frame first.
 * walk     the thread's last one
 * frame    __builtin_frame_address(0) of a function that has not returned; its
 *          own return address is the first
 * max      frames, at most CGC_CALLERS_MAX
 * returns  their number
 */
size_t cgc_callers_walk(struct cgc_callers *walk, const void *frame,
                        size_t max);

/** The I-th return address of the walk. */
void *cgc_callers_pc(const struct cgc_callers *walk, size_t i);

/** The hash of N of them, from the I-th on; N is not 0. */
uint64_t cgc_callers_hash(const struct cgc_callers *walk, size_t i, size_t n);

/**
 * What was noted of a walk from FRAME through the same frames; one with the
 * same MAX.
 * returns  0: walk
 */
uint32_t cgc_callers_recall(const struct cgc_callers *walk, const void *frame);

/** Note something of the walk just made, not 0, in case it comes again. */
void cgc_callers_note(struct cgc_callers *walk, uint32_t note);

/** The same hash of the N addresses at PCS. */
uint64_t cgc_callers_hash_of(void *const *pcs, size_t n);

/**
 * The return addresses by a walk that leaves nothing behind.
 * returns  number of addresses written to PCS, N at most
 */
size_t cgc_callers_capture(const void *frame, void **pcs, size_t n);

/** Code may have been unloaded: forget all rules, and walks through it. */
void cgc_callers_forget(void);

#endif
