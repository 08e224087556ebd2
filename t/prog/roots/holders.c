/* SPDX-License-Identifier: MIT */
/* Place: blocks of every entry of the malloc family, in their first word, their
 * last one, and the last of malloc_usable_size; small, medium and large.
 * Arises: everywhere.
 */
#include "chain.h"
#include <malloc.h>

enum { NKINDS = 9, NSIZES = 6 };
static const size_t sizes[NSIZES] = {16, 200, 4000, 40000, 300000, 3000000};
static void **volatile first[NKINDS][NSIZES];
static void **volatile last[NKINDS][NSIZES];

static void *allocate(int kind, size_t size) {
  void *p = NULL;
  switch (kind) {
  case 0:
    return malloc(size);
  case 1:
    return calloc(size / 8, 8);
  case 2:
    return realloc(malloc(8), size);
  case 3:
    return reallocarray(NULL, size / 8, 8);
  case 4:
    return posix_memalign(&p, 256, size) ? NULL : p;
  case 5:
    return memalign(4096, size);
  case 6:
    return aligned_alloc(64, (size + 63) & ~(size_t)63);
  case 7:
    return valloc(size);
  default:
    return pvalloc(size);
  }
}

CHAIN_FN void keep(void) {
  for (int k = 0; k < NKINDS; k++)
    for (int s = 0; s < NSIZES; s++) {
      first[k][s] = allocate(k, sizes[s]);
      last[k][s] = allocate(k, sizes[s]);
      if (!first[k][s] || !last[k][s])
        chain_die("allocate");
      *first[k][s] = chain_make(0);
      size_t nwords = malloc_usable_size(last[k][s]) / 8;
      if (s % 2)
        nwords = sizes[s] / 8;
      last[k][s][nwords - 1] = chain_make(1);
      last[k][s] += nwords - 1;
    }
}

int main(void) {
  int lost = 0;
  keep();
  chain_scrub();
  chain_garbage();
  for (int k = 0; k < NKINDS; k++)
    for (int s = 0; s < NSIZES; s++) {
      char name[64];
      snprintf(name, sizeof name, "block of kind %d, %zu bytes", k, sizes[s]);
      lost += chain_check_named(*first[k][s], 0, name);
      lost += chain_check_named(*last[k][s], 1, name);
    }
  return chain_verdict(lost);
}
