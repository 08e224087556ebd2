/* SPDX-License-Identifier: MIT */
/* Place: the trees and tables of <search.h>.
 * Arises: libc mallocs tsearch's nodes and keeps low bits of its own in their
 * child pointers; hsearch's table hangs on a static variable of libc.
 */
#include "chain.h"
#include <search.h>

enum { NKEYS = 50 };
static void *tree;
static int nlost, nvisited;

static int by_index(const void *a, const void *b) {
  const struct chain_link *x = *(void *const *)a, *y = *(void *const *)b;
  return (x->bytes[0] > y->bytes[0]) - (x->bytes[0] < y->bytes[0]);
}

CHAIN_FN void keep(void) {
  static char names[NKEYS][8];
  if (!hcreate(200))
    chain_die("hcreate");
  for (unsigned i = 0; i < NKEYS; i++) {
    void **key = malloc(sizeof *key);
    *key = chain_make(i);
    if (!tsearch(key, &tree, by_index))
      chain_die("tsearch");
    snprintf(names[i], sizeof names[i], "k%u", i);
    ENTRY e = {names[i], chain_make(100 + i)};
    if (!hsearch(e, ENTER))
      chain_die("hsearch");
  }
}

static void visit(const void *node, VISIT which, int depth) {
  (void)depth;
  if (which != postorder && which != leaf)
    return;
  struct chain_link *head = **(struct chain_link * *const *)node;
  nlost += chain_check_named(head, head->bytes[0], "key of tsearch");
  nvisited++;
}

int main(void) {
  keep();
  chain_scrub();
  chain_garbage();
  twalk(tree, visit);
  if (nvisited != NKEYS && ++nlost)
    printf("lost: %d nodes visited, not %d\n", nvisited, NKEYS);
  for (unsigned i = 0; i < NKEYS; i++) {
    char name[8];
    snprintf(name, sizeof name, "k%u", i);
    ENTRY e = {name, NULL}, *found = hsearch(e, FIND);
    nlost += found ? chain_check_named(found->data, 100 + i, "hsearch") : 1;
  }
  return chain_verdict(nlost);
}
