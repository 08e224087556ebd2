/* SPDX-License-Identifier: MIT */
/* Place: an array that libc's qsort moves through a buffer of its own.
 * Arises: large arrays are sorted by merging in a malloc'ed block, while the
 * comparison function allocates.
 */
#include "chain.h"

enum { NCHAINS = 300 };
static unsigned ncompared;

static int compare(const void *a, const void *b) {
  const struct chain_link *x = *(void *const *)a, *y = *(void *const *)b;
  if (++ncompared % 64 == 0)
    chain_garbage_mib(CHAIN_GARBAGE_MIB / 25);
  return (x->size > y->size) - (x->size < y->size);
}

int main(void) {
  void **chains = malloc(NCHAINS * sizeof *chains);
  int lost = 0;
  for (unsigned i = 0; i < NCHAINS; i++)
    chains[i] = chain_make(i);
  qsort(chains, NCHAINS, sizeof *chains, compare);
  for (unsigned i = 0; i < NCHAINS; i++) {
    struct chain_link *head = chains[i];
    unsigned id = head->bytes[0];
    while (id < NCHAINS && !chain_link_is_whole(head, id, 0))
      id += 256;
    lost += chain_check_named(head, id, "element of qsort");
  }
  return chain_verdict(lost);
}
