/* SPDX-License-Identifier: MIT */
/* Place: C11 tss_set values, main thread and another, and the argument that
 * the destructor gets.
 * Arises: as pthread_setspecific; the destructor runs while the thread dies.
 */
#include "chain.h"
#include <threads.h>

static tss_t key;
static int nlost, nended;

static void ended(void *head) {
  chain_garbage_mib(60);
  nlost += chain_check_named(head, 0, "argument of a tss destructor");
  nended++;
}

CHAIN_FN void keep(void) {
  if (tss_set(key, chain_make(0)) != thrd_success)
    chain_die("tss_set");
}

CHAIN_FN int victim(void) {
  keep();
  chain_scrub();
  chain_garbage();
  return chain_check_named(tss_get(key), 0, "tss value");
}

static int thread(void *unused) {
  (void)unused;
  return victim();
}

int main(void) {
  thrd_t t;
  int result = 1;
  if (tss_create(&key, ended) != thrd_success)
    chain_die("tss_create");
  nlost += victim();
  if (thrd_create(&t, thread, NULL) != thrd_success)
    chain_die("thrd_create");
  thrd_join(t, &result);
  if (nended != 1)
    printf("lost: %d destructors ran, not 1\n", nended);
  return chain_verdict(nlost + result + (nended != 1));
}
