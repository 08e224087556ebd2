/* SPDX-License-Identifier: MIT */
/* Place: arguments of on_exit and __cxa_atexit.
 * Arises: the first 32 stand in a static list of libc, more in calloc'ed ones;
 * functions are mangled, arguments plain.
 */
#include "chain.h"

int __cxa_atexit(void (*fn)(void *), void *obj, void *dso);

enum { NEACH = 45 };
static int nlost, nrun;

static void finish(int status, void *unused) {
  (void)status;
  (void)unused;
  if (nrun != 2 * NEACH)
    printf("lost: %d handlers ran, not %d\n", nrun, 2 * NEACH);
  int result = chain_verdict(nlost + (nrun != 2 * NEACH));
  fflush(stdout);
  _exit(result);
}

static void by_on_exit(int status, void *head) {
  (void)status;
  nlost += chain_check_named(head, 0, "argument of on_exit");
  nrun++;
}

static void by_atexit(void *head) {
  nlost += chain_check_named(head, 1, "argument of __cxa_atexit");
  nrun++;
}

CHAIN_FN void keep(void) {
  for (int i = 0; i < NEACH; i++)
    if (on_exit(by_on_exit, chain_make(0)) ||
        __cxa_atexit(by_atexit, chain_make(1), NULL))
      chain_die("on_exit");
}

int main(void) {
  on_exit(finish, NULL);
  keep();
  chain_scrub();
  chain_garbage();
  return 1;
}
