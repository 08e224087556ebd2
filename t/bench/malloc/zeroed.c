/* SPDX-License-Identifier: MIT */
/*
 * zeroed - calloc: arrays of 1 to 32 MiB of which one OS page in 16 is used, as
 * a sparse table does, and arrays of 1 to 64 KiB that are read as a whole.
 */
#include "pattern.h"

enum { NSPARSE = 600, NDENSE_EACH = 50, NKEPT = 8 };

static void *zeroed(size_t n, size_t size) {
  void *block = calloc(n, size);
  if (!block)
    bench_die("calloc");
  return block;
}

static char *sparse(uint64_t *seed) {
  size_t size = pattern_size(seed, 20, 25);
  char *table = zeroed(size / 8, 8);
  for (size_t at = 0; at < size / 8 * 8; at += 16 * PATTERN_PAGE)
    if (table[at]++)
      bench_die("calloc: not zero");
  return table;
}

static void dense(uint64_t *seed) {
  size_t n = pattern_size(seed, 7, 13);
  size_t *words = zeroed(n, sizeof *words);
  for (size_t i = 0; i < n; i++)
    if (words[i]++)
      bench_die("calloc: not zero");
  free(words);
}

int main(int argc, char **argv) {
  size_t nsparse = (size_t)(NSPARSE * bench_scale(argc, argv));
  void *kept[NKEPT] = {NULL};
  uint64_t seed = 1;
  for (size_t i = 0; i < nsparse; i++) {
    free(kept[i % NKEPT]);
    kept[i % NKEPT] = sparse(&seed);
    for (int k = 0; k < NDENSE_EACH; k++)
      dense(&seed);
  }
  for (size_t i = 0; i < NKEPT; i++)
    free(kept[i]);
  return 0;
}
