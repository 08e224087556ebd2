/* SPDX-License-Identifier: MIT */
/*
 * small - one thread, small blocks of mixed sizes: 20,000 are alive, and one
 * after the other, at random, is freed and replaced.  7 of 10 have up to 64
 * bytes, 1 of 20 up to 1 KiB.
 */
#include "pattern.h"

enum { NSLOTS = 20000, NSTEPS = 10 * 1000 * 1000 };

static size_t small_size(uint64_t *seed) {
  size_t dice = bench_below(seed, 20);
  if (dice < 14)
    return 8 + bench_below(seed, 57);
  return dice < 19 ? 64 + bench_below(seed, 193) : 256 + bench_below(seed, 769);
}

int main(int argc, char **argv) {
  static void *slots[NSLOTS];
  size_t nsteps = (size_t)(NSTEPS * bench_scale(argc, argv));
  uint64_t seed = 1;
  for (size_t i = 0; i < nsteps; i++) {
    void **slot = &slots[bench_below(&seed, NSLOTS)];
    free(*slot);
    *slot = pattern_make(small_size(&seed), i);
  }
  for (size_t i = 0; i < NSLOTS; i++)
    free(slots[i]);
  return 0;
}
