/* SPDX-License-Identifier: MIT */
/*
 * os/unwind.h - call stacks, by libunwind.
 *
 * libunwind is opened at the first need with its symbols kept to ourselves:
 * linked, it would take the place of the program's backtrace().  Without it
 * the captured stack is empty and the printed one says so.
 *
 * The first call opens a library: not in a signal handler, not with the world
 * stopped, not with a lock of the collector held.
 *
 * Who comes in: front/ (bad frees), base/log's fatal hook.  Calls: base/log.
 */
#ifndef CGC_OS_UNWIND_H
#define CGC_OS_UNWIND_H

#include "base/base.h"

/**
 * The return addresses of the calling thread, innermost first.
 * pcs, n   where they go
 * skip     frames left out, 0 begins with the caller of this function
 * returns  number of addresses written
 */
size_t cgc_unwind_capture(void **pcs, size_t n, size_t skip);

/** Print one line `cgc:   #0 0x... symbol+0x.. (module+0x...)' per address. */
void cgc_unwind_print_frames(void *const *pcs, size_t n);

/** Print the calling thread's stack; fits cgc_fatal_hook. */
void cgc_unwind_print(void);

#endif
