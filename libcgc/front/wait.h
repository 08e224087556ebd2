/* SPDX-License-Identifier: MIT */
/*
 * front/wait.h - waiting calls that a collection must not lengthen or end.
 *
 * The signal that stops a thread breaks off its system call.  Most of them
 * the kernel or the handler begins again.  A call that waits for a span of
 * time would then wait for all of it once more, so for these the handler
 * leaves EINTR and says in the thread's record that it was us:
 *
 *   wrapper                                  stop handler
 *   deadline = now + timeout
 *   wait_sp = here
 *   real call  <---------------------------  wait_interrupted = 1
 *   EINTR, and wait_interrupted?  real call with the time that is left
 *   wait_sp = 0
 *
 * An EINTR of the program's own handlers is passed on: the stop handler does
 * not claim a call that another signal has broken off, or is about to.
 *
 * A wait that a handler jumps out of leaves its mark; calls made from elsewhere
 * on the stack are not taken for it.
 *
 * A call that is not broken off costs two stores and one reading of the clock
 * (none where it waits for ever or not at all).  The real function is glibc's
 * (or the next one's that interposes it), so it is a cancellation point and
 * checks its arguments as before.
 *
 * Who comes in: the program.  Calls: front/deadline, front/real.  Locks: none.
 */
#ifndef CGC_FRONT_WAIT_H
#define CGC_FRONT_WAIT_H

#include <poll.h>
#include <signal.h>

/* What compilers call with _FORTIFY_SOURCE. */
int __poll_chk(struct pollfd *fds, nfds_t n, int timeout_ms, size_t size);
int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
                const sigset_t *mask, size_t size);

#endif
