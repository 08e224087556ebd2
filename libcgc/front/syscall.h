/* SPDX-License-Identifier: MIT */
/*
 * front/syscall.h - libc's syscall().
 *
 * A system call that a stop has broken off is begun again by its number, which
 * libc's function leaves nowhere.  So this one takes its place; futex() has no
 * other name than this, languages' runtimes wait by it.
 *
 *   syscall(n, ...) ─┬─ may wait for a span of time ─► front/deadline around
 *                    └──────────────────────────────► cgc_signal_syscall
 *
 * Calls that wait until a point in time need no more than to be begun again.
 *
 * As libc's it is no cancellation point, keeps no registers on the stack and
 * knows nothing of what it calls.
 *
 * Who comes in: the program.  Calls: front/deadline, os/signal.  Locks: none.
 */
#ifndef CGC_FRONT_SYSCALL_H
#define CGC_FRONT_SYSCALL_H

#include <sys/syscall.h>
#include <unistd.h>

#endif
