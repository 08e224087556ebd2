/* SPDX-License-Identifier: MIT */
/*
 * front/watch.h - calls that hand a pointer to the kernel for keeping.
 *
 * A program may keep the only pointer to an object in an epoll registration,
 * a timer or a queued signal.  These calls are interposed to note the word in
 * world/kernel, where it is a root:
 *
 *   epoll_ctl          ADD, MOD note data under (epfd, fd), DEL drops it
 *   close, dup2, dup3  drop what was noted for the descriptor that ends
 *   timer_create       notes the sigval until timer_delete
 *   mq_notify          notes the sigval until the next mq_notify, or close
 *   sigqueue, pthread_sigqueue   to this process: the last values are noted
 *
 * Where a descriptor ends in another way (fclose, close_range, exec) the word
 * stays noted until the number is registered again: it may keep an object
 * alive for too long, never lose one.  What is dropped on close() although a
 * duplicate of the descriptor keeps the registration in the kernel is lost;
 * epoll(7) warns programs of that case, which ends badly without us, too.
 *
 * The real functions are called as they were, so they are cancellation points
 * and set errno as before.
 *
 * Who comes in: the program.  Calls: front/init, world/kernel.
 * Locks: none here.
 */
#ifndef CGC_FRONT_WATCH_H
#define CGC_FRONT_WATCH_H

#include <mqueue.h>
#include <signal.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#endif
