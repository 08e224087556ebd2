/* SPDX-License-Identifier: MIT */
/* Place: sigev_value of timer_create with SIGEV_THREAD.
 * Arises: as with SIGEV_SIGNAL; libc keeps a block of its own in a list and
 * hands its address to the kernel.
 */
#include "chain.h"
#include <signal.h>
#include <time.h>

static struct chain_gate fired = CHAIN_GATE;
static int nlost;

static void notify(union sigval value) {
  nlost += chain_check_named(value.sival_ptr, 0, "value of SIGEV_THREAD");
  chain_gate_add(&fired);
}

CHAIN_FN timer_t make_timer(void) {
  struct sigevent e = {.sigev_notify = SIGEV_THREAD};
  timer_t t;
  e.sigev_value.sival_ptr = chain_make(0);
  e.sigev_notify_function = notify;
  if (timer_create(CLOCK_MONOTONIC, &e, &t))
    chain_die("timer_create");
  return t;
}

int main(void) {
  struct itimerspec soon = {.it_value = {.tv_nsec = 1000}};
  timer_t t = make_timer();
  chain_scrub();
  for (int i = 1; i <= 3; i++) {
    chain_garbage();
    timer_settime(t, 0, &soon, NULL);
    chain_gate_await(&fired, i);
  }
  timer_delete(t);
  return chain_verdict(nlost);
}
