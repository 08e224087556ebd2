/* SPDX-License-Identifier: MIT */
/* Place: frames on a mmap'ed stack of makecontext, suspended and running, and
 * the thread's own stack while the other one runs.  Main thread and another.
 * Arises: coroutines and fibers.  rsp is then outside the registered stack.
 */
#include "context.h"

static void *stack;

CHAIN_FN int victim(void) { return context_both(stack); }

int main(void) {
  stack = context_mapped_stack();
  int lost = victim();
  return chain_verdict(lost + chain_in_thread(victim));
}
