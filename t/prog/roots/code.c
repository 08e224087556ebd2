/* SPDX-License-Identifier: MIT */
/* Place: operands of machine code that the program made, at any byte; code that
 * may be written to, and code that may no more.
 * Arises: just-in-time compilers: HotSpot's inline caches hold the only pointer
 * to a malloc'ed block as the operand of a mov; closures of libffi.
 */
#include "chain.h"
#include <sys/mman.h>

enum { SIZE = 64 << 10, N = 64 };

static char *code[2];

/* So that each offset occurs, and one word lies across two pages. */
static char *operand(int area, int i) {
  return code[area] + 4096 - 5 + (size_t)i * 27;
}

CHAIN_FN void keep(int area) {
  for (int i = 0; i < N; i++) {
    void *head = chain_make(i);
    memcpy(operand(area, i), &head, sizeof head);
  }
}

static int check(int area, const char *name) {
  int lost = 0;
  for (int i = 0; i < N; i++) {
    void *head;
    memcpy(&head, operand(area, i), sizeof head);
    lost += chain_check_named(head, i, name);
  }
  return lost;
}

int main(void) {
  for (int area = 0; area < 2; area++) {
    code[area] = mmap(NULL, SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (code[area] == MAP_FAILED)
      chain_die("mmap");
    keep(area);
  }
  if (mprotect(code[1], SIZE, PROT_READ | PROT_EXEC) != 0)
    chain_die("mprotect");
  chain_scrub();
  chain_garbage();
  return chain_verdict(check(0, "code") + check(1, "sealed code"));
}
