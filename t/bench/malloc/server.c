/* SPDX-License-Identifier: MIT */
/*
 * server - the idea of Larson's: a thread serves requests, each of which frees
 * a block of an earlier one and makes a new one, then hands all its blocks to a
 * new thread and ends.  4 such chains of threads, 2,000 blocks of 10 to 500
 * bytes each.
 */
#include "pattern.h"

enum { NCHAINS = 4, NSLOTS = 2000, NGENERATIONS = 25, NREQUESTS = 120 * 1000 };

struct chain {
  void *slots[NSLOTS];
  uint64_t seed;
  pthread_t thread;
};

static size_t nrequests;

static void *serve(void *arg) {
  struct chain *chain = arg;
  for (size_t i = 0; i < nrequests; i++) {
    void **slot = &chain->slots[bench_below(&chain->seed, NSLOTS)];
    free(*slot);
    *slot = pattern_make(10 + bench_below(&chain->seed, 491), i);
  }
  return NULL;
}

/* One chain: a thread for each generation, which the next one waits for. */
static void *run_chain(void *number) {
  struct chain *chain = calloc(1, sizeof *chain);
  if (!chain)
    bench_die("calloc");
  chain->seed = (uintptr_t)number;
  for (int i = 0; i < NGENERATIONS; i++) {
    if (pthread_create(&chain->thread, NULL, serve, chain))
      bench_die("pthread_create");
    pthread_join(chain->thread, NULL);
  }
  for (size_t i = 0; i < NSLOTS; i++)
    free(chain->slots[i]);
  free(chain);
  return NULL;
}

int main(int argc, char **argv) {
  nrequests = (size_t)(NREQUESTS * bench_scale(argc, argv));
  pattern_threads(NCHAINS, run_chain);
  return 0;
}
