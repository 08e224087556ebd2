/* SPDX-License-Identifier: MIT */
/* Place: a pointer into the middle of a block, or with low bits used as a tag,
 * the block being small, medium, large.
 * Arises: cursors, embedded list nodes, tagged pointers.
 */
#include "chain.h"

enum { NSIZES = 7 };
static const size_t sizes[NSIZES] = {24,    100,    1000,   9000,
                                     40000, 300000, 5000000};
static char *volatile middle[NSIZES], *volatile end[NSIZES];
static uintptr_t volatile tagged[NSIZES];

static char *block(size_t size, unsigned id) {
  char *p = malloc(size);
  *(void **)p = chain_make(id);
  return p;
}

CHAIN_FN void keep(void) {
  for (unsigned i = 0; i < NSIZES; i++) {
    middle[i] = block(sizes[i], 0) + sizes[i] / 2;
    end[i] = block(sizes[i], 1) + sizes[i] - 1;
    tagged[i] = (uintptr_t)block(sizes[i], 2) | (1 + i % 7);
  }
}

int main(void) {
  int lost = 0;
  keep();
  chain_scrub();
  chain_garbage();
  for (unsigned i = 0; i < NSIZES; i++) {
    void **m = (void **)(middle[i] - sizes[i] / 2);
    void **e = (void **)(end[i] - (sizes[i] - 1));
    void **t = (void **)(tagged[i] & ~(uintptr_t)7);
    lost += chain_check_named(*m, 0, "block by a pointer to its middle");
    lost += chain_check_named(*e, 1, "block by a pointer to its last byte");
    lost += chain_check_named(*t, 2, "block by a tagged pointer");
  }
  return chain_verdict(lost);
}
