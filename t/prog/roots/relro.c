/* SPDX-License-Identifier: MIT */
/* Place: the part of a segment that is read-only after relocation, of the
 * program and of a dlopen'ed library.
 * Arises: the loader and early constructors store heap pointers there before
 * the pages are made read-only; hardened programs open and seal them again.
 */
#include "module.h"
#include <sys/mman.h>

struct page {
  void *slot;
  char rest[4096 - sizeof(void *)];
};

static struct page sealed __attribute__((section(".data.rel.ro"), aligned(4096),
                                         used)) = {&sealed, {0}};
static int (*store)(void *);
static void *(*fetch)(void);

static void **slot(void) {
  void *page = &sealed;
  __asm__("" : "+r"(page));
  return page;
}

CHAIN_FN void keep(void) {
  if (mprotect(slot(), 4096, PROT_READ | PROT_WRITE))
    chain_die("mprotect");
  *(void *volatile *)slot() = chain_make(0);
  if (mprotect(slot(), 4096, PROT_READ))
    chain_die("mprotect");
  if (store(chain_make(1)))
    chain_die("mprotect");
}

int main(void) {
  void *handle = module_open("mod_relro");
  *(void **)&store = module_symbol(handle, "mod_relro_store");
  *(void **)&fetch = module_symbol(handle, "mod_relro_fetch");
  keep();
  chain_scrub();
  chain_garbage();
  return chain_verdict(chain_check(*slot(), 0) + chain_check(fetch(), 1));
}
