/* SPDX-License-Identifier: MIT */
/*
 * t/bench/leak/churn.c - what noting each block costs.
 *
 * A million blocks of 16 to 512 bytes, 200000 alive at a time, allocated and
 * freed from stacks 2 to 14 calls deep.  Prints CPU seconds and the largest
 * resident size; the same program runs plain, under cgc run and cgc leak.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { BLOCKS = 1000000, ALIVE = 200000, DEPTH_MIN = 2, DEPTH_MAX = 14 };

static void *alive[ALIVE];
static uint64_t state = 88172645463325252ULL;

static uint32_t below(uint32_t limit) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 33) % limit;
}

static __attribute__((noinline)) void exchange(size_t i, size_t size) {
  free(alive[i]);
  alive[i] = malloc(size);
  if (alive[i])
    memset(alive[i], 1, size);
}

/* Two functions in turn, so that stacks differ. */
static void even(int depth, size_t i, size_t size);

static __attribute__((noinline)) void odd(int depth, size_t i, size_t size) {
  if (depth > 0)
    even(depth - 1, i, size);
  else
    exchange(i, size);
  __asm__ volatile("");
}

static __attribute__((noinline)) void even(int depth, size_t i, size_t size) {
  if (depth > 0)
    odd(depth - 1, i, size);
  else
    exchange(i, size);
  __asm__ volatile("");
}

static double seconds(struct timeval t) {
  return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int main(void) {
  struct rusage usage;
  for (int n = 0; n < BLOCKS; n++) {
    int depth = DEPTH_MIN + (int)below(DEPTH_MAX - DEPTH_MIN + 1);
    even(depth, below(ALIVE), 16 + below(497));
  }
  getrusage(RUSAGE_SELF, &usage);
  printf("cpu %.3f s  rss %ld MiB\n",
         seconds(usage.ru_utime) + seconds(usage.ru_stime),
         usage.ru_maxrss / 1024);
  return 0;
}
