/* SPDX-License-Identifier: MIT */
/* Place: the bytes of a pipe, of an eventfd's counter, of a socket pair.
 * Arises: self-pipes that hand a pointer to a worker; only the kernel has it.
 */
#include "chain.h"
#include <sys/socket.h>

static int fds[2], pair[2];

CHAIN_FN void keep(void) {
  void *head = chain_make(0);
  if (write(fds[1], &head, sizeof head) != sizeof head)
    chain_die("write");
  head = chain_make(1);
  if (send(pair[1], &head, sizeof head, 0) != sizeof head)
    chain_die("send");
}

CHAIN_FN int receive(int fd, unsigned id, const char *name) {
  void *head;
  if (read(fd, &head, sizeof head) != sizeof head)
    chain_die("read");
  return chain_check_named(head, id, name);
}

int main(void) {
  if (pipe(fds) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
    chain_die("pipe");
  keep();
  chain_scrub();
  chain_garbage();
  return chain_verdict(receive(fds[0], 0, "pointer in a pipe") +
                       receive(pair[0], 1, "pointer in a socket"));
}
