/* SPDX-License-Identifier: MIT */
/* Place: environ, as setenv and putenv grow it.
 * Arises: libc mallocs a new array and, for setenv, the strings; putenv'ed
 * strings are the program's blocks.  Behind one of those hides the chain.
 */
#include "chain.h"

enum { NVARS = 300 };

struct var {
  char text[32];
  struct chain_link *head;
};

CHAIN_FN void keep(void) {
  char name[32], value[80];
  for (int i = 0; i < NVARS; i++) {
    snprintf(name, sizeof name, "VICTIM_%d", i);
    snprintf(value, sizeof value, "value %d of %d, some more text", i, i * 7);
    if (setenv(name, value, 1))
      chain_die("setenv");
  }
  struct var *v = malloc(sizeof *v);
  strcpy(v->text, "VICTIM_CHAIN=here");
  v->head = chain_make(0);
  putenv(v->text);
}

static int check_vars(void) {
  char name[32], value[80];
  for (int i = 0; i < NVARS; i++) {
    snprintf(name, sizeof name, "VICTIM_%d", i);
    snprintf(value, sizeof value, "value %d of %d, some more text", i, i * 7);
    const char *seen = getenv(name);
    if (!seen || strcmp(seen, value)) {
      printf("lost: environment variable %s\n", name);
      return 1;
    }
  }
  return 0;
}

int main(void) {
  keep();
  chain_scrub();
  chain_garbage();
  char *text = getenv("VICTIM_CHAIN");
  if (!text || strcmp(text, "here")) {
    puts("lost: VICTIM_CHAIN");
    return 1;
  }
  struct var *v = (struct var *)(text - strlen("VICTIM_CHAIN="));
  return chain_verdict(check_vars() + chain_check(v->head, 0));
}
