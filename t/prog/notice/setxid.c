/* SPDX-License-Identifier: MIT */
/* setegid, setresuid and their like go on working in a threaded program: glibc
 * broadcasts them by its signal 33 to every thread, here to threads that wait,
 * that run, that come and go, while the world is stopped often.
 */
#include "notice.h"
#include <sys/fsuid.h>

static volatile int stop, nwrong;

static void *runner(void *unused) {
  (void)unused;
  while (!stop)
    __asm__ volatile("pause");
  return NULL;
}

static void *nothing(void *unused) { return unused; }

static void *churner(void *unused) {
  (void)unused;
  while (!stop)
    pthread_join(notice_start(nothing, NULL), NULL);
  return NULL;
}

static void *waiter(void *unused) {
  struct timespec span = {0, 3000000};
  (void)unused;
  while (!stop)
    if (nanosleep(&span, NULL) && errno != EINTR)
      nwrong++;
  return NULL;
}

static void *changer(void *unused) {
  (void)unused;
  while (!stop) {
    if (setegid(getegid()) || setresuid((uid_t)-1, (uid_t)-1, (uid_t)-1) ||
        setregid((gid_t)-1, getegid()) || seteuid(geteuid()))
      nwrong++;
  }
  return NULL;
}

int main(void) {
  pthread_t t[6];
  struct timespec span = {0, 0};
  uint64_t ns = notice_duration_ns(1500);
  t[0] = notice_start(runner, NULL);
  t[1] = notice_start(churner, NULL);
  t[2] = notice_start(waiter, NULL);
  t[3] = notice_start(waiter, NULL);
  t[4] = notice_start(changer, NULL);
  t[5] = notice_start(notice_garbage_main, NULL);
  span.tv_sec = (time_t)(ns / 1000000000);
  span.tv_nsec = (long)(ns % 1000000000);
  while (clock_nanosleep(CLOCK_MONOTONIC, 0, &span, &span))
    ;
  stop = notice_stop = 1;
  for (int i = 0; i < 6; i++)
    pthread_join(t[i], NULL);
  if (nwrong)
    printf("noticed: %d calls failed\n", nwrong);
  return chain_verdict(nwrong);
}
