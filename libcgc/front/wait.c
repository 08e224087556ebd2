/* SPDX-License-Identifier: MIT */
#include "front/wait.h"

#include "front/deadline.h"
#include "front/real.h"

#include <aio.h>
#include <errno.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

CGC_REAL(poll)
CGC_REAL(ppoll)
CGC_REAL(__poll_chk)
CGC_REAL(__ppoll_chk)
CGC_REAL(select)
CGC_REAL(pselect)
CGC_REAL(epoll_wait)
CGC_REAL(epoll_pwait)
CGC_REAL(epoll_pwait2)
CGC_REAL(nanosleep)
CGC_REAL(clock_nanosleep)
CGC_REAL(sem_wait)
CGC_REAL(sem_timedwait)
CGC_REAL(sem_clockwait)
CGC_REAL(sigtimedwait)
CGC_REAL(sigwaitinfo)
CGC_REAL(msgrcv)
CGC_REAL(msgsnd)
CGC_REAL(semop)
CGC_REAL(semtimedop)
CGC_REAL(aio_suspend)
CGC_REAL(aio_suspend64)

/* ---- poll, select, epoll ------------------------------------------------- */

CGC_PUBLIC int poll(struct pollfd *fds, nfds_t n, int timeout_ms) {
  struct cgc_deadline w;
  int result;
  cgc_deadline_begin_ms(&w, timeout_ms);
  do
    result = CGC_CALL_REAL(poll)(fds, n, w.ms);
  while (cgc_deadline_again(&w, result));
  cgc_deadline_end(&w);
  return result;
}

CGC_PUBLIC int __poll_chk(struct pollfd *fds, nfds_t n, int timeout_ms,
                          size_t size) {
  struct cgc_deadline w;
  int result;
  cgc_deadline_begin_ms(&w, timeout_ms);
  do
    result = CGC_CALL_REAL(__poll_chk)(fds, n, w.ms, size);
  while (cgc_deadline_again(&w, result));
  cgc_deadline_end(&w);
  return result;
}

CGC_PUBLIC int ppoll(struct pollfd *fds, nfds_t n,
                     const struct timespec *timeout, const sigset_t *mask) {
  struct cgc_deadline w;
  int result;
  cgc_deadline_begin_span(&w, timeout);
  do
    result = CGC_CALL_REAL(ppoll)(fds, n, cgc_deadline_left(&w, timeout), mask);
  while (cgc_deadline_again(&w, result));
  cgc_deadline_end(&w);
  return result;
}

CGC_PUBLIC int __ppoll_chk(struct pollfd *fds, nfds_t n,
                           const struct timespec *timeout, const sigset_t *mask,
                           size_t size) {
  struct cgc_deadline w;
  int result;
  cgc_deadline_begin_span(&w, timeout);
  do
    result = CGC_CALL_REAL(__ppoll_chk)(fds, n, cgc_deadline_left(&w, timeout),
                                        mask, size);
  while (cgc_deadline_again(&w, result));
  cgc_deadline_end(&w);
  return result;
}

/*
 * select() tells in *TIMEOUT what is left, so the program's own variable is
 * what the real call gets, each time.
 */
CGC_PUBLIC int select(int n, fd_set *in, fd_set *out, fd_set *except,
                      struct timeval *timeout) {
  struct cgc_deadline w;
  struct timespec span = {0};
  int result;
  if (timeout && timeout->tv_usec >= 0 && timeout->tv_usec < 1000000)
    span = (struct timespec){timeout->tv_sec, timeout->tv_usec * 1000};
  cgc_deadline_begin_span(&w, timeout ? &span : NULL);
  for (;;) {
    result = CGC_CALL_REAL(select)(n, in, out, except, timeout);
    if (!cgc_deadline_again(&w, result))
      break;
    if (w.deadline_ns)
      *timeout = (struct timeval){w.left.tv_sec, w.left.tv_nsec / 1000};
  }
  cgc_deadline_end(&w);
  return result;
}

CGC_PUBLIC int pselect(int n, fd_set *in, fd_set *out, fd_set *except,
                       const struct timespec *timeout, const sigset_t *mask) {
  struct cgc_deadline w;
  int result;
  cgc_deadline_begin_span(&w, timeout);
  do
    result = CGC_CALL_REAL(pselect)(n, in, out, except,
                                    cgc_deadline_left(&w, timeout), mask);
  while (cgc_deadline_again(&w, result));
  cgc_deadline_end(&w);
  return result;
}

