/* SPDX-License-Identifier: MIT */
/* Module with a page in its RELRO part, for relro: the constructor's pointer
 * is stored before the page is made read-only again, as some loaders do.
 */
#include <stddef.h>
#include <sys/mman.h>

struct page {
  void *slot;
  char rest[4096 - sizeof(void *)];
};

extern struct page mod_relro_page;
struct page mod_relro_page
    __attribute__((section(".data.rel.ro"), aligned(4096))) = {&mod_relro_page,
                                                               {0}};

int mod_relro_store(void *value);
void *mod_relro_fetch(void);

int mod_relro_store(void *value) {
  void *page = &mod_relro_page;
  if (mprotect(page, 4096, PROT_READ | PROT_WRITE))
    return -1;
  *(void *volatile *)page = value;
  return mprotect(page, 4096, PROT_READ);
}

void *mod_relro_fetch(void) {
  void *page = &mod_relro_page;
  __asm__("" : "+r"(page));
  return *(void *volatile *)page;
}
