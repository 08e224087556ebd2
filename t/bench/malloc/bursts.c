/* SPDX-License-Identifier: MIT */
/*
 * bursts - the idea of sh6bench and sh8bench: 2 threads make bursts of blocks
 * of one size, many of the small sizes and few of the large, and free a third
 * of each burst in the order of making, a third in the reverse order, and keep
 * every third until the next burst of that kind.
 */
#include "pattern.h"

enum { NTHREADS = 2, BURST_MAX = 1500, NROUNDS = 700, SIZE_MAX_BYTES = 1000 };

/* What a thread has kept of the last burst of each size. */
struct kept {
  size_t nblocks;
  void *blocks[BURST_MAX / 3 + 1];
};

static size_t nrounds;

static void burst(struct kept *kept, size_t size, size_t n) {
  void *blocks[BURST_MAX];
  for (size_t i = 0; i < n; i++)
    blocks[i] = pattern_make(size, i);
  for (size_t i = 0; i < kept->nblocks; i++)
    free(kept->blocks[i]);
  kept->nblocks = 0;
  for (size_t i = 0; i < n; i += 3)
    free(blocks[i]);
  for (size_t i = n; i-- > 0;)
    if (i % 3 == 1)
      free(blocks[i]);
  for (size_t i = 2; i < n; i += 3)
    kept->blocks[kept->nblocks++] = blocks[i];
}

static void *run(void *unused) {
  enum { STEP = 16, NSIZES = SIZE_MAX_BYTES / STEP };
  struct kept *kept = calloc(NSIZES, sizeof *kept);
  (void)unused;
  if (!kept)
    bench_die("calloc");
  for (size_t round = 0; round < nrounds; round++)
    for (size_t k = 0; k < NSIZES; k++)
      burst(&kept[k], 8 + k * STEP, BURST_MAX / (k + 1));
  for (size_t k = 0; k < NSIZES; k++)
    for (size_t i = 0; i < kept[k].nblocks; i++)
      free(kept[k].blocks[i]);
  free(kept);
  return NULL;
}

int main(int argc, char **argv) {
  nrounds = (size_t)(NROUNDS * bench_scale(argc, argv));
  pattern_threads(NTHREADS, run);
  return 0;
}
