/* SPDX-License-Identifier: MIT */
/* Place: frames of a thread that another thread stops while it runs on a
 * mmap'ed makecontext stack, and of that thread's own stack.
 * Arises: fibers on several threads.
 */
#include "context.h"
#include <sys/eventfd.h>

static struct chain_gate ready = CHAIN_GATE;
static int release_fd;
static volatile int release_spin;

static void wait_here(void) {
  void *volatile held = chain_make(1);
  uint64_t n;
  chain_scrub();
  chain_gate_add(&ready);
  if (read(release_fd, &n, sizeof n) != sizeof n)
    chain_die("read");
  while (!release_spin)
    ;
  context_lost += chain_check_named(held, 1, "frame of a fiber");
}

static void *thread(void *stack) {
  void *volatile held = chain_make(2);
  context_enter(stack, wait_here);
  context_lost += chain_check_named(held, 2, "frame below the fiber");
  return NULL;
}

int main(void) {
  pthread_t t;
  uint64_t one = 1;
  release_fd = eventfd(0, 0);
  if (pthread_create(&t, NULL, thread, context_mapped_stack()))
    chain_die("pthread_create");
  chain_gate_await(&ready, 1);
  chain_garbage();
  if (write(release_fd, &one, sizeof one) != sizeof one)
    chain_die("write");
  chain_garbage_mib(CHAIN_GARBAGE_MIB / 2);
  release_spin = 1;
  pthread_join(t, NULL);
  return chain_verdict(context_lost);
}
