/* SPDX-License-Identifier: MIT */
/* Place: epoll_event.data.ptr, added and modified, of a dup'ed descriptor, by
 * main and by another thread, over another descriptor's DEL and close.
 * Arises: event loops that keep the connection in data.ptr; only the kernel
 * has it.
 */
#include "chain.h"
#include <sys/epoll.h>

enum { NFDS = 40 };
static int ep, fds[NFDS][2];
static int nlost, nseen;

CHAIN_FN void watch(int op, int i, unsigned id) {
  struct epoll_event e = {.events = EPOLLIN};
  e.data.ptr = chain_make(id);
  if (epoll_ctl(ep, op, fds[i][0], &e))
    chain_die("epoll_ctl");
}

CHAIN_FN int keep(void) {
  for (int i = 0; i < NFDS; i++) {
    if (pipe(fds[i]))
      chain_die("pipe");
    watch(EPOLL_CTL_ADD, i, (unsigned)i);
    if (i % 4 == 1)
      watch(EPOLL_CTL_MOD, i, (unsigned)i);
  }
  return 0;
}

/* Forget some: their blocks may go, the others' not. */
CHAIN_FN void forget(void) {
  for (int i = 2; i < NFDS; i += 8)
    if (epoll_ctl(ep, EPOLL_CTL_DEL, fds[i][0], NULL))
      chain_die("epoll_ctl");
  for (int i = 3; i < NFDS; i += 8) {
    close(fds[i][0]);
    close(fds[i][1]);
    fds[i][1] = -1;
  }
}

CHAIN_FN void fire(void) {
  struct epoll_event e[NFDS];
  for (int i = 0; i < NFDS; i++)
    if (fds[i][1] >= 0 && write(fds[i][1], "x", 1) != 1)
      chain_die("write");
  int n = epoll_wait(ep, e, NFDS, 1000);
  for (int k = 0; k < n; k++) {
    struct chain_link *head = e[k].data.ptr;
    nlost += chain_check_named(head, head->bytes[0], "data.ptr of an event");
    nseen++;
  }
}

int main(void) {
  ep = epoll_create1(EPOLL_CLOEXEC);
  chain_in_thread(keep);
  chain_scrub();
  chain_garbage_mib(30);
  forget();
  chain_garbage();
  fire();
  if (nseen != NFDS - NFDS / 4)
    printf("lost: %d events, not %d\n", nseen, NFDS - NFDS / 4);
  return chain_verdict(nlost + (nseen != NFDS - NFDS / 4));
}
