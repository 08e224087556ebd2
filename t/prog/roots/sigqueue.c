/* SPDX-License-Identifier: MIT */
/* Place: the value of a signal that was queued and not yet delivered, to the
 * process and to a thread.
 * Arises: sigqueue and pthread_sigqueue; only the kernel has it.
 */
#include "chain.h"
#include <signal.h>

CHAIN_FN void keep(void) {
  union sigval value;
  value.sival_ptr = chain_make(0);
  if (sigqueue(getpid(), SIGRTMIN + 1, value))
    chain_die("sigqueue");
  value.sival_ptr = chain_make(1);
  if (pthread_sigqueue(pthread_self(), SIGRTMIN + 2, value))
    chain_die("pthread_sigqueue");
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
  keep();
  chain_scrub();
  chain_garbage();
  return chain_verdict(receive(SIGRTMIN + 1, 0, "value of sigqueue") +
                       receive(SIGRTMIN + 2, 1, "value of pthread_sigqueue"));
}
