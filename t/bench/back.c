/* SPDX-License-Identifier: MIT */
/*
 * t/bench/back.c - how much memory comes back after a peak.
 *
 *   back free|drop idle|release [GIB [scattered]]
 *
 * Fills GIB (2) with blocks of 32 bytes to 1 MiB, keeps one of 128, all of
 * them made at the start or, "scattered", one here and one there, and frees
 * the others or, "drop", forgets them and has the collector collect.  Then it
 * is idle for a second or, "release", calls GC_release_memory, or malloc_trim
 * where there is none.  Prints, in MiB: what is alive, and the resident memory
 * at the peak, then, and at the end.
 */
#include "malloc/pattern.h"

#include <dlfcn.h>
#include <malloc.h>
#include <unistd.h>

struct block {
  struct block *next;
};

static struct block *volatile kept;
static struct block *volatile lost;

static size_t fill(struct block *volatile *list, size_t bytes) {
  uint64_t seed = 1;
  size_t sum = 0;
  while (sum < bytes) {
    size_t size = pattern_size(&seed, 5, 20);
    struct block *block = malloc(size);
    if (!block)
      bench_die("malloc");
    memset(block, 0x55, size);
    block->next = *list;
    *list = block;
    sum += size;
  }
  return sum;
}

static void free_lost(void) {
  while (lost) {
    struct block *next = lost->next;
    free(lost);
    lost = next;
  }
}

/* Every 128th is kept. */
static size_t scatter(void) {
  struct block *volatile all = lost;
  size_t n = 0, bytes = 0;
  lost = NULL;
  while (all) {
    struct block *next = all->next;
    struct block *volatile *list = n++ % 128 ? &lost : &kept;
    bytes += n % 128 == 1 ? malloc_usable_size(all) : 0;
    all->next = *list;
    *list = all;
    all = next;
  }
  return bytes;
}

/* Call the function NAME, without arguments, if the program has it. */
static int call(const char *name) {
  void (*fn)(void);
  *(void **)&fn = dlsym(RTLD_DEFAULT, name);
  if (fn)
    fn();
  return fn != NULL;
}

/* Drop the blocks, from a frame whose words are gone when it returns. */
static __attribute__((noinline)) void drop_lost(void) {
  lost = NULL;
  if (!call("GC_collect"))
    exit(BENCH_SKIPPED);
}

static double mib(size_t bytes) { return (double)bytes / (1 << 20); }

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: back free|drop idle|release [GIB [scattered]]\n");
    return 2;
  }
  size_t bytes = (size_t)((argc > 3 ? atof(argv[3]) : 2) * (1 << 30));
  size_t live = fill(&kept, bytes / 128);
  fill(&lost, bytes);
  if (argc > 4)
    live += scatter();
  size_t peak = bench_rss_bytes();
  if (strcmp(argv[1], "drop") == 0)
    drop_lost();
  else
    free_lost();
  size_t then = bench_rss_bytes();
  if (strcmp(argv[2], "idle") == 0)
    usleep(1000 * 1000);
  else if (!call("GC_release_memory"))
    malloc_trim(0);
  printf("%.0f %.0f %.0f %.0f\n", mib(live), mib(peak), mib(then),
         mib(bench_rss_bytes()));
  return 0;
}
