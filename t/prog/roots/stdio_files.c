/* SPDX-License-Identifier: MIT */
/* Place: libc's list of open stdio streams.
 * Arises: a FILE that the program forgets stays in _IO_list_all; here it owns
 * a cookie, which owns the chain, and is reached by fflush(NULL).
 */
#include "chain.h"

static int nlost = 1;

static ssize_t cookie_write(void *cookie, const char *buf, size_t n) {
  if (n == 4 && !memcmp(buf, "text", 4))
    nlost = chain_check_named(cookie, 0, "cookie of a forgotten FILE");
  return (ssize_t)n;
}

CHAIN_FN void keep(void) {
  cookie_io_functions_t io = {NULL, cookie_write, NULL, NULL};
  FILE *f = fopencookie(chain_make(0), "w", io);
  if (!f)
    chain_die("fopencookie");
  fputs("text", f);
}

int main(void) {
  keep();
  chain_scrub();
  chain_garbage();
  fflush(NULL);
  return chain_verdict(nlost);
}
