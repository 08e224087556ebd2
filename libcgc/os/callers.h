/* SPDX-License-Identifier: MIT */
/*
 * os/callers.h - call stacks for who needs one at each malloc.
 *
 * Rules (os/cfi) are kept in a table of 2^14 places that all threads share:
 *
 *   pc ─► place: | pc ^ rule | rule |    good if the two give pc
 *
 * And each thread keeps its last walk: mostly the next one comes to a frame of
 * it soon, and then only words have to be compared.  No lock, no malloc, no
 * system call, no descriptor; so this works in signal handlers, under any
 * lock, on any stack.
 *
 * A stack ends at code that has no rule, and at a frame that is not above the
 * one before.
 *
 * Who comes in: look/stack, world/mutator.  Locks: none.
 * Source: the table is libunwind's trace cache, made one for all threads.
 */
#ifndef CGC_OS_CALLERS_H
#define CGC_OS_CALLERS_H

#include "base/base.h"

/*
 * A thread's last walk.  Not thread-local: what a library needs of that beyond
 * some hundred bytes keeps it from being opened by dlopen.
 */
struct cgc_callers;

/** returns  a walk for a thread to use, or NULL without memory */
struct cgc_callers *cgc_callers_new(void);

/** NULL is nothing. */
void cgc_callers_delete(struct cgc_callers *recent);

/** Make the table, once; without it every frame is looked up anew. */
void cgc_callers_init(void);

/**
 * The return addresses of the calling thread, innermost first; where a signal
 * came, the address behind the one that it interrupted.
 * recent   the thread's last walk; NULL: none is kept
 * frame    __builtin_frame_address(0) of a function that has not returned; its
 *          own return address is the first
 * returns  number of addresses written to PCS, N at most
 */
size_t cgc_callers_capture(struct cgc_callers *recent, const void *frame,
                           void **pcs, size_t n);

/** Code may have been unloaded: forget all rules. */
void cgc_callers_forget(void);

#endif
