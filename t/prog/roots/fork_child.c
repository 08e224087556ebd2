/* SPDX-License-Identifier: MIT */
/* Place: everything, in a forked child and in a child of that: the parent's
 * chains in a global, TLS, and the stack; the child makes the garbage.
 * Arises: servers that fork; also the parent goes on afterwards.
 */
#include "chain.h"
#include <sys/wait.h>

static void *volatile global;
static __thread void *volatile tls;

CHAIN_FN void keep(void) {
  global = chain_make(0);
  tls = chain_make(1);
}

static int check(void *head, const char *who) {
  return chain_check_named(global, 0, who) + chain_check_named(tls, 1, who) +
         chain_check_named(head, 2, who);
}

/* Fork DEPTH generations, each making garbage before and after. */
CHAIN_FN int generation(void *volatile head, int depth) {
  int status = 0;
  pid_t pid = depth ? fork() : -1;
  if (pid == 0) {
    int lost = generation(head, depth - 1);
    chain_garbage_mib(CHAIN_GARBAGE_MIB / 2);
    _exit(lost + check(head, "child") != 0);
  }
  chain_garbage_mib(CHAIN_GARBAGE_MIB / 2);
  if (pid > 0 && (waitpid(pid, &status, 0) != pid || status))
    return printf("lost: child's status %x\n", (unsigned)status), 1;
  return check(head, "parent");
}

CHAIN_FN int victim(void) {
  keep();
  return generation(chain_make(2), 2);
}

int main(void) {
  chain_garbage_mib(10);
  int lost = victim();
  return chain_verdict(lost + chain_in_thread(victim));
}
