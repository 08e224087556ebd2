/* SPDX-License-Identifier: MIT */
/* Place: blocks that a signal handler allocates and frees while it interrupts
 * malloc, free and the collector.  glibc may hang here: undefined behaviour
 * that programs have; not run without the collector.
 */
#include "chain.h"
#include <signal.h>
#include <sys/time.h>

enum { NSLOTS = 64 };
static unsigned char *volatile slots[NSLOTS];
static struct chain_link *volatile chain;
static volatile int nlost;
static volatile unsigned nticks;

static size_t slot_size(unsigned i) { return 16 + i * 37 % 3000; }

static void handler(int sig) {
  unsigned i = nticks % NSLOTS;
  size_t size = slot_size(i);
  (void)sig;
  if (slots[i])
    for (size_t k = 0; k < size; k++)
      nlost += slots[i][k] != (unsigned char)i;
  if (nticks % 3 == 0)
    free(slots[i]);
  else if (nticks % 3 == 1 && slots[i])
    slots[i] = realloc(slots[i], size + 100), free(slots[i]);
  slots[i] = malloc(size);
  if (slots[i])
    memset(slots[i], (int)i, size);
  nticks++;
}

int main(void) {
  struct sigaction sa = {.sa_handler = handler, .sa_flags = SA_RESTART};
  suseconds_t us = 500 * CHAIN_LINKS / chain_nlinks(); /* slowed down alike */
  struct itimerval every = {{0, us}, {0, us}};
  chain = chain_make(0);
  chain_scrub();
  sigaction(SIGALRM, &sa, NULL);
  setitimer(ITIMER_REAL, &every, NULL);
  for (int i = 0; i < 4; i++) {
    chain_garbage();
    for (size_t k = 0; k < chain_part_of(100000); k++)
      free(malloc(40 + k % 500));
  }
  every = (struct itimerval){{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &every, NULL);
  if (nlost)
    printf("lost: %d bytes of the handler's blocks\n", nlost);
  return chain_verdict(nlost + chain_check(chain, 0));
}
