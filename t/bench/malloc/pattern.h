/* SPDX-License-Identifier: MIT */
/*
 * t/bench/malloc/pattern.h - what the patterns of malloc's use share.
 *
 * A pattern is a program that calls malloc and its family and nothing of the
 * collector's; its work is fixed, and a factor may be given as its argument.
 * Factor 1 takes about a second under glibc.  Blocks are written before they
 * are freed, as a program would.
 */
#ifndef PATTERN_H
#define PATTERN_H

#include "../bench.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATTERN_PAGE = 4096 };

/* Write the block: its first word, and a byte in each OS page. */
static inline void pattern_write(void *block, size_t size, size_t value) {
  char *bytes = block;
  for (size_t at = 0; at < size; at += PATTERN_PAGE)
    bytes[at] = (char)value;
  if (size >= sizeof value)
    memcpy(bytes, &value, sizeof value);
}

/* A new block, written; the program ends when there is none. */
static inline void *pattern_make(size_t size, size_t value) {
  void *block = malloc(size);
  if (!block)
    bench_die("malloc");
  pattern_write(block, size, value);
  return block;
}

/* A size in [2^LOW, 2^HIGH), each power of two as likely as the others. */
static inline size_t pattern_size(uint64_t *seed, size_t low, size_t high) {
  size_t base = (size_t)1 << (low + bench_below(seed, high - low));
  return base + bench_below(seed, base);
}

/* Run FN in N threads, each with its number as argument, and wait for all. */
static inline void pattern_threads(size_t n, void *(*fn)(void *)) {
  pthread_t threads[64];
  for (size_t i = 0; i < n; i++)
    if (pthread_create(&threads[i], NULL, fn, (void *)i))
      bench_die("pthread_create");
  for (size_t i = 0; i < n; i++)
    pthread_join(threads[i], NULL);
}

#endif
