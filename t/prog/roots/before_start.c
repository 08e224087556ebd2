/* SPDX-License-Identifier: MIT */
/* Place: pointers 4, 8 and 16 bytes before a block's start.
 * Needs: CGC_BEFORE_START=1.
 * Arises: arrays that begin at 1 (Numerical Recipes), negative headers.
 */
#include "chain.h"

enum { NPLACES = 3 };

static volatile uintptr_t before[NPLACES];
static const unsigned distance[NPLACES] = {4, 8, 16};

CHAIN_FN void keep(void) {
  for (unsigned i = 0; i < NPLACES; i++)
    before[i] = (uintptr_t)chain_make(i) - distance[i];
}

int main(void) {
  int lost = 0;
  keep();
  chain_scrub();
  chain_garbage();
  for (unsigned i = 0; i < NPLACES; i++)
    lost += chain_check_named((void *)(before[i] + distance[i]), i,
                              "array that begins at 1");
  return chain_verdict(lost);
}
