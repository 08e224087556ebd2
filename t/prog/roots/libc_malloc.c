/* SPDX-License-Identifier: MIT */
/* Place: blocks of glibc's own heap, small (its arena) and large (its mmap).
 * Arises: __libc_malloc called by name; blocks made before the replacement.
 */
#include "chain.h"

void *__libc_malloc(size_t size);
void __libc_free(void *p);

static void **volatile small, **volatile large;

CHAIN_FN void keep(void) {
  small = __libc_malloc(100);
  large = __libc_malloc(1 << 20);
  small[3] = chain_make(0);
  large[60000] = chain_make(1);
}

int main(void) {
  keep();
  chain_scrub();
  chain_garbage();
  int lost = chain_check_named(small[3], 0, "small block of glibc's heap");
  lost += chain_check_named(large[60000], 1, "large block of glibc's heap");
  __libc_free(small);
  __libc_free(large);
  return chain_verdict(lost);
}
