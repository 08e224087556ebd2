/* SPDX-License-Identifier: MIT */
/*
 * storm - all frees are another thread's: in each round, each of 2 threads
 * makes 20,000 blocks of 16 to 511 bytes, then frees those of its neighbour.
 */
#include "pattern.h"

enum { NTHREADS = 2, NBLOCKS = 20000, NROUNDS = 200 };

static void *blocks[NTHREADS][NBLOCKS];
static pthread_barrier_t barrier;
static size_t nrounds;

static void *run(void *arg) {
  size_t own = (uintptr_t)arg;
  size_t other = (own + 1) % NTHREADS;
  uint64_t seed = own;
  for (size_t round = 0; round < nrounds; round++) {
    for (size_t i = 0; i < NBLOCKS; i++)
      blocks[own][i] = pattern_make(pattern_size(&seed, 4, 9), i);
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < NBLOCKS; i++)
      free(blocks[other][i]);
    pthread_barrier_wait(&barrier);
  }
  return NULL;
}

int main(int argc, char **argv) {
  nrounds = (size_t)(NROUNDS * bench_scale(argc, argv));
  pthread_barrier_init(&barrier, NULL, NTHREADS);
  pattern_threads(NTHREADS, run);
  return 0;
}
