/* SPDX-License-Identifier: MIT */
/* Place: values of pthread_setspecific, main thread and another.
 * Arises: keys 0 to 31 stand inside struct pthread, higher ones in a second
 * level that libc callocs and struct pthread points to.
 */
#include "chain.h"

enum { NKEYS = 200 };
static pthread_key_t keys[NKEYS];
static const int used[] = {0, 1, 20, 31, 32, 33, 70, 199};
enum { NUSED = sizeof used / sizeof *used };

CHAIN_FN void keep(void) {
  for (unsigned i = 0; i < NUSED; i++)
    if (pthread_setspecific(keys[used[i]], chain_make(i)))
      chain_die("pthread_setspecific");
}

CHAIN_FN int victim(void) {
  int lost = 0;
  keep();
  chain_scrub();
  chain_garbage();
  for (unsigned i = 0; i < NUSED; i++) {
    char name[40];
    snprintf(name, sizeof name, "value of key %u", keys[used[i]]);
    lost += chain_check_named(pthread_getspecific(keys[used[i]]), i, name);
  }
  return lost;
}

int main(void) {
  for (int i = 0; i < NKEYS; i++)
    if (pthread_key_create(&keys[i], NULL))
      chain_die("pthread_key_create");
  int lost = victim();
  return chain_verdict(lost + chain_in_thread(victim));
}
