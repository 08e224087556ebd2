/* SPDX-License-Identifier: MIT */
/* Place: static TLS of the main thread and of another one.
 * Arises: __thread variables of the program and of libraries loaded at start.
 * The main thread's stands in the loader's own early memory, a thread's at the
 * top of its stack mapping, above the first frame.
 */
#include "chain.h"

static __thread void *volatile zeroed;
static int dummy;
static __thread void *volatile initialised = &dummy;

CHAIN_FN void keep(void) {
  zeroed = chain_make(0);
  initialised = chain_make(1);
}

CHAIN_FN int victim(void) {
  keep();
  chain_scrub();
  chain_garbage();
  return chain_check_named(zeroed, 0, "static TLS, zeroed") +
         chain_check_named(initialised, 1, "static TLS, initialised");
}

int main(void) {
  int lost = victim();
  lost += chain_in_thread(victim);
  return chain_verdict(lost + chain_check_named(zeroed, 0, "main, again"));
}
