/* SPDX-License-Identifier: MIT */
/*
 * t/bench/look.c - a large heap to be looked at from outside.
 *
 *   look MILLIONS
 *
 * So many million blocks of 16 to 72 bytes, about 51 bytes of heap each, made
 * in the order of a tree and linked at random: each leads to up to two that
 * came later, and every fourth to any one.  "ready PID" is printed; it waits
 * for the end of its input.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct block {
  struct block *link[2];
};

static uint64_t state = 88172645463325252ULL;
struct block *root;

static uint64_t below(uint64_t limit) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint64_t)(((unsigned __int128)state * limit) >> 64);
}

/* Under the block before it that has room, from a random one on. */
static void hang(struct block **all, size_t i) {
  size_t above = i / 2 + below(i - i / 2);
  while (all[above]->link[0] && all[above]->link[1])
    above = above + 1 < i ? above + 1 : i / 2;
  all[above]->link[all[above]->link[0] != NULL] = all[i];
}

int main(int argc, char **argv) {
  size_t n = (argc > 1 ? strtoul(argv[1], NULL, 10) : 20) * 1000000;
  struct block **all = malloc(n * sizeof *all);
  for (size_t i = 0; all && i < n; i++) {
    all[i] = calloc(1, 16 + below(57));
    if (!all[i])
      return 1;
    if (i > 0)
      hang(all, i);
  }
  if (!all)
    return 1;
  root = all[0];
  for (size_t i = 0; i < n; i += 4)
    if (!all[i]->link[1])
      all[i]->link[1] = all[below(n)];
  free(all);
  all = NULL;
  printf("ready %d\n", getpid());
  fflush(stdout);
  while (getchar() != EOF)
    ;
  return 0;
}
