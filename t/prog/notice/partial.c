/* SPDX-License-Identifier: MIT */
/* Transfers that wait in the middle are not cut short: one larger than the pipe
 * or the socket's room, a receive with MSG_WAITALL.  The kernel ends those
 * early for any signal with a handler, with the count so far and no error,
 * SA_RESTART or not.  And what arrives is what was sent.
 */
#include "notice.h"
#include <sys/socket.h>
#include <sys/uio.h>

enum { NBYTES = 1 << 20, NWORDS = NBYTES / 4, NROUNDS = 3, PORTION = 1 << 17 };
static int fds[2]; /* receive from the first */
static uint32_t sent[NWORDS], received[NWORDS];

/* The room in three pieces, none of them a multiple of a page. */
static struct iovec *pieces(uint32_t *room) {
  static __thread struct iovec iov[3];
  char *bytes = (char *)room;
  iov[0] = (struct iovec){bytes, 1000};
  iov[1] = (struct iovec){bytes + 1000, NBYTES / 2};
  iov[2] = (struct iovec){bytes + 1000 + NBYTES / 2, NBYTES / 2 - 1000};
  return iov;
}

static ssize_t by_write(void) { return write(fds[1], sent, NBYTES); }
static ssize_t by_writev(void) { return writev(fds[1], pieces(sent), 3); }
static ssize_t by_send(void) { return send(fds[1], sent, NBYTES, 0); }

static ssize_t by_sendto(void) {
  return sendto(fds[1], sent, NBYTES, MSG_NOSIGNAL, NULL, 0);
}

static ssize_t by_sendmsg(void) {
  struct msghdr m = {.msg_iov = pieces(sent), .msg_iovlen = 3};
  return sendmsg(fds[1], &m, MSG_NOSIGNAL);
}

static ssize_t by_recv(void) {
  return recv(fds[0], received, NBYTES, MSG_WAITALL);
}

static ssize_t by_recvmsg(void) {
  struct msghdr m = {.msg_iov = pieces(received), .msg_iovlen = 3};
  return recvmsg(fds[0], &m, MSG_WAITALL);
}

struct transfer {
  const char *name;
  ssize_t (*move)(void);
  int is_pipe, receives;
};

static const struct transfer transfers[] = {
    {"write", by_write, 1, 0},     {"writev", by_writev, 1, 0},
    {"send", by_send, 0, 0},       {"sendto", by_sendto, 0, 0},
    {"sendmsg", by_sendmsg, 0, 0}, {"recv", by_recv, 0, 1},
    {"recvmsg", by_recvmsg, 0, 1},
};
enum { NTRANSFERS = sizeof transfers / sizeof *transfers };

static volatile ssize_t moved;

static void *mover(void *arg) {
  const struct transfer *t = arg;
  moved = t->move();
  close(t->receives ? fds[0] : fds[1]); /* nobody waits for more */
  return NULL;
}

/* The other side: a portion at a time, and garbage meanwhile. */
static void drain(void) {
  size_t n = 0;
  ssize_t some;
  do {
    chain_garbage_mib(4);
    some = read(fds[0], (char *)received + n,
                n < NBYTES - PORTION ? PORTION : NBYTES - n);
    n += some > 0 ? (size_t)some : 0;
  } while (some > 0 && n < NBYTES);
  close(fds[0]);
}

static void feed(void) {
  for (int i = 0; i < NBYTES / PORTION; i++) {
    chain_garbage_mib(4);
    if (send(fds[1], (char *)sent + i * PORTION, PORTION, MSG_NOSIGNAL) < 0)
      break;
  }
  close(fds[1]);
}

static void fill(void) {
  for (uint32_t i = 0; i < NWORDS; i++)
    sent[i] = i * 2654435761u;
  memset(received, 0, sizeof received);
}

static int try(const struct transfer *t) {
  fill();
  if (t->is_pipe ? pipe(fds) : socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
    chain_die("pipe");
  pthread_t thread = notice_start(mover, (void *)(uintptr_t)t);
  if (t->receives)
    feed();
  else
    drain();
  pthread_join(thread, NULL);
  if (moved == NBYTES && !memcmp(sent, received, NBYTES))
    return 0;
  printf("noticed: %s returned %zd of %d%s\n", t->name, moved, NBYTES,
         moved == NBYTES ? ", and others arrived" : "");
  return 1;
}

int main(void) {
  int nwrong = 0;
  signal(SIGPIPE, SIG_IGN);
  for (int i = 0; i < NTRANSFERS; i++)
    for (int round = 0; round < NROUNDS; round++)
      nwrong += try(&transfers[i]);
  return chain_verdict(nwrong);
}