CGC_PUBLIC int epoll_wait(int epfd, struct epoll_event *events, int max,
                          int timeout_ms) {
  struct cgc_deadline w;
  int result;
  cgc_deadline_begin_ms(&w, timeout_ms);
  do
    result = CGC_CALL_REAL(epoll_wait)(epfd, events, max, w.ms);
  while (cgc_deadline_again(&w, result));
  cgc_deadline_end(&w);
  return result;
}

CGC_PUBLIC int epoll_pwait(int epfd, struct epoll_event *events, int max,
                           int timeout_ms, const sigset_t *mask) {
  struct cgc_deadline w;
  int result;
  cgc_deadline_begin_ms(&w, timeout_ms);
  do
    result = CGC_CALL_REAL(epoll_pwait)(epfd, events, max, w.ms, mask);
  while (cgc_deadline_again(&w, result));
  cgc_deadline_end(&w);
  return result;
}

CGC_PUBLIC int epoll_pwait2(int epfd, struct epoll_event *events, int max,
                            const struct timespec *timeout,
                            const sigset_t *mask) {
  struct cgc_deadline w;
  int result;
  cgc_deadline_begin_span(&w, timeout);
  do
    result = CGC_CALL_REAL(epoll_pwait2)(epfd, events, max,
                                         cgc_deadline_left(&w, timeout), mask);
  while (cgc_deadline_again(&w, result));
  cgc_deadline_end(&w);
  return result;
}

/* ---- sleep --------------------------------------------------------------- */

CGC_PUBLIC int nanosleep(const struct timespec *span, struct timespec *rest) {
  struct cgc_deadline w;
  int result;
  cgc_deadline_begin_span(&w, span);
  do
    result = CGC_CALL_REAL(nanosleep)(cgc_deadline_left(&w, span), rest);
  while (cgc_deadline_again(&w, result));
  cgc_deadline_end(&w);
  return result;
}

/* Whether a span of CLOCK is as long as one of CLOCK_MONOTONIC. */
static bool is_wall_clock(clockid_t clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC ||
         clock == CLOCK_BOOTTIME || clock == CLOCK_TAI;
}

/* The result is the error. */
static int sleep_for(clockid_t clock, int flags, const struct timespec *span,
                     struct timespec *rest) {
  struct cgc_deadline w;
  struct timespec kernels;
  int error;
  cgc_deadline_begin_span(&w, span);
  for (;;) {
    error = CGC_CALL_REAL(clock_nanosleep)(
        clock, flags, cgc_deadline_left(&w, span), &kernels);
    if (!cgc_deadline_again_after(&w, error))
      break;
    if (!is_wall_clock(clock))
      w.left = kernels;
  }
  cgc_deadline_end(&w);
  if (error == EINTR && rest)
    *rest = kernels;
  return error;
}

static int sleep_until(clockid_t clock, int flags, const struct timespec *time,
                       struct timespec *rest) {
  struct cgc_deadline w;
  int error;
  cgc_deadline_begin(&w);
  do
    error = CGC_CALL_REAL(clock_nanosleep)(clock, flags, time, rest);
  while (cgc_deadline_again_after(&w, error));
  cgc_deadline_end(&w);
  return error;
}

CGC_PUBLIC int clock_nanosleep(clockid_t clock, int flags,
                               const struct timespec *time,
                               struct timespec *rest) {
  return flags & TIMER_ABSTIME ? sleep_until(clock, flags, time, rest)
                               : sleep_for(clock, flags, time, rest);
}

CGC_PUBLIC int usleep(useconds_t us) {
  struct timespec span = {us / 1000000, (long)(us % 1000000) * 1000};
  return nanosleep(&span, NULL);
}

/* Whole seconds left if a handler ran; errno is kept otherwise. */
CGC_PUBLIC unsigned sleep(unsigned seconds) {
  struct timespec span = {seconds, 0};
  int saved = errno;
  if (nanosleep(&span, &span) < 0)
    return (unsigned)span.tv_sec;
  errno = saved;
  return 0;
}

CGC_PUBLIC int thrd_sleep(const struct timespec *span, struct timespec *rest) {
  int error = clock_nanosleep(CLOCK_REALTIME, 0, span, rest);
  return error == 0 ? 0 : error == EINTR ? -1 : -2;
}

/* ---- semaphores, messages, signals --------------------------------------- */

