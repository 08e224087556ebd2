/* SPDX-License-Identifier: MIT */
/* Place: an address at an odd offset: a packed structure in .bss and bytes of
 * generated code in an executable mapping.
 * Needs: CGC_UNALIGNED=1.
 * Arises: packed structures; immediates in code that a JIT wrote.
 */
#include "chain.h"
#include <sys/mman.h>

struct __attribute__((packed)) record {
  char tag;
  void *head;
  char rest[7];
};

static struct record records[4];
static char *code;

CHAIN_FN void keep(void) {
  struct record *volatile r = records;
  r[1].head = chain_make(0);
  r[2].head = chain_make(1);
  void *head = chain_make(2);
  memcpy(code + 4099, &head, sizeof head);
}

int main(void) {
  void *head;
  code = mmap(NULL, 65536, PROT_READ | PROT_WRITE | PROT_EXEC,
              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (code == MAP_FAILED)
    chain_die("mmap");
  keep();
  chain_scrub();
  chain_garbage();
  struct record *volatile r = records;
  int lost = chain_check_named(r[1].head, 0, "packed structure");
  lost += chain_check_named(r[2].head, 1, "packed structure, second");
  memcpy(&head, code + 4099, sizeof head);
  return chain_verdict(lost + chain_check_named(head, 2, "generated code"));
}
