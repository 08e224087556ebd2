/* SPDX-License-Identifier: MIT */
/* Place: the list of thread_local destructors, main thread and another.
 * Arises: C++ thread_local objects.  __cxa_thread_atexit_impl callocs the list,
 * its head is a TLS variable of libc, the function mangled, the object plain.
 */
#include "module.h"

int __cxa_thread_atexit_impl(void (*fn)(void *), void *obj, void *dso);
extern void *__dso_handle;

static int nlost, nrun;

static void destroy(void *head) {
  nlost += chain_check_named(head, 0, "object of a thread_local destructor");
  nrun++;
}

CHAIN_FN void keep(void) {
  if (__cxa_thread_atexit_impl(destroy, chain_make(0), &__dso_handle))
    chain_die("__cxa_thread_atexit_impl");
}

CHAIN_FN int victim(void) {
  keep();
  chain_scrub();
  chain_garbage();
  return 0;
}

static void finish(void) {
  if (nrun != 2)
    printf("lost: %d destructors ran, not 2\n", nrun);
  int status = chain_verdict(nlost + (nrun != 2));
  fflush(stdout);
  _exit(status);
}

int main(void) {
  atexit(finish);
  chain_in_thread(victim);
  victim();
  return 1;
}
