/* SPDX-License-Identifier: MIT */
/*
 * A program with a random graph of blocks, of which it says what each retains:
 * "ADDRESS OBJECTS" for each block that is reached, found by taking that block
 * away and looking what is reached then; "ready", and it waits.
 *
 *   usage: graph SEED
 *
 * Only the variable `entry' points into the graph: addresses are kept as their
 * complements.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCKS = 40, WORDS = 4, BYTES = 56 };

void *entry;
static uintptr_t hidden[BLOCKS];
static int next[BLOCKS][WORDS];
static uint64_t seed;

static unsigned random_below(unsigned n) {
  seed = seed * 6364136223846793005ull + 1442695040888963407ull;
  return (unsigned)(seed >> 33) % n;
}

/* Few pointers from each, so that many blocks hang on one alone. */
static void choose(void) {
  for (int i = 0; i < BLOCKS; i++)
    for (int j = 0; j < WORDS; j++)
      next[i][j] = random_below(3) ? -1 : (int)random_below(BLOCKS);
  for (int i = 0; i + 1 < BLOCKS; i++)
    next[i][0] = i + 1 - (int)random_below((unsigned)(i < 6 ? i : 6) + 1);
}

static void __attribute__((noinline)) make(void) {
  for (int i = 0; i < BLOCKS; i++)
    hidden[i] = ~(uintptr_t)calloc(1, BYTES);
  for (int i = 0; i < BLOCKS; i++)
    for (int j = 0; j < WORDS; j++)
      if (next[i][j] >= 0)
        ((void **)~hidden[i])[j] = (void *)~hidden[next[i][j]];
  entry = (void *)~hidden[0];
}

/* How many are reached without block AWAY. */
static int reached(int away, char *seen) {
  int stack[BLOCKS * WORDS + 1], n = 0, count = 0;
  memset(seen, 0, BLOCKS);
  stack[n++] = 0;
  while (n > 0) {
    int i = stack[--n];
    if (i == away || seen[i])
      continue;
    seen[i] = 1;
    count++;
    for (int j = 0; j < WORDS; j++)
      if (next[i][j] >= 0)
        stack[n++] = next[i][j];
  }
  return count;
}

static void __attribute__((noinline)) clear(void) {
  char volatile room[16384];
  memset((char *)room, 0, sizeof room);
}

int main(int argc, char **argv) {
  char seen[BLOCKS], other[BLOCKS];
  seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
  setvbuf(stdout, NULL, _IONBF, 0);
  choose();
  make();
  clear();
  int all = reached(-1, seen);
  for (int i = 0; i < BLOCKS; i++)
    if (seen[i])
      printf("%p %d\n", (void *)~hidden[i], all - reached(i, other));
  clear();
  puts("ready");
  pause();
  return 0;
}
