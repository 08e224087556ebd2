/* SPDX-License-Identifier: MIT */
/* What a block holds: kept by realloc over every change of size, zero from
 * calloc also when the memory is used again, never shared by two blocks.
 */
#include "expect.h"

static uint64_t rnd = 20260704;

static size_t random_below(size_t n) {
  rnd ^= rnd << 13;
  rnd ^= rnd >> 7;
  rnd ^= rnd << 17;
  return rnd % n;
}

static void fill(unsigned char *p, size_t n, unsigned seed) {
  for (size_t i = 0; i < n; i++)
    p[i] = (unsigned char)(seed + i * 31);
}

static bool holds(const unsigned char *p, size_t n, unsigned seed) {
  for (size_t i = 0; i < n; i++)
    if (p[i] != (unsigned char)(seed + i * 31))
      return false;
  return true;
}

static void realloc_every_step(void) {
  static const size_t marks[] = {1,      15,     16,      17,     112,   128,
                                 129,    1000,   1024,    4096,   8191,  8192,
                                 8193,   32767,  32768,   32769,  65536, 131072,
                                 131073, 500000, 1 << 20, 3000000};
  enum { NMARKS = sizeof marks / sizeof *marks };
  for (int i = 0; i < NMARKS; i++)
    for (int k = 0; k < NMARKS; k++) {
      size_t from = marks[i], to = marks[k], both = from < to ? from : to;
      unsigned char *p = malloc(from);
      fill(p, from, 1);
      p = realloc(p, to);
      if (!EXPECT(p && holds(p, both, 1) && malloc_usable_size(p) >= to))
        return;
      fill(p, to, 2);
      p = reallocarray(p, from, 1);
      EXPECT(p && holds(p, both, 2));
      free(p);
    }
}

static void realloc_of_aligned(void) {
  for (size_t a = 16; a <= 1 << 16; a *= 4)
    for (size_t size = 8; size < 100000; size *= 3) {
      unsigned char *p = memalign(a, size);
      fill(p, size, 9);
      p = realloc(p, size * 2);
      EXPECT(p && holds(p, size, 9));
      p = realloc(p, size / 2);
      EXPECT(p && holds(p, size / 2, 9));
      free(p);
    }
}

/* The whole of malloc_usable_size belongs to the program, also to realloc. */
static void realloc_of_usable(void) {
  for (size_t size = 1; size < 200000; size += 1 + size / 3) {
    unsigned char *p = malloc(size);
    size_t n = malloc_usable_size(p);
    fill(p, n, 4);
    p = realloc(p, 2 * n + 1);
    EXPECT(p && holds(p, n, 4));
    free(p);
  }
}

static bool is_zero(const unsigned char *p, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (p[i])
      return false;
  return true;
}

static void calloc_after_reuse(void) {
  enum { NBLOCKS = 64 };
  unsigned char *blocks[NBLOCKS];
  for (size_t size = 1; size < 1500000; size += 1 + size / 2) {
    for (int i = 0; i < NBLOCKS; i++) {
      blocks[i] = malloc(size);
      memset(blocks[i], 0xff, malloc_usable_size(blocks[i]));
    }
    for (int i = 0; i < NBLOCKS; i++)
      free(blocks[i]);
    for (int i = 0; i < NBLOCKS; i++) {
      blocks[i] = calloc(1, size);
      if (!EXPECT(is_zero(blocks[i], size)))
        return;
      blocks[i][size - 1] = 1;
    }
    for (int i = 0; i < NBLOCKS; i++)
      free(blocks[i]);
  }
}

/* Random blocks; each keeps its own pattern until it goes. */
static void random_blocks(void) {
  enum { NSLOTS = 2000, NSTEPS = 200000 };
  static struct {
    unsigned char *p;
    size_t n;
    unsigned seed;
  } slots[NSLOTS];
  for (unsigned i = 0, n = (unsigned)part_of(NSTEPS); i < n; i++) {
    size_t k = random_below(NSLOTS);
    if (slots[k].p && !EXPECT(holds(slots[k].p, slots[k].n, slots[k].seed)))
      return;
    if (slots[k].p && random_below(3)) {
      free(slots[k].p);
      slots[k].p = NULL;
      continue;
    }
    size_t old = slots[k].p ? slots[k].n : 0;
    slots[k].n = 1 + random_below(random_below(40) ? 600 : 90000);
    slots[k].p = realloc(slots[k].p, slots[k].n);
    EXPECT(
        holds(slots[k].p, old < slots[k].n ? old : slots[k].n, slots[k].seed));
    slots[k].seed = i;
    fill(slots[k].p, slots[k].n, i);
  }
}

int main(void) {
  realloc_every_step();
  realloc_of_aligned();
  realloc_of_usable();
  calloc_after_reuse();
  random_blocks();
  return expect_verdict();
}
