/* SPDX-License-Identifier: MIT */
/* Place: a malloc'ed alternate signal stack that only the kernel knows.
 * Arises: sigaltstack(malloc(SIGSTKSZ)) with the pointer forgotten; the stack
 * is used long after.  The handler shall not meet garbage in its own frame.
 */
#include "chain.h"
#include <signal.h>

enum { STACK_BYTES = 64 * 1024 };
static volatile int nlost;

static void handler(int sig) {
  volatile unsigned char room[16 * 1024];
  (void)sig;
  for (size_t i = 0; i < sizeof room; i++)
    room[i] = (unsigned char)i;
  chain_garbage();
  for (size_t i = 0; i < sizeof room; i++)
    nlost += room[i] != (unsigned char)i;
}

CHAIN_FN void keep(void) {
  stack_t stack = {.ss_sp = malloc(STACK_BYTES), .ss_size = STACK_BYTES};
  if (sigaltstack(&stack, NULL))
    chain_die("sigaltstack");
}

int main(void) {
  struct sigaction sa = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
  sigaction(SIGUSR1, &sa, NULL);
  keep();
  chain_scrub();
  chain_garbage();
  raise(SIGUSR1);
  if (nlost)
    printf("lost: %d bytes of the handler's frame\n", nlost);
  return chain_verdict(nlost);
}
