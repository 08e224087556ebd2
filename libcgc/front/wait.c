/* SPDX-License-Identifier: MIT */
#include "front/wait.h"

#include "front/real.h"
#include "os/thread.h"
#include "world/mutator.h"

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

/* ---- one wait ------------------------------------------------------------ */

enum { NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

struct wait {
  struct cgc_mutator *self;
  uint64_t deadline_ns; /* CLOCK_MONOTONIC; 0: there is none */
  int ms;               /* what is left, for calls that take milliseconds */
  struct timespec left; /* and for those that take a timespec */
};

static inline void begin(struct wait *w) {
  w->deadline_ns = 0;
  w->self = cgc_self;
  if (!w->self)
    return;
  /* A handler of the program's in another wait, or one that was jumped out
   * of: what that one was told does not count for us. */
  if (cgc_unlikely(w->self->wait_active))
    w->self->wait_interrupted = 0;
  w->self->wait_active = 1;
}

static inline void end(struct wait *w) {
  if (!w->self)
    return;
  w->self->wait_active = 0;
  if (cgc_unlikely(w->self->wait_interrupted)) /* I1 */
    w->self->wait_interrupted = 0;
}

static inline void begin_ms(struct wait *w, int ms) {
  begin(w);
  w->ms = ms;
  if (ms > 0 && w->self)
    w->deadline_ns = cgc_thread_now_ns() + (uint64_t)ms * NS_PER_MS;
}

/* Timeouts that the real call will refuse, or centuries, have no deadline. */
static bool is_span(const struct timespec *ts) {
  return ts->tv_sec >= 0 && ts->tv_sec < INT32_MAX && ts->tv_nsec >= 0 &&
         ts->tv_nsec < NS_PER_S && (ts->tv_sec || ts->tv_nsec);
}

static inline void begin_span(struct wait *w, const struct timespec *ts) {
  begin(w);
  if (!ts)
    return;
  w->left = *ts;
  if (w->self && is_span(ts))
    w->deadline_ns = cgc_thread_now_ns() + (uint64_t)ts->tv_sec * NS_PER_S +
                     (uint64_t)ts->tv_nsec;
}

static CGC_COLD void update_left(struct wait *w) {
  uint64_t now = cgc_thread_now_ns();
  uint64_t ns = w->deadline_ns > now ? w->deadline_ns - now : 0;
  w->ms = (int)((ns + NS_PER_MS - 1) / NS_PER_MS);
  w->left.tv_sec = (time_t)(ns / NS_PER_S);
  w->left.tv_nsec = (long)(ns % NS_PER_S);
}

/* The call gave ERROR: whether it was our doing and has to be repeated. */
static bool again_after(struct wait *w, int error) {
  if (error != EINTR || !w->self || !w->self->wait_interrupted)
    return false;
  w->self->wait_interrupted = 0;
  if (w->deadline_ns)
    update_left(w);
  return true;
}

/* The call gave RESULT and errno. */
static inline bool again(struct wait *w, long result) {
  return cgc_unlikely(result < 0) && again_after(w, errno);
}

/* What is left, or no timeout where the program gave none. */
static inline struct timespec *left(struct wait *w,
                                    const struct timespec *timeout) {
  return timeout ? &w->left : NULL;
}

/* ---- poll, select, epoll ------------------------------------------------- */

CGC_PUBLIC int poll(struct pollfd *fds, nfds_t n, int timeout_ms) {
  struct wait w;
  int result;
  begin_ms(&w, timeout_ms);
  do
    result = CGC_CALL_REAL(poll)(fds, n, w.ms);
  while (again(&w, result));
  end(&w);
  return result;
}

CGC_PUBLIC int __poll_chk(struct pollfd *fds, nfds_t n, int timeout_ms,
                          size_t size) {
  struct wait w;
  int result;
  begin_ms(&w, timeout_ms);
  do
    result = CGC_CALL_REAL(__poll_chk)(fds, n, w.ms, size);
  while (again(&w, result));
  end(&w);
  return result;
}

CGC_PUBLIC int ppoll(struct pollfd *fds, nfds_t n,
                     const struct timespec *timeout, const sigset_t *mask) {
  struct wait w;
  int result;
  begin_span(&w, timeout);
  do
    result = CGC_CALL_REAL(ppoll)(fds, n, left(&w, timeout), mask);
  while (again(&w, result));
  end(&w);
  return result;
}

CGC_PUBLIC int __ppoll_chk(struct pollfd *fds, nfds_t n,
                           const struct timespec *timeout, const sigset_t *mask,
                           size_t size) {
  struct wait w;
  int result;
  begin_span(&w, timeout);
  do
    result = CGC_CALL_REAL(__ppoll_chk)(fds, n, left(&w, timeout), mask, size);
  while (again(&w, result));
  end(&w);
  return result;
}

/*
 * select() tells in *TIMEOUT what is left, so the program's own variable is
 * what the real call gets, each time.
 */
CGC_PUBLIC int select(int n, fd_set *in, fd_set *out, fd_set *except,
                      struct timeval *timeout) {
  struct wait w;
  struct timespec span = {0};
  int result;
  if (timeout && timeout->tv_usec >= 0 && timeout->tv_usec < 1000000)
    span = (struct timespec){timeout->tv_sec, timeout->tv_usec * 1000};
  begin_span(&w, timeout ? &span : NULL);
  for (;;) {
    result = CGC_CALL_REAL(select)(n, in, out, except, timeout);
    if (!again(&w, result))
      break;
    if (w.deadline_ns)
      *timeout = (struct timeval){w.left.tv_sec, w.left.tv_nsec / 1000};
  }
  end(&w);
  return result;
}

CGC_PUBLIC int pselect(int n, fd_set *in, fd_set *out, fd_set *except,
                       const struct timespec *timeout, const sigset_t *mask) {
  struct wait w;
  int result;
  begin_span(&w, timeout);
  do
    result =
        CGC_CALL_REAL(pselect)(n, in, out, except, left(&w, timeout), mask);
  while (again(&w, result));
  end(&w);
  return result;
}

CGC_PUBLIC int epoll_wait(int epfd, struct epoll_event *events, int max,
                          int timeout_ms) {
  struct wait w;
  int result;
  begin_ms(&w, timeout_ms);
  do
    result = CGC_CALL_REAL(epoll_wait)(epfd, events, max, w.ms);
  while (again(&w, result));
  end(&w);
  return result;
}

CGC_PUBLIC int epoll_pwait(int epfd, struct epoll_event *events, int max,
                           int timeout_ms, const sigset_t *mask) {
  struct wait w;
  int result;
  begin_ms(&w, timeout_ms);
  do
    result = CGC_CALL_REAL(epoll_pwait)(epfd, events, max, w.ms, mask);
  while (again(&w, result));
  end(&w);
  return result;
}

CGC_PUBLIC int epoll_pwait2(int epfd, struct epoll_event *events, int max,
                            const struct timespec *timeout,
                            const sigset_t *mask) {
  struct wait w;
  int result;
  begin_span(&w, timeout);
  do
    result =
        CGC_CALL_REAL(epoll_pwait2)(epfd, events, max, left(&w, timeout), mask);
  while (again(&w, result));
  end(&w);
  return result;
}

/* ---- sleep --------------------------------------------------------------- */

CGC_PUBLIC int nanosleep(const struct timespec *span, struct timespec *rest) {
  struct wait w;
  int result;
  begin_span(&w, span);
  do
    result = CGC_CALL_REAL(nanosleep)(left(&w, span), rest);
  while (again(&w, result));
  end(&w);
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
  struct wait w;
  struct timespec kernels;
  int error;
  begin_span(&w, span);
  for (;;) {
    error =
        CGC_CALL_REAL(clock_nanosleep)(clock, flags, left(&w, span), &kernels);
    if (!again_after(&w, error))
      break;
    if (!is_wall_clock(clock))
      w.left = kernels;
  }
  end(&w);
  if (error == EINTR && rest)
    *rest = kernels;
  return error;
}

static int sleep_until(clockid_t clock, int flags, const struct timespec *time,
                       struct timespec *rest) {
  struct wait w;
  int error;
  begin(&w);
  do
    error = CGC_CALL_REAL(clock_nanosleep)(clock, flags, time, rest);
  while (again_after(&w, error));
  end(&w);
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
  struct wait w;
  int result;
  begin(&w);
  do
    result = CGC_CALL_REAL(sem_wait)(sem);
  while (again(&w, result));
  end(&w);
  return result;
}

CGC_PUBLIC int sem_timedwait(sem_t *sem, const struct timespec *time) {
  struct wait w;
  int result;
  begin(&w);
  do
    result = CGC_CALL_REAL(sem_timedwait)(sem, time);
  while (again(&w, result));
  end(&w);
  return result;
}

CGC_PUBLIC int sem_clockwait(sem_t *sem, clockid_t clock,
                             const struct timespec *time) {
  struct wait w;
  int result;
  begin(&w);
  do
    result = CGC_CALL_REAL(sem_clockwait)(sem, clock, time);
  while (again(&w, result));
  end(&w);
  return result;
}

CGC_PUBLIC int sigtimedwait(const sigset_t *set, siginfo_t *info,
                            const struct timespec *timeout) {
  struct wait w;
  int result;
  begin_span(&w, timeout);
  do
    result = CGC_CALL_REAL(sigtimedwait)(set, info, left(&w, timeout));
  while (again(&w, result));
  end(&w);
  return result;
}

CGC_PUBLIC int sigwaitinfo(const sigset_t *set, siginfo_t *info) {
  struct wait w;
  int result;
  begin(&w);
  do
    result = CGC_CALL_REAL(sigwaitinfo)(set, info);
  while (again(&w, result));
  end(&w);
  return result;
}

CGC_PUBLIC ssize_t msgrcv(int queue, void *msg, size_t size, long type,
                          int flags) {
  struct wait w;
  ssize_t result;
  begin(&w);
  do
    result = CGC_CALL_REAL(msgrcv)(queue, msg, size, type, flags);
  while (again(&w, result));
  end(&w);
  return result;
}

CGC_PUBLIC int msgsnd(int queue, const void *msg, size_t size, int flags) {
  struct wait w;
  int result;
  begin(&w);
  do
    result = CGC_CALL_REAL(msgsnd)(queue, msg, size, flags);
  while (again(&w, result));
  end(&w);
  return result;
}

CGC_PUBLIC int semop(int set, struct sembuf *ops, size_t n) {
  struct wait w;
  int result;
  begin(&w);
  do
    result = CGC_CALL_REAL(semop)(set, ops, n);
  while (again(&w, result));
  end(&w);
  return result;
}

CGC_PUBLIC int semtimedop(int set, struct sembuf *ops, size_t n,
                          const struct timespec *timeout) {
  struct wait w;
  int result;
  begin_span(&w, timeout);
  do
    result = CGC_CALL_REAL(semtimedop)(set, ops, n, left(&w, timeout));
  while (again(&w, result));
  end(&w);
  return result;
}

CGC_PUBLIC int aio_suspend(const struct aiocb *const list[], int n,
                           const struct timespec *timeout) {
  struct wait w;
  int result;
  begin_span(&w, timeout);
  do
    result = CGC_CALL_REAL(aio_suspend)(list, n, left(&w, timeout));
  while (again(&w, result));
  end(&w);
  return result;
}

CGC_PUBLIC int aio_suspend64(const struct aiocb64 *const list[], int n,
                             const struct timespec *timeout) {
  struct wait w;
  int result;
  begin_span(&w, timeout);
  do
    result = CGC_CALL_REAL(aio_suspend64)(list, n, left(&w, timeout));
  while (again(&w, result));
  end(&w);
  return result;
}
