/* SPDX-License-Identifier: MIT */
/* Place: .data and .bss of a library loaded by dlopen.
 * Arises: plug-ins.  The segments appear after the program's start.
 */
#include "module.h"

static void *handle;

CHAIN_FN void **slot(const char *name) { return module_symbol(handle, name); }

CHAIN_FN void keep(void) {
  *slot("mod_data_bss") = chain_make(0);
  *slot("mod_data_data") = chain_make(1);
}

int main(void) {
  chain_garbage_mib(30);
  handle = module_open("mod_data");
  keep();
  chain_scrub();
  chain_garbage();
  return chain_verdict(chain_check(*slot("mod_data_bss"), 0) +
                       chain_check(*slot("mod_data_data"), 1));
}
