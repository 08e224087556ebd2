/* SPDX-License-Identifier: MIT */
/*
 * pipeline - one thread makes messages of 32 to 512 bytes, another one reads
 * and frees them.  They go over in batches of 256, at most 8 batches at a time.
 */
#include "pattern.h"

enum { BATCH = 256, NBATCHES_MAX = 8, NMESSAGES = 8 * 1000 * 1000 };

static void *batches[NBATCHES_MAX][BATCH];
static size_t nbatches;      /* to be made in all */
static size_t nmade, nfreed; /* batches; guard: lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

/* Wait until there are from LOW to HIGH batches between the threads. */
static void wait_until(size_t low, size_t high) {
  pthread_mutex_lock(&lock);
  while (nmade - nfreed < low || nmade - nfreed > high)
    pthread_cond_wait(&changed, &lock);
  pthread_mutex_unlock(&lock);
}

static void add_one(size_t *count) {
  pthread_mutex_lock(&lock);
  ++*count;
  pthread_cond_signal(&changed);
  pthread_mutex_unlock(&lock);
}

static void produce(void) {
  uint64_t seed = 1;
  for (size_t b = 0; b < nbatches; b++) {
    wait_until(0, NBATCHES_MAX - 1);
    void **batch = batches[b % NBATCHES_MAX];
    for (size_t i = 0; i < BATCH; i++)
      batch[i] = pattern_make(32 + bench_below(&seed, 481), b);
    add_one(&nmade);
  }
}

static void consume(void) {
  for (size_t b = 0; b < nbatches; b++) {
    wait_until(1, NBATCHES_MAX);
    void **batch = batches[b % NBATCHES_MAX];
    for (size_t i = 0; i < BATCH; i++) {
      if (*(size_t *)batch[i] != b)
        bench_die("a message has changed");
      free(batch[i]);
    }
    add_one(&nfreed);
  }
}

static void *run(void *number) {
  if (number)
    produce();
  else
    consume();
  return NULL;
}

int main(int argc, char **argv) {
  nbatches = (size_t)(NMESSAGES / BATCH * bench_scale(argc, argv));
  pattern_threads(2, run);
  return 0;
}
