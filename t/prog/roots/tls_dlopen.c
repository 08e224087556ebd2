/* SPDX-License-Identifier: MIT */
/* Place: dynamic TLS of a dlopen'ed library, main thread and another.
 * Arises: __tls_get_addr allocates the block at first use; only the thread's
 * DTV points to it, and only the word at fs:8 to the inside of the DTV.
 */
#include "module.h"

static void **(*address)(void);
static void **(*address_last)(void);

CHAIN_FN void keep(void) {
  *address() = chain_make(0);
  *address_last() = chain_make(1);
}

CHAIN_FN int victim(void) {
  keep();
  chain_scrub();
  chain_garbage();
  return chain_check_named(*address(), 0, "dynamic TLS, first word") +
         chain_check_named(*address_last(), 1, "dynamic TLS, last word");
}

int main(void) {
  void *handle = module_open("mod_tls");
  *(void **)&address = module_symbol(handle, "mod_tls_address");
  *(void **)&address_last = module_symbol(handle, "mod_tls_address_last");
  int lost = chain_in_thread(victim);
  lost += victim();
  lost += chain_in_thread(victim);
  return chain_verdict(lost + chain_check_named(*address(), 0, "main, again"));
}
