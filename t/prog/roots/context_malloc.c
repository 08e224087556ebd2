/* SPDX-License-Identifier: MIT */
/* Place: frames on a malloc'ed stack of makecontext, which only the static
 * ucontext_t knows, suspended and running.
 * Arises: coroutine libraries that take their stacks from malloc.
 */
#include "context.h"

CHAIN_FN int victim(void) { return context_both(malloc(CONTEXT_STACK_BYTES)); }

int main(void) {
  int lost = victim();
  return chain_verdict(lost + chain_in_thread(victim));
}
