/* SPDX-License-Identifier: MIT */
/* A handler jumps out of a wait, as programs did before there was ppoll.  What
 * then waits without a timeout is not ended by the collector's stops, wherever
 * on the stack it is.
 */
#include "notice.h"
#include <poll.h>
#include <setjmp.h>
#include <sys/time.h>

static sigjmp_buf out;
static volatile int came, returned;

static void on_alarm(int sig) {
  (void)sig;
  siglongjmp(out, 1);
}

static void on_signal(int sig) {
  (void)sig;
  came = 1;
}

/* SIGALRM is for this thread, and only here. */
static void set_alarm_mask(int how) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGALRM);
  pthread_sigmask(how, &set, NULL);
}

static void jump_out_of_poll(void) {
  struct itimerval soon = {.it_value = {0, 5000}};
  if (sigsetjmp(out, 1))
    return;
  set_alarm_mask(SIG_UNBLOCK);
  setitimer(ITIMER_REAL, &soon, NULL);
  poll(NULL, 0, -1);
  chain_die("poll");
}

/* Return whether it waited for the signal. */
static int by_pause(void) { return pause() == -1 && came; }

static int by_sigsuspend(void) {
  sigset_t none;
  sigemptyset(&none);
  return sigsuspend(&none) == -1 && came;
}

/* From further down the stack than poll was called from. */
static __attribute__((noinline)) int deeper(int (*wait)(void)) {
  volatile char room[1000];
  room[0] = 1;
  return wait() && room[0];
}

static void *signal_later(void *main_thread) {
  struct timespec span = {0, 300000000};
  do {
    clock_nanosleep(CLOCK_MONOTONIC, 0, &span, NULL);
    pthread_kill(*(pthread_t *)main_thread, SIGUSR1);
  } while (!returned);
  return NULL;
}

static int try(const char *name, int (*wait)(void), int deep) {
  pthread_t self = pthread_self();
  came = returned = 0;
  jump_out_of_poll();
  pthread_t t = notice_start(signal_later, &self);
  int good = deep ? deeper(wait) : wait();
  returned = 1;
  pthread_join(t, NULL);
  return good ? 0 : printf("noticed: %s returned early\n", name) > 0;
}

int main(void) {
  set_alarm_mask(SIG_BLOCK);
  notice_set_handler(SIGALRM, on_alarm, 0);
  notice_set_handler(SIGUSR1, on_signal, 0);
  pthread_t t = notice_start(notice_garbage_main, NULL);
  int nwrong = try("pause", by_pause, 0) + try("sigsuspend", by_sigsuspend, 0) +
               try("pause, deeper", by_pause, 1) +
               try("sigsuspend, deeper", by_sigsuspend, 1);
  notice_stop = 1;
  pthread_join(t, NULL);
  return chain_verdict(nwrong);
}
