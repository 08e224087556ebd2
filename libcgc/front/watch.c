/* SPDX-License-Identifier: MIT */
#include "front/watch.h"

#include "front/init.h"
#include "front/real.h"
#include "world/kernel.h"
#include "world/mutator.h"

#include <errno.h>
#include <pthread.h>

CGC_REAL(epoll_ctl)
CGC_REAL(close)
CGC_REAL(dup2)
CGC_REAL(dup3)
CGC_REAL(timer_create)
CGC_REAL(timer_delete)
CGC_REAL(mq_notify)
CGC_REAL(mq_close)
CGC_REAL(sigqueue)
CGC_REAL(pthread_sigqueue)

/* ---- noting -------------------------------------------------------------- */

/*
 * The record, busy, or NULL.  In a handler that interrupted the allocator
 * nothing can be noted or dropped: the table's lock may be this thread's own.
 */
static struct cgc_mutator *enter(void) {
  struct cgc_mutator *self = cgc_init_thread();
  return self && cgc_mutator_enter(self) ? self : NULL;
}

static void note(enum cgc_kernel_kind kind, uint64_t key, union sigval value) {
  int saved = errno;
  struct cgc_mutator *self = enter();
  if (self) {
    cgc_kernel_set(kind, key, (uintptr_t)value.sival_ptr);
    cgc_mutator_leave(self);
  }
  errno = saved;
}

static void drop(enum cgc_kernel_kind kind, uint64_t key) {
  int saved = errno;
  struct cgc_mutator *self = enter();
  if (self) {
    cgc_kernel_drop(kind, key);
    cgc_mutator_leave(self);
  }
  errno = saved;
}

/* FD is about to end; before, since its number may be in use right after. */
static void drop_fd(int fd) {
  if (cgc_likely(!cgc_kernel_has_fds()))
    return;
  int saved = errno;
  struct cgc_mutator *self = enter();
  if (self) {
    cgc_kernel_drop_fd(fd);
    cgc_mutator_leave(self);
  }
  errno = saved;
}

/* ---- epoll and descriptors ----------------------------------------------- */

/* The event stands in the caller's memory until it is noted. */
CGC_PUBLIC int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event) {
  int result = CGC_CALL_REAL(epoll_ctl)(epfd, op, fd, event);
  uint64_t key = cgc_kernel_epoll_key(epfd, fd);
  if (result != 0)
    return result;
  if (op == EPOLL_CTL_DEL)
    drop(CGC_KERNEL_EPOLL, key);
  else
    note(CGC_KERNEL_EPOLL, key, (union sigval){.sival_ptr = event->data.ptr});
  return result;
}

CGC_PUBLIC int close(int fd) {
  drop_fd(fd);
  return CGC_CALL_REAL(close)(fd);
}

/* Nothing ends where both are one, or where there is nothing to duplicate. */
CGC_PUBLIC int dup2(int fd, int target) {
  int result = CGC_CALL_REAL(dup2)(fd, target);
  if (result >= 0 && fd != target)
    drop_fd(target);
  return result;
}

CGC_PUBLIC int dup3(int fd, int target, int flags) {
  int result = CGC_CALL_REAL(dup3)(fd, target, flags);
  if (result >= 0)
    drop_fd(target);
  return result;
}

/* ---- timers, message queues, signals ------------------------------------- */

/* With SIGEV_THREAD libc keeps the value in its own memory. */
static bool is_signal(const struct sigevent *event) {
  return event && (event->sigev_notify == SIGEV_SIGNAL ||
                   event->sigev_notify == SIGEV_THREAD_ID);
}

CGC_PUBLIC int timer_create(clockid_t clock, struct sigevent *restrict event,
                            timer_t *restrict timer) {
  int result = CGC_CALL_REAL(timer_create)(clock, event, timer);
  if (result == 0 && is_signal(event))
    note(CGC_KERNEL_TIMER, (uintptr_t)*timer, event->sigev_value);
  return result;
}

CGC_PUBLIC int timer_delete(timer_t timer) {
  int result = CGC_CALL_REAL(timer_delete)(timer);
  if (result == 0)
    drop(CGC_KERNEL_TIMER, (uintptr_t)timer);
  return result;
}

CGC_PUBLIC int mq_notify(mqd_t queue, const struct sigevent *event) {
  int result = CGC_CALL_REAL(mq_notify)(queue, event);
  if (result != 0)
    return result;
  if (is_signal(event))
    note(CGC_KERNEL_OTHER, (uint32_t)queue, event->sigev_value);
  else
    drop(CGC_KERNEL_OTHER, (uint32_t)queue);
  return result;
}

CGC_PUBLIC int mq_close(mqd_t queue) {
  int result = CGC_CALL_REAL(mq_close)(queue);
  if (result == 0)
    drop(CGC_KERNEL_OTHER, (uint32_t)queue);
  return result;
}

static void note_sent(union sigval value) {
  int saved = errno;
  struct cgc_mutator *self = enter();
  if (self) {
    cgc_kernel_sent((uintptr_t)value.sival_ptr);
    cgc_mutator_leave(self);
  }
  errno = saved;
}

CGC_PUBLIC int sigqueue(pid_t pid, int sig, union sigval value) {
  if (pid == getpid())
    note_sent(value);
  return CGC_CALL_REAL(sigqueue)(pid, sig, value);
}

CGC_PUBLIC int pthread_sigqueue(pthread_t thread, int sig,
                                const union sigval value) {
  note_sent(value);
  return CGC_CALL_REAL(pthread_sigqueue)(thread, sig, value);
}
