/* SPDX-License-Identifier: MIT */
/* Place: the argument of a thread that has not begun to run.
 * Arises: pthread_create returns before the thread starts; the argument is in
 * the new thread's struct pthread alone.  Many threads on the one processor
 * that is busy making garbage start late enough.
 */
#include "chain.h"

enum { NTHREADS = 40 };
static int nlost;

static void *thread(void *head) {
  if (chain_check_named(head, 0, "thread argument"))
    __atomic_fetch_add(&nlost, 1, __ATOMIC_RELAXED);
  return NULL;
}

CHAIN_FN void start(pthread_t *t) {
  if (pthread_create(t, NULL, thread, chain_make(0)))
    chain_die("pthread_create");
}

int main(void) {
  pthread_t t[NTHREADS];
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(sched_getcpu(), &set);
  sched_setaffinity(0, sizeof set, &set);
  for (int i = 0; i < NTHREADS; i++) {
    start(&t[i]);
    chain_scrub();
    if (i % 8 == 7)
      chain_garbage_mib(CHAIN_GARBAGE_MIB / 5);
  }
  for (int i = 0; i < NTHREADS; i++)
    pthread_join(t[i], NULL);
  return chain_verdict(nlost);
}
