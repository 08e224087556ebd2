/* SPDX-License-Identifier: MIT */
/* Place: none that can be seen: addresses xored and cut in halves.
 * The collector must reclaim these chains: the proof that garbage() makes it
 * collect and that the other victims would see a loss.
 */
#include "chain.h"

enum { NCHAINS = 8 };
static volatile uint64_t hidden[NCHAINS];
static volatile uint32_t halves[NCHAINS][4];

CHAIN_FN void keep(unsigned i) {
  hidden[i] = (uintptr_t)chain_make(i) ^ 0x5555555555555555u;
  uintptr_t head = (uintptr_t)chain_make(100 + i);
  halves[i][0] = (uint32_t)head;
  halves[i][2] = (uint32_t)(head >> 32);
}

int main(void) {
  int lost = 0;
  for (unsigned i = 0; i < NCHAINS; i++)
    keep(i);
  chain_scrub();
  chain_garbage();
  for (unsigned i = 0; i < NCHAINS; i++) {
    uint64_t whole = (uint64_t)halves[i][2] << 32 | halves[i][0];
    lost += chain_check_named((void *)(hidden[i] ^ 0x5555555555555555u), i,
                              "xored pointer");
    lost += chain_check_named((void *)whole, 100 + i, "pointer in halves");
  }
  return chain_verdict(lost);
}
