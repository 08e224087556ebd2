/* SPDX-License-Identifier: MIT */
/* Place: sigev_value of mq_notify.
 * Arises: as with timers; only the kernel has it.
 */
#include "chain.h"
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>

static mqd_t queue;

CHAIN_FN void keep(void) {
  struct sigevent e = {.sigev_notify = SIGEV_SIGNAL,
                       .sigev_signo = SIGRTMIN + 1};
  e.sigev_value.sival_ptr = chain_make(0);
  if (mq_notify(queue, &e))
    chain_die("mq_notify");
}

int main(void) {
  char name[40];
  sigset_t set;
  siginfo_t info;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN + 1);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  snprintf(name, sizeof name, "/victim-%d", (int)getpid());
  queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL);
  if (queue == (mqd_t)-1)
    return errno == ENOSYS ? 77 : (chain_die("mq_open"), 2);
  mq_unlink(name);
  keep();
  chain_scrub();
  chain_garbage();
  if (mq_send(queue, "x", 1, 0) || sigwaitinfo(&set, &info) != SIGRTMIN + 1)
    chain_die("mq_send");
  return chain_verdict(
      chain_check_named(info.si_value.sival_ptr, 0, "value of mq_notify"));
}
