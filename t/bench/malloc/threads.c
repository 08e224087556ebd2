/* SPDX-License-Identifier: MIT */
/*
 * threads - 10,000 threads, 8 at a time, each of which makes 500 blocks of 16
 * to 1,023 bytes, frees most of them and leaves 50 to a list that later threads
 * free.
 */
#include "pattern.h"

enum { NTHREADS = 10000, NRUNNING = 8, NBLOCKS = 500, NLEFT = 50 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *left[NRUNNING * 2][NLEFT]; /* guard: lock */

/* Change the blocks of this thread against those of an earlier one. */
static void leave(size_t number, void **blocks) {
  void **place = left[number % (NRUNNING * 2)];
  pthread_mutex_lock(&lock);
  for (size_t i = 0; i < NLEFT; i++) {
    void *block = place[i];
    place[i] = blocks[i];
    blocks[i] = block;
  }
  pthread_mutex_unlock(&lock);
}

static void *run(void *arg) {
  size_t number = (uintptr_t)arg;
  uint64_t seed = number;
  void *blocks[NBLOCKS];
  for (size_t i = 0; i < NBLOCKS; i++)
    blocks[i] = pattern_make(pattern_size(&seed, 4, 10), i);
  leave(number, blocks);
  for (size_t i = 0; i < NBLOCKS; i++)
    free(blocks[i]);
  return NULL;
}

int main(int argc, char **argv) {
  size_t nthreads = (size_t)(NTHREADS * bench_scale(argc, argv));
  pthread_t threads[NRUNNING];
  for (size_t i = 0; i < nthreads + NRUNNING; i++) {
    if (i >= NRUNNING)
      pthread_join(threads[i % NRUNNING], NULL);
    if (i < nthreads &&
        pthread_create(&threads[i % NRUNNING], NULL, run, (void *)i))
      bench_die("pthread_create");
  }
  return 0;
}