CGC_PUBLIC int sem_wait(sem_t *sem) {
  struct cgc_deadline w;
  int result;
  cgc_deadline_begin(&w);
  do
    result = CGC_CALL_REAL(sem_wait)(sem);
  while (cgc_deadline_again(&w, result));
  cgc_deadline_end(&w);
  return result;
}

CGC_PUBLIC int sem_timedwait(sem_t *sem, const struct timespec *time) {
  struct cgc_deadline w;
  int result;
  cgc_deadline_begin(&w);
  do
    result = CGC_CALL_REAL(sem_timedwait)(sem, time);
  while (cgc_deadline_again(&w, result));
  cgc_deadline_end(&w);
  return result;
}

CGC_PUBLIC int sem_clockwait(sem_t *sem, clockid_t clock,
                             const struct timespec *time) {
  struct cgc_deadline w;
  int result;
  cgc_deadline_begin(&w);
  do
    result = CGC_CALL_REAL(sem_clockwait)(sem, clock, time);
  while (cgc_deadline_again(&w, result));
  cgc_deadline_end(&w);
  return result;
}

CGC_PUBLIC int sigtimedwait(const sigset_t *set, siginfo_t *info,
                            const struct timespec *timeout) {
  struct cgc_deadline w;
  int result;
  cgc_deadline_begin_span(&w, timeout);
  do
    result =
        CGC_CALL_REAL(sigtimedwait)(set, info, cgc_deadline_left(&w, timeout));
  while (cgc_deadline_again(&w, result));
  cgc_deadline_end(&w);
  return result;
}

CGC_PUBLIC int sigwaitinfo(const sigset_t *set, siginfo_t *info) {
  struct cgc_deadline w;
  int result;
  cgc_deadline_begin(&w);
  do
    result = CGC_CALL_REAL(sigwaitinfo)(set, info);
  while (cgc_deadline_again(&w, result));
  cgc_deadline_end(&w);
  return result;
}

CGC_PUBLIC ssize_t msgrcv(int queue, void *msg, size_t size, long type,
                          int flags) {
  struct cgc_deadline w;
  ssize_t result;
  cgc_deadline_begin(&w);
  do
    result = CGC_CALL_REAL(msgrcv)(queue, msg, size, type, flags);
  while (cgc_deadline_again(&w, result));
  cgc_deadline_end(&w);
  return result;
}

CGC_PUBLIC int msgsnd(int queue, const void *msg, size_t size, int flags) {
  struct cgc_deadline w;
  int result;
  cgc_deadline_begin(&w);
  do
    result = CGC_CALL_REAL(msgsnd)(queue, msg, size, flags);
  while (cgc_deadline_again(&w, result));
  cgc_deadline_end(&w);
  return result;
}

CGC_PUBLIC int semop(int set, struct sembuf *ops, size_t n) {
  struct cgc_deadline w;
  int result;
  cgc_deadline_begin(&w);
  do
    result = CGC_CALL_REAL(semop)(set, ops, n);
  while (cgc_deadline_again(&w, result));
  cgc_deadline_end(&w);
  return result;
}

CGC_PUBLIC int semtimedop(int set, struct sembuf *ops, size_t n,
                          const struct timespec *timeout) {
  struct cgc_deadline w;
  int result;
  cgc_deadline_begin_span(&w, timeout);
  do
    result =
        CGC_CALL_REAL(semtimedop)(set, ops, n, cgc_deadline_left(&w, timeout));
  while (cgc_deadline_again(&w, result));
  cgc_deadline_end(&w);
  return result;
}

CGC_PUBLIC int aio_suspend(const struct aiocb *const list[], int n,
                           const struct timespec *timeout) {
  struct cgc_deadline w;
  int result;
  cgc_deadline_begin_span(&w, timeout);
  do
    result =
        CGC_CALL_REAL(aio_suspend)(list, n, cgc_deadline_left(&w, timeout));
  while (cgc_deadline_again(&w, result));
  cgc_deadline_end(&w);
  return result;
}

CGC_PUBLIC int aio_suspend64(const struct aiocb64 *const list[], int n,
                             const struct timespec *timeout) {
  struct cgc_deadline w;
  int result;
  cgc_deadline_begin_span(&w, timeout);
  do
    result =
        CGC_CALL_REAL(aio_suspend64)(list, n, cgc_deadline_left(&w, timeout));
  while (cgc_deadline_again(&w, result));
  cgc_deadline_end(&w);
  return result;
}
