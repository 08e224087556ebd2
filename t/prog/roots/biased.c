/* SPDX-License-Identifier: MIT */
/* Place: an address less the length of its block, in static data.
 * Arises: tables that grow by a block as long as all before it and are indexed
 * without a subtraction: SWI-Prolog's atoms and functors.
 */
#include "chain.h"

enum { NBLOCKS = 18, NCHAINS = 8 };

/* Block k has the entries from 1 << k on. */
static void **volatile block[NBLOCKS];
static const size_t entry[] = {1, 3, 7}; /* words */

static size_t words(int k, size_t per) { return ((size_t)1 << k) * per; }

CHAIN_FN void keep(size_t per) {
  for (int k = 0; k < NBLOCKS; k++) {
    void **fresh = malloc(words(k, per) * sizeof *fresh);
    if (!fresh)
      chain_die("malloc");
    memset(fresh, 0, words(k, per) * sizeof *fresh);
    if (k < NCHAINS)
      fresh[words(k, per) - 1] = chain_make((unsigned)k);
    block[k] = fresh - words(k, per);
  }
}

CHAIN_FN int check(size_t per) {
  int lost = 0;
  for (int k = 0; k < NBLOCKS; k++) {
    void **entries = block[k] + words(k, per);
    if (k < NCHAINS)
      lost += chain_check_named(entries[words(k, per) - 1], (unsigned)k,
                                "block of a table");
    for (size_t i = 0; i + 1 < words(k, per); i++)
      if (entries[i])
        return lost + 1;
  }
  return lost;
}

int main(void) {
  int lost = 0;
  for (size_t i = 0; i < sizeof entry / sizeof *entry; i++) {
    keep(entry[i]);
    chain_scrub();
    chain_garbage();
    lost += check(entry[i]);
  }
  return chain_verdict(lost);
}
