/* SPDX-License-Identifier: MIT */
/*
 * t/bench/pause.c - how long a program on a collector is held up.
 *
 *   pause LIBRARY MIB SECONDS [HISTOGRAM]
 *
 * A live heap of MIB in objects of 48 bytes, reached through a table, and one
 * thread that allocates what soon dies, and now and then replaces a live
 * object and points an old one to another.  Every operation is timed: what it
 * took is what the program was held up, by the collector or by the machine.
 * With collections off (GC_DONT_GC, CGC_PERCENT=0) it shows the machine's own
 * noise.  What a collector thinks of a heap that only grew is forgotten before
 * it begins: three collections, or three seconds.
 *
 * Prints: operations in a second, the percentiles 50, 99, 99.9 and 99.99 and
 * the longest in microseconds, and the number of collections.  HISTOGRAM names
 * a file for the counts: lines "MICROSECONDS COUNT", by powers of 2^(1/4).
 */
#include "bench.h"
#include "collector.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
  WORDS = 6,
  REWIRE_EACH = 32,
  BUCKETS = 200,
  PER_OCTAVE = 4,
  WARM_COLLECTIONS = 3, /* before the first figure */
  WARM_SECONDS = 3      /* for them at the most */
};

struct node {
  struct node *to[WORDS - 2];
  size_t a, b;
};

static struct node **table;
static size_t ntable;
static struct node *volatile recent;
static uint64_t state = 42;
static unsigned long counts[BUCKETS];

static struct node *new_node(struct node *next) {
  struct node *n = collector.malloc(sizeof *n);
  if (!n)
    bench_die("GC_malloc");
  n->to[0] = next;
  n->a = 1;
  return n;
}

static void build(size_t bytes) {
  ntable = bytes / sizeof(struct node);
  table = collector.malloc(ntable * sizeof *table);
  if (!table)
    bench_die("GC_malloc");
  for (size_t i = 0; i < ntable; i++)
    table[i] = new_node(i ? table[i - 1] : NULL);
}

static void rewire(void) {
  size_t i = bench_below(&state, ntable), k = bench_below(&state, ntable);
  table[i] = new_node(NULL);
  table[i]->to[1] = table[k];
  table[k]->to[2] = table[i];
  recent = NULL;
}

static void operate(unsigned long n) {
  recent = new_node(recent);
  if (n % REWIRE_EACH == 0)
    rewire();
}

static unsigned long now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (unsigned long)t.tv_sec * 1000000000 + (unsigned long)t.tv_nsec;
}

static size_t bucket_of(unsigned long ns) {
  if (ns <= 1)
    return 0;
  size_t bucket = (size_t)(log2((double)ns) * PER_OCTAVE);
  return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static double end_of(size_t bucket) {
  return exp2((double)(bucket + 1) / PER_OCTAVE) / 1000;
}

static double percentile(unsigned long n, double share) {
  double left = (double)n * share;
  size_t bucket = 0;
  for (; bucket < BUCKETS - 1 && left > (double)counts[bucket]; bucket++)
    left -= (double)counts[bucket];
  return end_of(bucket);
}

static void write_histogram(const char *path) {
  FILE *f = fopen(path, "w");
  if (!f)
    bench_die(path);
  for (size_t i = 0; i < BUCKETS; i++)
    if (counts[i])
      fprintf(f, "%.3f %lu\n", end_of(i), counts[i]);
  fclose(f);
}

/* Short operations are not looked up one by one: log2 costs more than they. */
static void count(unsigned long ns, unsigned long *longest) {
  static size_t small[256];
  static int filled;
  for (; !filled; filled = 1)
    for (unsigned long i = 0; i < 256; i++)
      small[i] = bucket_of(i);
  counts[ns < 256 ? small[ns] : bucket_of(ns)]++;
  if (ns > *longest)
    *longest = ns;
}

static void warm_up(void) {
  unsigned long end = now_ns() + WARM_SECONDS * 1000000000ul;
  unsigned long collections = collector_collections() + WARM_COLLECTIONS;
  while (collector_collections() < collections && now_ns() < end)
    for (unsigned long n = 0; n < 1024; n++)
      operate(n);
}

static void run(double seconds, const char *histogram) {
  unsigned long n = 0, longest = 0, begin = now_ns(), before = begin;
  unsigned long end = begin + (unsigned long)(seconds * 1e9);
  unsigned long collections = collector_collections();
  while (before < end) {
    operate(n++);
    unsigned long now = now_ns();
    count(now - before, &longest);
    before = now;
  }
  printf("%.0f %.1f %.1f %.1f %.1f %.1f %lu\n",
         (double)n * 1e9 / (double)(before - begin), percentile(n, 0.5),
         percentile(n, 0.99), percentile(n, 0.999), percentile(n, 0.9999),
         (double)longest / 1000, collector_collections() - collections);
  if (histogram)
    write_histogram(histogram);
}

int main(int argc, char **argv) {
  if (argc < 4)
    bench_die("usage: pause LIBRARY MIB SECONDS [HISTOGRAM]");
  collector_load(argv[1], 1);
  build((size_t)atol(argv[2]) << 20);
  warm_up();
  run(atof(argv[3]), argc > 4 ? argv[4] : NULL);
  return 0;
}
