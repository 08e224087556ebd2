/* SPDX-License-Identifier: MIT */
/* What is lost is reclaimed: a chain behind a weak trace (its sum alone) goes
 * and its memory is used again; what is held stays.  Needs the collector.
 */
#include "../roots/chain.h"

enum { NOBJECTS = 20000 };
static uintptr_t hidden[NOBJECTS];
static void *volatile held[100];

CHAIN_FN void lose_all(void) {
  for (int i = 0; i < NOBJECTS; i++) {
    uint64_t *p = malloc(64);
    p[0] = p[7] = 0x1234567890abcdefu;
    hidden[i] = ~(uintptr_t)p;
  }
}

CHAIN_FN void hold_some(void) {
  for (unsigned i = 0; i < 100; i++)
    held[i] = chain_make(i);
}

int main(void) {
  int ngone = 0, nlost = 0;
  hold_some();
  lose_all();
  chain_scrub();
  chain_garbage();
  for (int i = 0; i < NOBJECTS; i++) {
    const uint64_t *p = (const uint64_t *)~hidden[i];
    ngone += p[0] != 0x1234567890abcdefu || p[7] != 0x1234567890abcdefu;
  }
  for (unsigned i = 0; i < 100; i++)
    nlost += chain_check_named(held[i], i, "held chain");
  printf("# %d of %d lost blocks were used again\n", ngone, NOBJECTS);
  return chain_verdict(nlost + (ngone < NOBJECTS * 95 / 100));
}
