/* SPDX-License-Identifier: MIT */
/* Place: a pointer one past the end of a block, sizes of every kind, those
 * that fill their size class and whole pages above all.
 * Arises: end pointers of vectors, pointers that walk down from the end.
 */
#include "chain.h"
#include <malloc.h>

enum { NSIZES = 16 };
static const size_t sizes[NSIZES] = {8,     16,    24,      32,   48,   64,
                                     112,   128,   1024,    2048, 4096, 8192,
                                     32768, 65536, 1 << 20, 100};
static char *volatile past[2 * NSIZES];

CHAIN_FN void keep(void) {
  for (unsigned i = 0; i < 2 * NSIZES; i++) {
    size_t size = sizes[i % NSIZES];
    char *p = i < NSIZES ? malloc(size) : memalign(64, size);
    *(void **)p = chain_make(i);
    past[i] = p + size;
  }
}

int main(void) {
  int lost = 0;
  keep();
  chain_scrub();
  chain_garbage();
  for (unsigned i = 0; i < 2 * NSIZES; i++) {
    char name[64];
    snprintf(name, sizeof name, "block of %zu by its end", sizes[i % NSIZES]);
    void **p = (void **)(past[i] - sizes[i % NSIZES]);
    lost += chain_check_named(*p, i, name);
  }
  return chain_verdict(lost);
}
