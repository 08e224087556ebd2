/* SPDX-License-Identifier: MIT */
/* Place: an address at an odd offset in a packed structure in .bss.
 * Needs: CGC_UNALIGNED=1.
 * Arises: packed structures, buffers of a network protocol.
 */
#include "chain.h"

struct __attribute__((packed)) record {
  char tag;
  void *head;
  char rest[7];
};

static struct record records[4];

CHAIN_FN void keep(void) {
  struct record *volatile r = records;
  r[1].head = chain_make(0);
  r[2].head = chain_make(1);
}

int main(void) {
  keep();
  chain_scrub();
  chain_garbage();
  struct record *volatile r = records;
  int lost = chain_check_named(r[1].head, 0, "packed structure");
  lost += chain_check_named(r[2].head, 1, "packed structure, second");
  return chain_verdict(lost);
}
