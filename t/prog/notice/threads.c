/* SPDX-License-Identifier: MIT */
/* Threads that are created, joined, detached, cancelled while waiting, and that
 * exit with destructors, while the world is stopped often: no hang, no loss.
 */
#include "notice.h"

static volatile int stop, nlost;
static volatile unsigned ndestroyed, nended, ncancelled, ncleaned;
static pthread_key_t key;
static int idle_pipe[2];

static void destroy(void *head) {
  if (chain_check_named(head, 1, "value of a key in its destructor"))
    nlost = 1;
  __atomic_fetch_add(&ndestroyed, 1, __ATOMIC_RELAXED);
}

static void cleanup(void *head) {
  if (chain_check_named(head, 2, "argument of a cleanup handler"))
    nlost = 1;
  __atomic_fetch_add(&ncleaned, 1, __ATOMIC_RELAXED);
}

static void *short_lived(void *head) {
  pthread_setspecific(key, chain_make(1));
  if (chain_check_named(head, 0, "thread argument"))
    nlost = 1;
  __atomic_fetch_add(&nended, 1, __ATOMIC_RELAXED);
  return chain_make(3);
}

static void *cancelled(void *unused) {
  char c;
  (void)unused;
  pthread_cleanup_push(cleanup, chain_make(2));
  for (;;)
    if (read(idle_pipe[0], &c, 1) != -2)
      nlost = 1;
  pthread_cleanup_pop(0);
  return NULL;
}

static void *joining(void *unused) {
  (void)unused;
  while (!stop) {
    void *head;
    pthread_join(notice_start(short_lived, chain_make(0)), &head);
    if (chain_check_named(head, 3, "value of a joined thread"))
      nlost = 1;
  }
  return NULL;
}

static void *detaching(void *unused) {
  unsigned n = 0;
  (void)unused;
  while (!stop) {
    pthread_detach(notice_start(short_lived, chain_make(0)));
    while (++n % 16 == 0 && nended + 64 < n && !stop)
      sched_yield();
  }
  return NULL;
}

static void *cancelling(void *unused) {
  (void)unused;
  while (!stop) {
    void *result;
    pthread_t t = notice_start(cancelled, NULL);
    if (ncancelled % 2)
      sched_yield();
    pthread_cancel(t);
    pthread_join(t, &result);
    if (result != PTHREAD_CANCELED)
      nlost = 1;
    ncancelled++;
  }
  return NULL;
}

int main(void) {
  uint64_t end = notice_ns() + notice_duration_ns(2000);
  if (pipe(idle_pipe) || pthread_key_create(&key, destroy))
    chain_die("pipe");
  pthread_t t[3] = {notice_start(joining, NULL), notice_start(detaching, NULL),
                    notice_start(cancelling, NULL)};
  for (int i = 0; notice_ns() < end && !nlost; i++)
    if (i < NOTICE_MIB_MAX || getenv("LD_PRELOAD"))
      chain_garbage_mib(1);
  stop = 1;
  for (int i = 0; i < 3; i++)
    pthread_join(t[i], NULL);
  if (getenv("VICTIM_VERBOSE"))
    printf("# %u ended, %u cancelled\n", nended, ncancelled);
  return chain_verdict(nlost);
}
