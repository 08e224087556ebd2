/* SPDX-License-Identifier: MIT */
/*
 * front/debug.h - calls that a debugger makes in a program it has stopped.
 *
 * `call (int)GC_collect()' in gdb comes in at any instruction: in malloc, in
 * the collector, in a signal handler, in a thread that is just being born,
 * with the other threads running again or held still.  Such a call ends within
 * two seconds, with a collection or with a code that says why not, and one
 * line that says what to do; whatever it began it undoes.
 *
 *   whose call?   the return address of gdb's is on the stack, lldb's is the
 *                 program's entry point
 *   this thread inside the collector?        CGC_DEBUG_BUSY_SELF
 *   its registers not told (world/mailbox)?  CGC_DEBUG_HELD, and a request
 *   others held by the debugger,
 *     inside the collector?                  CGC_DEBUG_BUSY_OTHER
 *     registers not told (world/mailbox)?    CGC_DEBUG_HELD
 *   a lock that is not let go soon?          CGC_DEBUG_BUSY_OTHER
 *   a thread held while the world is being stopped (cgc_stop_try)?
 *                                            CGC_DEBUG_HELD
 *
 * Nothing here takes a lock that somebody holds, or calls the program's malloc
 * or stdio; it needs about 4 KiB of the stack that it comes on.
 *
 * What cannot be done now can be asked for: a request is served by the next
 * thread that comes to a slow path of the allocation.
 *
 * Who comes in: front/api, compat/.  Calls: cycle/, front/alloc.
 * Locks: none of its own.
 */
#ifndef CGC_FRONT_DEBUG_H
#define CGC_FRONT_DEBUG_H

#include "base/base.h"

/* Results of a debugger's call, besides 0 and -1 with errno. */
enum cgc_debug_code {
  CGC_DEBUG_BUSY_SELF = -2,
  CGC_DEBUG_BUSY_OTHER = -3,
  CGC_DEBUG_HELD = -4
};

/* What can be asked for. */
enum cgc_debug_request {
  CGC_DEBUG_COLLECT = 1,
  CGC_DEBUG_DUMP = 2,
  CGC_DEBUG_LEAK_CHECK = 4
};

/**
 * Whether a function that returns to RETURN_ADDRESS, its frame at FRAME, was
 * called by a debugger.
 */
bool cgc_debug_is_call(const void *return_address, const void *frame);

/**
 * Collect, in a debugger's call.
 * returns  0; a code as above; -1 and errno (EAGAIN, ENOMEM) as GC_collect;
 *          errno is kept otherwise
 */
int cgc_debug_collect(void);

/**
 * Ask for a leak check: it starts a program that prints, and may have to wait
 * for the loader, so it is left to the program's next allocation.
 * returns  0, or -ENOTSUP: leaks are not looked for
 */
int cgc_debug_leak_check(void);

/** Print what is known without a lock: sizes, cycles, pages by class. */
void cgc_debug_dump(void);

/** Have WHAT, of enum cgc_debug_request, done soon.  returns  false: unknown */
bool cgc_debug_ask(unsigned what);

#endif
