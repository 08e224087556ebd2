/* SPDX-License-Identifier: MIT */
/*
 * world/stop, os/signal: no system call shows a stop, and a signal of the
 * program's that comes during one ends the call that it is meant to end.
 */
#include "world/stop.h"

#include "threads.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>

enum { CALLS = 8 };

static _Atomic int neintr;
static int pipe_fds[2];

static void check_call(long ret) {
  if (ret < 0 && errno == EINTR)
    atomic_fetch_add(&neintr, 1);
}

static void *in_poll(void *arg) {
  struct pollfd p = {.fd = pipe_fds[0], .events = POLLIN};
  (void)arg;
  threads_ready();
  while (!threads_are_done())
    check_call(poll(&p, 1, 5));
  return NULL;
}

static void *in_select(void *arg) {
  (void)arg;
  threads_ready();
  while (!threads_are_done()) {
    struct timeval tv = {0, 4000};
    check_call(select(0, NULL, NULL, NULL, &tv));
  }
  return NULL;
}

static void *in_epoll(void *arg) {
  int ep = epoll_create1(0);
  struct epoll_event ev;
  (void)arg;
  threads_ready();
  while (!threads_are_done())
    check_call(epoll_wait(ep, &ev, 1, 6));
  close(ep);
  return NULL;
}

static void *in_nanosleep(void *arg) {
  struct timespec ts = {0, 3000000};
  (void)arg;
  threads_ready();
  while (!threads_are_done())
    check_call(nanosleep(&ts, NULL));
  return NULL;
}

static void *in_sem(void *arg) {
  sem_t sem;
  (void)arg;
  sem_init(&sem, 0, 0);
  threads_ready();
  while (!threads_are_done()) {
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    ts.tv_nsec += 4000000;
    if (ts.tv_nsec >= 1000000000) {
      ts.tv_sec++;
      ts.tv_nsec -= 1000000000;
    }
    check_call(sem_timedwait(&sem, &ts));
  }
  return NULL;
}

static void *in_recv(void *arg) {
  int pair[2];
  char byte;
  struct timeval tv = {0, 5000};
  (void)arg;
  ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
  threads_ready();
  while (!threads_are_done())
    check_call(recv(pair[0], &byte, 1, 0));
  close(pair[0]);
  close(pair[1]);
  return NULL;
}

static void *in_read(void *arg) {
  char byte;
  (void)arg;
  threads_ready();
  check_call(read(pipe_fds[0], &byte, 1));
  return NULL;
}

static void *in_sigtimedwait(void *arg) {
  sigset_t set;
  struct timespec ts = {0, 4000000};
  (void)arg;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  threads_ready();
  while (!threads_are_done())
    check_call(sigtimedwait(&set, NULL, &ts));
  return NULL;
}

START_TEST(no_call_gives_eintr) {
  void *(*const fns[])(void *) = {in_poll,      in_select,      in_epoll,
                                  in_nanosleep, in_sem,         in_recv,
                                  in_read,      in_sigtimedwait};
  pthread_t threads[CALLS];
  threads_setup();
  ck_assert_int_eq(pipe(pipe_fds), 0);
  for (int i = 0; i < CALLS; i++)
    threads[i] = threads_create(fns[i], NULL);
  threads_wait_ready(CALLS);
  /* Timeouts begin again here (front/wait sees to them): leave them time. */
  threads_stop_for(1500, 1000);
  ck_assert_int_eq(write(pipe_fds[1], "x", 1), 1);
  threads_join_all(threads, CALLS);
  ck_assert_int_eq(neintr, 0);
}
END_TEST

static void *wait_like_a_wrapper(void *arg) {
  struct cgc_mutator *self = cgc_mutator_register();
  struct pollfd p = {.fd = pipe_fds[0], .events = POLLIN};
  self->wait_sp = (uintptr_t)&p;
  threads_ready();
  int n = poll(&p, 1, 2000);
  int error = errno;
  self->wait_sp = 0;
  ck_assert_int_eq(n, -1);
  ck_assert_int_eq(error, EINTR);
  *(_Atomic int *)arg = self->wait_interrupted;
  return NULL;
}

