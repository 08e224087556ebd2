/* SPDX-License-Identifier: MIT */
/* The program's own signals still interrupt: a handler without SA_RESTART makes
 * a waiting call fail with EINTR, one with SA_RESTART doesn't, and nanosleep
 * tells the time that is left; all while the world is stopped often.
 */
#include "notice.h"
#include <poll.h>
#include <semaphore.h>

enum { NROUNDS = 60 };
static int fds[2];
static sem_t semaphore;
static volatile int nhandled, state; /* state: rounds begun */
static volatile int returned;

static void on_signal(int sig) {
  (void)sig;
  nhandled++;
}

static int by_poll(void) {
  struct pollfd fd = {fds[0], POLLIN, 0};
  return poll(&fd, 1, -1);
}

static int by_read(void) {
  char c;
  return (int)read(fds[0], &c, 1);
}

static int by_sem_wait(void) { return sem_wait(&semaphore); }

static int by_nanosleep(void) {
  struct timespec span = {100, 0}, left = {0, 0};
  int result = nanosleep(&span, &left);
  if (result && (left.tv_sec < 80 || left.tv_sec > 100))
    return printf("noticed: nanosleep has %d s left\n", (int)left.tv_sec);
  return result;
}

static int (*const waits[])(void) = {by_poll, by_read, by_sem_wait,
                                     by_nanosleep};

static void *thread(void *nwrong) {
  for (int i = 0; i < NROUNDS; i++) {
    returned = 0;
    state = i + 1;
    int result = waits[i % 4]();
    int error = errno;
    returned = 1;
    if (result != -1 || error != EINTR)
      *(int *)nwrong += printf("noticed: call %d gave %d, %s, not EINTR\n",
                               i % 4, result, strerror(error)) > 0;
    while (state == i + 1)
      sched_yield();
  }
  return NULL;
}

/* Signal the thread until its call returns: it may not have begun to wait. */
static int interrupt_each(pthread_t t) {
  int nwrong = 0;
  for (int i = 0; i < NROUNDS; i++) {
    while (state != i + 1)
      sched_yield();
    while (!returned) {
      int before = nhandled;
      chain_garbage_mib(2);
      pthread_kill(t, SIGUSR1);
      while (nhandled == before)
        sched_yield();
      chain_garbage_mib(1);
    }
    state = -1;
  }
  return nwrong;
}

static void *restarted(void *nwrong) {
  char c;
  errno = 0;
  ssize_t n = read(fds[0], &c, 1);
  if (n != 1)
    *(int *)nwrong += printf("noticed: read with SA_RESTART: %zd, %s\n", n,
                             strerror(errno)) > 0;
  return NULL;
}

int main(void) {
  int nwrong = 0;
  if (pipe(fds))
    chain_die("pipe");
  sem_init(&semaphore, 0, 0);
  notice_set_handler(SIGUSR1, on_signal, 0);
  pthread_t t = notice_start(thread, &nwrong);
  interrupt_each(t);
  pthread_join(t, NULL);
  notice_set_handler(SIGUSR1, on_signal, SA_RESTART);
  t = notice_start(restarted, &nwrong);
  for (int i = 0; i < 50; i++) {
    chain_garbage_mib(2);
    pthread_kill(t, SIGUSR1);
  }
  if (write(fds[1], "x", 1) != 1)
    chain_die("write");
  pthread_join(t, NULL);
  return chain_verdict(nwrong);
}
