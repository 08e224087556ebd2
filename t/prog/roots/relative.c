/* SPDX-License-Identifier: MIT */
/* Place: the distance from the start of a block to the start of another,
 * in place of its address; in a small block, and far inside a large one.
 * Arises: fontconfig (patterns, character sets), so that the same structures
 * can stand in a file that is mapped.
 */
#include "chain.h"

enum { SMALL = 3, LARGE = 100000 };

static intptr_t *small, *large;

/* No address of the block is left: only its distance from FROM is. */
CHAIN_FN intptr_t distance(const intptr_t *from, unsigned id) {
  void *volatile *block = malloc(200);
  block[0] = chain_make(id);
  return (intptr_t)block - (intptr_t)from;
}

CHAIN_FN void *target(const intptr_t *from, intptr_t far) {
  return *(void *volatile *)((intptr_t)from + far);
}

CHAIN_FN void keep(void) {
  small = calloc(SMALL, sizeof *small);
  large = calloc(LARGE, sizeof *large);
  small[SMALL - 1] = distance(small, 0);
  large[LARGE - 1] = distance(large, 1);
}

int main(void) {
  int lost = 0;
  keep();
  chain_scrub();
  chain_garbage();
  lost += chain_check_named(target(small, small[SMALL - 1]), 0, "small");
  lost += chain_check_named(target(large, large[LARGE - 1]), 1, "large");
  return chain_verdict(lost);
}