START_TEST(a_wrapped_wait_is_told_of_the_stop) {
  _Atomic int interrupted = 0;
  threads_setup();
  ck_assert_int_eq(pipe(pipe_fds), 0);
  pthread_t thread = threads_create(wait_like_a_wrapper, &interrupted);
  threads_wait_ready(1);
  usleep(20000);
  threads_stop();
  threads_start();
  pthread_join(thread, NULL);
  ck_assert_int_eq(interrupted, 1);
}
END_TEST

/* As a wrapper that a handler has jumped out of leaves the record. */
static CGC_NOINLINE void leave_a_wait(void) {
  volatile char frame[1024];
  frame[0] = 0;
  cgc_self->wait_sp = (uintptr_t)frame;
}

static void *wait_after_another(void *arg) {
  (void)arg;
  cgc_mutator_register();
  leave_a_wait();
  threads_ready();
  ck_assert_int_eq(poll(NULL, 0, 200), 0);
  ck_assert_int_eq(cgc_self->wait_interrupted, 0);
  return NULL;
}

START_TEST(a_wait_that_was_left_is_told_nothing) {
  threads_setup();
  pthread_t thread = threads_create(wait_after_another, NULL);
  threads_wait_ready(1);
  usleep(20000);
  threads_stop();
  threads_start();
  pthread_join(thread, NULL);
}
END_TEST

static _Atomic int nalarms;
static void on_alarm(int sig) {
  (void)sig;
  atomic_fetch_add(&nalarms, 1);
}

static pthread_t waiter;
static _Atomic int waiter_result;
static _Atomic bool waiter_waits;

static void *wait_for_alarm(void *arg) {
  struct pollfd p = {.fd = pipe_fds[0], .events = POLLIN};
  char byte;
  cgc_mutator_register();
  while (!threads_are_done()) {
    atomic_store(&waiter_waits, true);
    long ret = arg ? read(pipe_fds[0], &byte, 1) : poll(&p, 1, -1);
    ck_assert(ret == -1 && errno == EINTR);
    atomic_fetch_add(&waiter_result, 1);
  }
  return NULL;
}

/* The signal arrives while the thread is parked, and must end the call. */
static void interrupt_parked(void *how) {
  struct sigaction sa = {.sa_handler = on_alarm};
  threads_setup();
  sigaction(SIGUSR1, &sa, NULL);
  ck_assert_int_eq(pipe(pipe_fds), 0);
  waiter = threads_create(wait_for_alarm, how);
  while (!waiter_waits)
    sched_yield();
  for (int i = 0; i < 100; i++) {
    usleep(2000);
    int before = waiter_result;
    threads_stop();
    if (i == 99)
      atomic_store(&threads_done, true);
    pthread_kill(waiter, SIGUSR1);
    threads_start();
    for (int ms = 0; waiter_result == before && ms < 2000; ms++)
      usleep(1000);
    ck_assert_int_eq(waiter_result, before + 1);
  }
  pthread_join(waiter, NULL);
  ck_assert_int_eq(nalarms, 100);
}

START_TEST(a_signal_during_a_stop_ends_poll) { interrupt_parked(NULL); }
END_TEST

START_TEST(a_signal_during_a_stop_ends_read) { interrupt_parked(pipe_fds); }
END_TEST

int main(void) {
  Suite *s = suite_create("unnoticed");
  TCase *calls = tcase_create("concurrent");
  tcase_set_timeout(calls, 30);
  tcase_add_test(calls, no_call_gives_eintr);
  tcase_add_test(calls, a_wrapped_wait_is_told_of_the_stop);
  tcase_add_test(calls, a_wait_that_was_left_is_told_nothing);
  tcase_add_test(calls, a_signal_during_a_stop_ends_poll);
  tcase_add_test(calls, a_signal_during_a_stop_ends_read);
  suite_add_tcase(s, calls);
  return unit_run(s);
}
