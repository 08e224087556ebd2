/* SPDX-License-Identifier: MIT */
/*
 * front/socket.h - calls on sockets that may have a timeout of their own.
 *
 * With SO_RCVTIMEO or SO_SNDTIMEO the kernel lets a call end with EINTR after
 * any handler, and begun again it would wait for the whole time once more.
 * So these calls do as those of front/wait.  What differs: nearly no socket
 * has a timeout, so the clock is not read before, but at the first
 * interruption by a stop, and the rest is spent in ppoll().  The wait may get
 * longer by the time up to that first interruption.
 *
 * An uninterrupted call costs two stores.  read() is among them, as many use
 * it on sockets.  write() and writev() are for another reason, which those that
 * send share, and those that receive with MSG_WAITALL: a stop in the middle of
 * a blocking one must not cut it short, so the rest is moved by another call.
 *
 * Not here: sendfile, splice and sendmmsg, whose callers are told to expect
 * less than they asked for, and what moves a file's bytes, which no signal
 * breaks off.
 *
 * Who comes in: the program.  Calls: front/deadline, front/real.
 * Locks: none.
 */
#ifndef CGC_FRONT_SOCKET_H
#define CGC_FRONT_SOCKET_H

#include <sys/socket.h>
#include <unistd.h>

/* What compilers call with _FORTIFY_SOURCE. */
ssize_t __read_chk(int fd, void *buf, size_t size, size_t room);
ssize_t __recv_chk(int fd, void *buf, size_t size, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void *buf, size_t size, size_t room, int flags,
                       struct sockaddr *from, socklen_t *len);

#endif
