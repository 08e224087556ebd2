/* SPDX-License-Identifier: MIT */
/*
 * large - large blocks that come and go: 32 are alive, of 128 KiB to 8 MiB;
 * each OS page is written once.
 */
#include "pattern.h"

enum { NSLOTS = 32, NSTEPS = 5000 };

int main(int argc, char **argv) {
  void *slots[NSLOTS] = {NULL};
  size_t nsteps = (size_t)(NSTEPS * bench_scale(argc, argv));
  uint64_t seed = 1;
  for (size_t i = 0; i < nsteps; i++) {
    void **slot = &slots[bench_below(&seed, NSLOTS)];
    free(*slot);
    *slot = pattern_make(pattern_size(&seed, 17, 23), i);
  }
  for (size_t i = 0; i < NSLOTS; i++)
    free(slots[i]);
  return 0;
}
