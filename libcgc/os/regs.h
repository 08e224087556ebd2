/* SPDX-License-Identifier: MIT */
/*
 * os/regs.h - the registers of the calling thread, and another stack.
 *
 * A pointer may live in a callee-saved register only.  cgc_regs_call pushes
 * those registers on the thread's stack, so that a scan from the sp that it
 * passes on sees all that the callers up the stack hold:
 *
 *   high   caller's frame
 *          return address
 *          rbp rbx r12 r13 r14 r15
 *   sp ->  r15
 *
 * FN then runs on another stack, and what the collector itself leaves behind
 * is never mistaken for the program's.  Unwinders and gdb see through.
 *
 * Who comes in: world/, cycle/.  Calls: nothing.
 */
#ifndef CGC_OS_REGS_H
#define CGC_OS_REGS_H

#include "base/base.h"

/**
 * Spill the callee-saved registers and call FN(sp, ctx).
 * sp         lowest word of this thread's stack that counts
 * stack_top  FN's stack ends there, 16-byte aligned; NULL: stays on this stack
 */
void cgc_regs_call(void (*fn)(uintptr_t sp, void *ctx), void *ctx,
                   void *stack_top);

#endif
