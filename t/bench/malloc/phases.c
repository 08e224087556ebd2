/* SPDX-License-Identifier: MIT */
/*
 * phases - fragmentation: 10 phases, each of which frees 9 of 10 blocks and
 * fills up to 64 MiB again with blocks of other sizes.  What stays is chosen
 * block by block, the worst case for whoever keeps sizes apart; with the
 * argument "runs" it is 1,000 blocks in a row at a time, as what one request
 * made dies together.  The output is the resident memory at the end or, "idle",
 * a second later, divided by what is alive then.
 *
 *   phases SCALE [runs|single [idle]]
 */
#include "pattern.h"

#include <unistd.h>

enum { NPHASES = 10, LIVE_BYTES = 64 << 20, NSLOTS = LIVE_BYTES / 16 };

static struct {
  void *block;
  size_t size;
} slots[NSLOTS];
static size_t live_bytes;
static size_t nslots;

/* Keep one of 10 runs of RUN blocks. */
static void free_most(uint64_t *seed, size_t run) {
  size_t nkept = 0;
  int keep = 0;
  for (size_t i = 0; i < nslots; i++) {
    if (i % run == 0)
      keep = bench_below(seed, 10) == 0;
    if (keep) {
      slots[nkept++] = slots[i];
    } else {
      live_bytes -= slots[i].size;
      free(slots[i].block);
    }
  }
  nslots = nkept;
}

/* Phase P's sizes are around 24, 36, 54, ... 900 bytes, up to twice that. */
static void fill(uint64_t *seed, int phase) {
  size_t base = 24;
  for (int i = 0; i < phase; i++)
    base += base / 2;
  while (live_bytes < LIVE_BYTES && nslots < NSLOTS) {
    size_t size = base + bench_below(seed, base);
    slots[nslots].block = malloc(size);
    if (!slots[nslots].block)
      bench_die("malloc");
    memset(slots[nslots].block, phase, size);
    slots[nslots++].size = size;
    live_bytes += size;
  }
}

int main(int argc, char **argv) {
  size_t nrounds = (size_t)bench_scale(argc, argv);
  size_t run = argc > 2 && strcmp(argv[2], "runs") == 0 ? 1000 : 1;
  uint64_t seed = 1;
  /* The table is resident from the start, so that it can be left out. */
  memset(slots, 0xff, sizeof slots);
  size_t rss_bytes = bench_rss_bytes();
  for (size_t round = 0; round < (nrounds ? nrounds : 1); round++)
    for (int phase = 0; phase < NPHASES; phase++) {
      free_most(&seed, run);
      fill(&seed, round % 2 ? NPHASES - 1 - phase : phase);
    }
  if (argc > 3)
    usleep(1000 * 1000);
  printf("%.3f\n",
         (double)(bench_rss_bytes() - rss_bytes) / (double)live_bytes);
  return 0;
}
