/* SPDX-License-Identifier: MIT */
/* Place: stacks of threads that block every signal, by pthread_sigmask,
 * sigprocmask, the masks of ppoll, pselect, epoll_pwait and sigsuspend, and
 * sa_mask, waiting and running.
 * Arises: libraries that keep signals from their threads.
 */
#include "chain.h"
#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>

enum { NMODES = 8 };
static const char *const names[NMODES] = {"pthread_sigmask, waiting",
                                          "sigprocmask, waiting",
                                          "ppoll",
                                          "pselect",
                                          "epoll_pwait",
                                          "sigsuspend",
                                          "sa_mask",
                                          "running"};
static sem_t release[2];
static int pipefd[2];
static volatile int stop, handled;
static struct chain_gate ready = CHAIN_GATE;
static sigset_t full;
static pthread_t threads[NMODES];

static int await(sem_t *sem) { return sem_wait(sem) ? errno : 0; }

static void on_usr1(int sig) {
  void *volatile held = chain_make(50);
  char c;
  (void)sig;
  chain_gate_add(&ready);
  if (read(pipefd[0], &c, 1) < 0)
    _exit(2);
  handled = !chain_check_named(held, 50, "handler with a full sa_mask");
}

static void on_usr2(int sig) { (void)sig; }

static int by_epoll(void) {
  struct epoll_event e = {.events = EPOLLIN}, got;
  int ep = epoll_create1(0);
  epoll_ctl(ep, EPOLL_CTL_ADD, pipefd[0], &e);
  int n = epoll_pwait(ep, &got, 1, -1, &full);
  close(ep);
  return n == 1 ? 0 : errno;
}

static int by_select(void) {
  fd_set set;
  FD_ZERO(&set);
  FD_SET(pipefd[0], &set);
  return pselect(pipefd[0] + 1, &set, NULL, NULL, NULL, &full) == 1 ? 0 : errno;
}

static int by_sigsuspend(void) {
  sigset_t mask = full;
  sigdelset(&mask, SIGUSR2);
  return sigsuspend(&mask) == -1 && errno == EINTR ? 0 : 1;
}

/* Wait in the way MODE until main says so; return an errno. */
CHAIN_FN int wait_in(int mode) {
  struct pollfd fd = {pipefd[0], POLLIN, 0};
  if (mode == 6)
    return raise(SIGUSR1), handled ? 0 : 1;
  chain_gate_add(&ready);
  switch (mode) {
  case 0:
    pthread_sigmask(SIG_SETMASK, &full, NULL);
    return await(&release[0]);
  case 1:
    sigprocmask(SIG_SETMASK, &full, NULL);
    return await(&release[1]);
  case 2:
    return ppoll(&fd, 1, NULL, &full) == 1 ? 0 : errno;
  case 3:
    return by_select();
  case 4:
    return by_epoll();
  case 5:
    return by_sigsuspend();
  default:
    pthread_sigmask(SIG_SETMASK, &full, NULL);
    while (!stop)
      ;
    return 0;
  }
}

static void *thread(void *arg) {
  int mode = (int)(intptr_t)arg;
  void *volatile head = chain_make((unsigned)mode);
  sigset_t usr2;
  sigemptyset(&usr2);
  sigaddset(&usr2, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &usr2, NULL);
  chain_scrub();
  int error = wait_in(mode);
  if (error)
    printf("lost: %s: %s\n", names[mode], strerror(error));
  int lost = chain_check_named(head, (unsigned)mode, names[mode]);
  return (void *)(intptr_t)(lost + (error != 0));
}

int main(void) {
  struct sigaction sa = {.sa_handler = on_usr1};
  int nlost = 0;
  sigfillset(&full);
  sa.sa_mask = full;
  sigaction(SIGUSR1, &sa, NULL);
  sa.sa_handler = on_usr2;
  sigaction(SIGUSR2, &sa, NULL);
  sem_init(&release[0], 0, 0);
  sem_init(&release[1], 0, 0);
  if (pipe(pipefd))
    chain_die("pipe");
  for (int i = 0; i < NMODES; i++)
    if (pthread_create(&threads[i], NULL, thread, (void *)(intptr_t)i))
      chain_die("pthread_create");
  chain_gate_await(&ready, NMODES);
  chain_garbage();
  stop = 1;
  sem_post(&release[0]);
  sem_post(&release[1]);
  pthread_kill(threads[5], SIGUSR2);
  /* The handler takes one byte; the pollers need one that stays. */
  if (write(pipefd[1], "xxxx", 4) != 4)
    chain_die("write");
  for (int i = 0; i < NMODES; i++) {
    void *lost;
    pthread_join(threads[i], &lost);
    nlost += (int)(intptr_t)lost;
  }
  return chain_verdict(nlost);
}
