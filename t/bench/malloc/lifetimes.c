/* SPDX-License-Identifier: MIT */
/*
 * lifetimes - the idea of alloc-test: sizes of 8 bytes to 8 KiB, the small ones
 * more often, each with a lifetime of up to 65,536 steps.  All of a block is
 * written.
 */
#include "pattern.h"

enum { NSTEPS = 5 * 1000 * 1000, LIFETIME_MAX = 65536 };

/* The blocks that end at a step, each holding the next one. */
static void *ending[LIFETIME_MAX];

static void free_all(void **at) {
  void *block = *at;
  *at = NULL;
  while (block) {
    void *next = *(void **)block;
    free(block);
    block = next;
  }
}

/* Two dice, the lower counts: the small ones are more likely. */
static size_t block_size(uint64_t *seed) {
  size_t a = pattern_size(seed, 3, 13);
  size_t b = pattern_size(seed, 3, 13);
  return a < b ? a : b;
}

int main(int argc, char **argv) {
  size_t nsteps = (size_t)(NSTEPS * bench_scale(argc, argv));
  uint64_t seed = 1;
  for (size_t i = 0; i < nsteps; i++) {
    free_all(&ending[i % LIFETIME_MAX]);
    size_t size = block_size(&seed);
    void **block = malloc(size);
    if (!block)
      bench_die("malloc");
    memset(block, (int)i, size);
    void **end = &ending[(i + bench_below(&seed, LIFETIME_MAX)) % LIFETIME_MAX];
    *block = *end;
    *end = block;
  }
  for (size_t i = 0; i < LIFETIME_MAX; i++)
    free_all(&ending[i]);
  return 0;
}
