/* SPDX-License-Identifier: MIT */
/* Place: frames on an alternate signal stack while the handler allocates, and
 * the interrupted stack and registers below it.  Main thread and another;
 * the stack mmap'ed, malloc'ed and static.
 * Arises: handlers on alternate stacks; run-time systems that catch faults.
 */
#include "chain.h"
#include <signal.h>
#include <sys/mman.h>

enum { STACK_BYTES = 256 * 1024 };
static char in_bss[STACK_BYTES];
static volatile int nlost;

static void handler(int sig) {
  void *volatile held = chain_make(1);
  (void)sig;
  chain_scrub();
  chain_garbage();
  nlost += chain_check_named(held, 1, "frame on the alternate stack");
}

CHAIN_FN void try_on(void *area) {
  stack_t stack = {.ss_sp = area, .ss_size = STACK_BYTES}, old;
  void *volatile held = chain_make(2);
  if (sigaltstack(&stack, &old))
    chain_die("sigaltstack");
  area = NULL;
  stack.ss_sp = NULL;
  chain_scrub();
  raise(SIGUSR1);
  nlost += chain_check_named(held, 2, "frame of the interrupted stack");
  old.ss_flags = SS_DISABLE;
  sigaltstack(&old, NULL);
}

CHAIN_FN int victim(void) {
  nlost = 0;
  try_on(mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  try_on(malloc(STACK_BYTES));
  try_on(in_bss);
  return nlost;
}

int main(void) {
  struct sigaction sa = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
  sigaction(SIGUSR1, &sa, NULL);
  int lost = victim();
  return chain_verdict(lost + chain_in_thread(victim));
}
