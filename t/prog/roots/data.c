/* SPDX-License-Identifier: MIT */
/* Place: the program's own .data and .bss.
 * Arises: every global variable.  PT_LOAD segments with PF_W.
 */
#include "chain.h"

static struct chain_link *volatile in_bss;
static int dummy;
static void *volatile in_data = &dummy;

CHAIN_FN void keep(void) {
  in_bss = chain_make(0);
  in_data = chain_make(1);
}

int main(void) {
  keep();
  chain_scrub();
  chain_garbage();
  return chain_verdict(chain_check(in_bss, 0) + chain_check(in_data, 1));
}
