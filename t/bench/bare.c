/* SPDX-License-Identifier: MIT */
/*
 * t/bench/bare.c - what the machine can do: loops that do nothing but what no
 * marker can do without, with one thread and with two.
 *
 *   bare MIB [ROUNDS]
 *
 *   block   every word of MIB mebibytes is compared with a range
 *   chains  nodes of 48 bytes in random order, in chains of which each thread
 *           follows 32 at once; of each node a mark bit is set, asked for ahead
 *
 * Prints a line of medians for each: milliseconds with one thread, with two.
 */
#include "bench.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { NODE_WORDS = 6, AT_ONCE = 32, ROUNDS_MAX = 100, THREADS = 2 };

static uintptr_t *block;
static size_t nwords, nnodes;
static uint8_t *marks; /* one of a node: 16 to a line, as bits of pages are */
static volatile size_t sink;

/* The part of thread I of N. */
struct part {
  size_t i;
  size_t n;
};

__attribute__((optimize("O3"),
               target_clones("avx512f", "avx2", "default"))) static size_t
count_hits(const uintptr_t *p, size_t n, uintptr_t base, size_t bytes) {
  size_t hits = 0;
  for (size_t i = 0; i < n; i++)
    hits += p[i] - base < bytes;
  return hits;
}

static void *scan_block(void *arg) {
  const struct part *part = arg;
  size_t n = nwords / part->n;
  sink += count_hits(block + part->i * n, n, (uintptr_t)block, 8 * nwords);
  return NULL;
}

static size_t number_of(const uintptr_t *node) {
  return (size_t)(node - block) / NODE_WORDS;
}

/* A chain ends where it began. */
static void *follow_chains(void *arg) {
  const struct part *part = arg;
  uintptr_t *at[AT_ONCE];
  size_t length = nnodes / (AT_ONCE * THREADS);
  for (size_t lap = part->i; lap < THREADS; lap += part->n) {
    for (size_t k = 0; k < AT_ONCE; k++)
      at[k] = (uintptr_t *)block[(lap * AT_ONCE + k) * NODE_WORDS + 1];
    for (size_t step = 0; step < length; step++)
      for (size_t k = 0; k < AT_ONCE; k++) {
        uintptr_t *next = (uintptr_t *)at[k][0];
        marks[number_of(at[k]) / 8] |= (uint8_t)(1 << number_of(at[k]) % 8);
        __builtin_prefetch(next);
        __builtin_prefetch(&marks[number_of(next) / 8], 1);
        at[k] = next;
      }
  }
  return NULL;
}

static double timed(void *(*fn)(void *), size_t n) {
  struct part part[THREADS];
  pthread_t thread[THREADS];
  double began = bench_wall_ns();
  for (size_t i = 0; i < n; i++) {
    part[i] = (struct part){i, n};
    if (i > 0 && pthread_create(&thread[i], NULL, fn, &part[i]))
      bench_die("pthread_create");
  }
  fn(&part[0]);
  for (size_t i = 1; i < n; i++)
    pthread_join(thread[i], NULL);
  return bench_wall_ns() - began;
}

static void report(const char *name, void *(*fn)(void *), size_t rounds) {
  double ns[ROUNDS_MAX];
  printf("%-7s", name);
  for (size_t n = 1; n <= THREADS; n++) {
    for (size_t i = 0; i < rounds; i++)
      ns[i] = timed(fn, n);
    printf(" %8.1f", bench_median(ns, rounds) / 1e6);
  }
  printf("\n");
}

static void *map(size_t bytes) {
  char *p = mmap(NULL, bytes + (2 << 20), PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED)
    bench_die("mmap");
  p += -(uintptr_t)p & ((2 << 20) - 1);
  madvise(p, bytes, MADV_HUGEPAGE);
  return p;
}

/* AT_ONCE * THREADS rings; where each is entered stands in a second word. */
static void link_chains(void) {
  uint64_t seed = 42;
  uint32_t *order = map(nnodes * sizeof *order);
  size_t nchains = AT_ONCE * THREADS, length = nnodes / nchains;
  for (size_t i = 0; i < nnodes; i++)
    order[i] = (uint32_t)i;
  for (size_t i = nnodes; i > 1; i--) {
    size_t k = bench_below(&seed, i);
    uint32_t other = order[k];
    order[k] = order[i - 1];
    order[i - 1] = other;
  }
  for (size_t c = 0; c < nchains; c++) {
    const uint32_t *chain = order + c * length;
    for (size_t i = 0; i < length; i++)
      block[chain[i] * (size_t)NODE_WORDS] =
          (uintptr_t)&block[chain[(i + 1) % length] * (size_t)NODE_WORDS];
    block[c * NODE_WORDS + 1] =
        (uintptr_t)&block[chain[0] * (size_t)NODE_WORDS];
  }
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: bare MIB [ROUNDS]\n");
    return 2;
  }
  size_t bytes = strtoul(argv[1], NULL, 10) << 20;
  size_t rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 7;
  if (bytes == 0 || rounds < 1 || rounds > ROUNDS_MAX)
    bench_die("arguments");
  nwords = bytes / sizeof *block;
  nnodes = nwords / NODE_WORDS;
  block = map(bytes);
  marks = map(nnodes / 8 + 1);
  link_chains();
  report("block", scan_block, rounds);
  report("chains", follow_chains, rounds);
  return 0;
}
