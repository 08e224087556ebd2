/* SPDX-License-Identifier: MIT */
/* Place: none; the program has handlers of its own for every signal that it
 * may have, set before the first allocation and again later.
 * Arises: SIGXCPU, SIGPWR, SIGUSR1 and real-time signals are the program's.
 */
#include "chain.h"
#include <signal.h>

static volatile int count[65];
static struct chain_link *volatile chain;

static void handler(int sig) { count[sig]++; }
static void handler_later(int sig) { count[sig] += 100; }

static bool is_ours(int sig) {
  switch (sig) {
  case SIGKILL:
  case SIGSTOP:
  case SIGSEGV:
  case SIGBUS:
  case SIGILL:
  case SIGFPE:
  case SIGTRAP:
    return false;
  default:
    return sig < 32 || sig >= SIGRTMIN;
  }
}

static void set_all(void (*fn)(int)) {
  struct sigaction sa = {.sa_handler = fn, .sa_flags = SA_RESTART};
  for (int s = 1; s <= 64; s++)
    if (is_ours(s) && sigaction(s, &sa, NULL))
      chain_die("sigaction");
}

/* Raise each signal once; return how many had another effect than HOW. */
static int raise_all(void (*fn)(int), int expected) {
  int nwrong = 0;
  for (int s = 1; s <= 64; s++) {
    struct sigaction now;
    if (!is_ours(s))
      continue;
    kill(getpid(), s);
    if (s % 8 == 0)
      chain_garbage_mib(5);
    sigaction(s, NULL, &now);
    if (count[s] != expected || now.sa_handler != fn) {
      printf("lost: signal %d counted %d, not %d\n", s, count[s], expected);
      nwrong++;
    }
  }
  return nwrong;
}

int main(void) {
  set_all(handler);
  chain = chain_make(0);
  chain_scrub();
  chain_garbage();
  int nwrong = raise_all(handler, 1);
  set_all(handler_later);
  chain_garbage_mib(50);
  nwrong += raise_all(handler_later, 101);
  for (int s = SIGRTMIN; s <= SIGRTMAX; s++)
    nwrong += signal(s, SIG_DFL) != handler_later;
  return chain_verdict(nwrong + chain_check(chain, 0));
}
