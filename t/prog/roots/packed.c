/* SPDX-License-Identifier: MIT */
/* Place: an address at a multiple of 4 that is none of 8, in a packed structure
 * inside a block and in .bss.
 * Arises: Ruby's rb_io_t, whose buffers are packed structures in a row.
 */
#include "chain.h"

struct __attribute__((packed, aligned(4))) buffer {
  void *chain;
  int offset, length, capacity;
};

static struct buffer in_bss[2];
static struct buffer *volatile in_block;

CHAIN_FN void keep(void) {
  in_block = calloc(2, sizeof *in_block);
  in_block[1].chain = chain_make(0);
  in_bss[0].chain = chain_make(1);
  in_bss[1].chain = chain_make(2);
}

int main(void) {
  int lost = 0;
  keep();
  chain_scrub();
  chain_garbage();
  lost += chain_check_named(in_block[1].chain, 0, "in a block");
  lost += chain_check_named(in_bss[0].chain, 1, "in .bss");
  lost += chain_check_named(in_bss[1].chain, 2, "in .bss, second");
  return chain_verdict(lost);
}
