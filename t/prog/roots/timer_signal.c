/* SPDX-License-Identifier: MIT */
/* Place: sigev_value of timer_create with SIGEV_SIGNAL, not yet fired, and
 * fired but pending.
 * Arises: timers that carry their object; only the kernel has it.
 */
#include "chain.h"
#include <signal.h>
#include <time.h>

CHAIN_FN timer_t make_timer(int sig, unsigned id) {
  struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = sig};
  timer_t t;
  e.sigev_value.sival_ptr = chain_make(id);
  if (timer_create(CLOCK_MONOTONIC, &e, &t))
    chain_die("timer_create");
  return t;
}

CHAIN_FN void arm(timer_t t) {
  struct itimerspec soon = {.it_value = {.tv_nsec = 1000}};
  timer_settime(t, 0, &soon, NULL);
}

CHAIN_FN int receive(int sig, unsigned id, const char *name) {
  sigset_t set;
  siginfo_t info;
  sigemptyset(&set);
  sigaddset(&set, sig);
  if (sigwaitinfo(&set, &info) != sig)
    chain_die("sigwaitinfo");
  return chain_check_named(info.si_value.sival_ptr, id, name);
}

int main(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN + 1);
  sigaddset(&set, SIGRTMIN + 2);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  timer_t late = make_timer(SIGRTMIN + 1, 0);
  timer_t early = make_timer(SIGRTMIN + 2, 1);
  arm(early);
  chain_scrub();
  chain_garbage();
  arm(late);
  return chain_verdict(receive(SIGRTMIN + 1, 0, "value of an idle timer") +
                       receive(SIGRTMIN + 2, 1, "value of a pending signal"));
}
