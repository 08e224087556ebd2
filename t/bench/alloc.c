/* SPDX-License-Identifier: MIT */
/*
 * t/bench/alloc.c - the time of one allocation, of objects that die soon.
 *
 *   alloc LIBRARY SIZE scan|noscan THREADS      for t/bench/turns
 *
 * Each thread keeps its last 256 objects alive and writes the first word of
 * each.  A round makes the same number of objects in each thread; WALL is the
 * nanoseconds from one allocation of a thread to its next, collections
 * included, CPU the same of all threads, divided by their number, COUNT the
 * collections.
 */
#include "bench.h"
#include "collector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  NKEPT = 256,
  THREADS_MAX = 64,
  ROUND_BYTES = 1 << 29,
  NOBJ_MAX = 5 * 1000 * 1000,
};

static size_t size;
static size_t nobj; /* of each thread, in a round */
static size_t nthreads;
static void *(*allocate)(size_t size);

static void *make(void *unused) {
  void *kept[NKEPT];
  (void)unused;
  memset(kept, 0, sizeof kept);
  for (size_t i = 0; i < nobj; i++) {
    size_t *obj = allocate(size);
    *obj = i;
    kept[i % NKEPT] = obj;
    __asm__ volatile("" : : "r"(kept) : "memory");
  }
  return NULL;
}

static void make_in_threads(void) {
  pthread_t threads[THREADS_MAX];
  for (size_t i = 0; i < nthreads; i++)
    if (collector.thread_create(&threads[i], NULL, make, NULL))
      bench_die("pthread_create");
  for (size_t i = 0; i < nthreads; i++)
    pthread_join(threads[i], NULL);
}

static struct bench_result run(void) {
  unsigned long ncollections = collector_collections();
  double wall = bench_wall_ns();
  double cpu = bench_cpu_ns();
  if (nthreads == 1)
    make(NULL);
  else
    make_in_threads();
  wall = bench_wall_ns() - wall;
  cpu = bench_cpu_ns() - cpu;
  return (struct bench_result){
      wall / (double)nobj, cpu / (double)(nobj * nthreads),
      (double)(collector_collections() - ncollections)};
}

int main(int argc, char **argv) {
  size = argc == 5 ? strtoul(argv[2], NULL, 10) : 0;
  nthreads = argc == 5 ? strtoul(argv[4], NULL, 10) : 0;
  if (size < sizeof size || nthreads < 1 || nthreads > THREADS_MAX) {
    fprintf(stderr, "usage: alloc LIBRARY SIZE scan|noscan THREADS\n");
    return 2;
  }
  collector_load(argv[1], 1);
  allocate = strcmp(argv[3], "noscan") == 0 ? collector.malloc_noscan
                                            : collector.malloc;
  nobj = ROUND_BYTES / size < NOBJ_MAX ? ROUND_BYTES / size : NOBJ_MAX;
  return bench_serve(run);
}
