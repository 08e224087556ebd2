/* SPDX-License-Identifier: MIT */
/* Place: blocks made before constructors: by .preinit_array, by a constructor
 * of the highest priority, by dlsym's and dlerror's own needs.
 * Arises: the loader and early code allocate before any preload is set up.
 */
#include "chain.h"
#include <dlfcn.h>

static void *volatile heads[3];
static volatile int nfailed;

CHAIN_FN void keep(int i) {
  nfailed += dlsym(RTLD_DEFAULT, "there is no such symbol") != NULL;
  nfailed += dlerror() == NULL;
  heads[i] = chain_make((unsigned)i);
}

static void preinit(int argc, char **argv, char **envp) {
  (void)argc;
  (void)argv;
  (void)envp;
  keep(0);
}

typedef void (*init_fn)(int, char **, char **);
static const init_fn preinit_entry
    __attribute__((section(".preinit_array"), used)) = preinit;

__attribute__((constructor(101))) static void first(void) { keep(1); }
__attribute__((constructor)) static void second(void) { keep(2); }

static void *volatile at_exit;

__attribute__((destructor(101))) static void last(void) {
  chain_garbage_mib(30);
  if (chain_check_named(at_exit, 9, "checked by the last destructor"))
    _exit(1);
}

int main(void) {
  int lost = nfailed;
  at_exit = chain_make(9);
  chain_scrub();
  chain_garbage();
  for (unsigned i = 0; i < 3; i++)
    lost += chain_check_named(heads[i], i, "block made early");
  return chain_verdict(lost);
}
