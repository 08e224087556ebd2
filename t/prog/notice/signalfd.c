/* SPDX-License-Identifier: MIT */
/* signalfd and sigwait get every signal that the program sends, and no other,
 * though the masks are full and the world is stopped often.
 */
#include "notice.h"
#include <sys/signalfd.h>

enum { NROUNDS = 300 };
static int nwrong;
static volatile int turn;

static void wrong(const char *what, int got) {
  printf("noticed: %s got %d\n", what, got);
  nwrong++;
}

/* Reads SIGUSR1 and SIGRTMIN+3 in turn from a signalfd for all signals. */
static void *fd_reader(void *unused) {
  struct signalfd_siginfo info;
  sigset_t set;
  (void)unused;
  sigfillset(&set);
  sigdelset(&set, SIGUSR2);
  int fd = signalfd(-1, &set, SFD_CLOEXEC);
  for (int i = 0; i < NROUNDS; i++) {
    int expected = i % 2 ? SIGRTMIN + 3 : SIGUSR1;
    ssize_t n = read(fd, &info, sizeof info);
    if (n != sizeof info)
      wrong("read of a signalfd: errno", errno);
    else if ((int)info.ssi_signo != expected)
      wrong("signalfd", (int)info.ssi_signo);
    turn = i + 1;
  }
  close(fd);
  return NULL;
}

static void *sig_waiter(void *unused) {
  sigset_t set;
  (void)unused;
  sigfillset(&set);
  sigdelset(&set, SIGUSR1);
  sigdelset(&set, SIGRTMIN + 3);
  for (int i = 0; i < NROUNDS; i++) {
    int sig = 0, error = sigwait(&set, &sig);
    if (error || sig != SIGUSR2)
      wrong("sigwait", error ? -error : sig);
    turn = NROUNDS + i + 1;
  }
  return NULL;
}

/* Send SIG by number I and wait until it was received. */
static void send(int sig, int target) {
  kill(getpid(), sig);
  while (turn < target)
    sched_yield();
}

int main(void) {
  sigset_t full;
  sigfillset(&full);
  pthread_sigmask(SIG_SETMASK, &full, NULL);
  pthread_t g = notice_start(notice_garbage_main, NULL);
  pthread_t t = notice_start(fd_reader, NULL);
  for (int i = 0; i < NROUNDS; i++)
    send(i % 2 ? SIGRTMIN + 3 : SIGUSR1, i + 1);
  pthread_join(t, NULL);
  t = notice_start(sig_waiter, NULL);
  for (int i = 0; i < NROUNDS; i++)
    send(SIGUSR2, NROUNDS + i + 1);
  pthread_join(t, NULL);
  notice_stop = 1;
  pthread_join(g, NULL);
  return chain_verdict(nwrong);
}
