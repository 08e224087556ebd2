/* SPDX-License-Identifier: MIT */
/* Transfers that wait in the middle are not cut short: a write larger than the
 * pipe, a recv with MSG_WAITALL.  The kernel ends those early for any signal
 * with a handler, with the count so far and no error, SA_RESTART or not.
 */
#include "notice.h"
#include <sys/socket.h>

enum { NBYTES = 1 << 20, NROUNDS = 8 };
static int fds[2], pair[2];
static volatile int nwritten = -1, nreceived = -1;

static void *writer(void *unused) {
  static char room[NBYTES];
  (void)unused;
  for (int i = 0; i < NROUNDS; i++) {
    nwritten = (int)write(fds[1], room, sizeof room);
    if (nwritten != NBYTES)
      break;
  }
  close(fds[1]);
  return NULL;
}

static void *receiver(void *unused) {
  static char room[NBYTES];
  (void)unused;
  nreceived = (int)recv(pair[0], room, sizeof room, MSG_WAITALL);
  close(pair[0]); /* the sender must not wait for one who is gone */
  return NULL;
}

/* Let the other two wait while garbage is made, then go on a little. */
static void drain(void) {
  static char room[NBYTES / 8];
  ssize_t n;
  do {
    chain_garbage_mib(10);
    n = read(fds[0], room, sizeof room);
  } while (n > 0);
}

static void feed(void) {
  static char room[NBYTES / 8];
  for (int i = 0; i < 8; i++) {
    chain_garbage_mib(10);
    if (send(pair[1], room, sizeof room, MSG_NOSIGNAL) < 0)
      break;
  }
}

int main(void) {
  if (pipe(fds) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
    chain_die("pipe");
  pthread_t w = notice_start(writer, NULL);
  drain();
  pthread_join(w, NULL);
  pthread_t r = notice_start(receiver, NULL);
  feed();
  shutdown(pair[1], SHUT_WR);
  pthread_join(r, NULL);
  if (nwritten != NBYTES)
    printf("noticed: write returned %d of %d\n", nwritten, NBYTES);
  if (nreceived != NBYTES)
    printf("noticed: recv returned %d of %d\n", nreceived, NBYTES);
  return chain_verdict((nwritten != NBYTES) + (nreceived != NBYTES));
}
