/* SPDX-License-Identifier: MIT */
/* Place: pointers whose high 16 bits hold a tag.
 * Needs: CGC_TAGGED=1.
 * Arises: NaN boxing and lightuserdata of interpreters.
 */
#include "chain.h"

static volatile uint64_t boxed[4];
static const uint64_t tags[4] = {0xfff8, 0xfffe, 0xffff, 0x7ffc};

CHAIN_FN void keep(void) {
  for (unsigned i = 0; i < 4; i++)
    boxed[i] = (uintptr_t)chain_make(i) | tags[i] << 48;
}

int main(void) {
  int lost = 0;
  keep();
  chain_scrub();
  chain_garbage();
  for (unsigned i = 0; i < 4; i++)
    lost += chain_check_named((void *)(boxed[i] & 0xffffffffffffu), i,
                              "boxed pointer");
  return chain_verdict(lost);
}
