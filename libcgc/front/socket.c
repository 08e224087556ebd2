/* SPDX-License-Identifier: MIT */
#include "front/socket.h"

#include "front/deadline.h"
#include "front/real.h"
#include "os/thread.h"

#include <errno.h>
#include <poll.h>
#include <sys/time.h>
#include <sys/uio.h>

CGC_REAL(read)
CGC_REAL(__read_chk)
CGC_REAL(recv)
CGC_REAL(__recv_chk)
CGC_REAL(recvfrom)
CGC_REAL(__recvfrom_chk)
CGC_REAL(recvmsg)
CGC_REAL(accept)
CGC_REAL(accept4)
CGC_REAL(send)
CGC_REAL(sendto)
CGC_REAL(sendmsg)
CGC_REAL(connect)
CGC_REAL(write)
CGC_REAL(writev)

struct transfer {
  struct cgc_deadline wait;
  int fd;
  int option; /* SO_RCVTIMEO or SO_SNDTIMEO */
  uint64_t deadline_ns;
};

static inline void begin_transfer(struct transfer *t, int fd, int option) {
  cgc_deadline_begin(&t->wait);
  t->fd = fd;
  t->option = option;
  t->deadline_ns = 0;
}

static uint64_t socket_timeout_ns(const struct transfer *t) {
  struct timeval tv = {0};
  socklen_t len = sizeof tv;
  if (getsockopt(t->fd, SOL_SOCKET, t->option, &tv, &len) != 0)
    return 0;
  return (uint64_t)tv.tv_sec * CGC_NS_PER_S + (uint64_t)tv.tv_usec * 1000;
}

/* Until the socket is ready.  returns  false, and errno, when it is not */
static bool is_ready_in_time(struct transfer *t) {
  struct pollfd fd = {t->fd, t->option == SO_RCVTIMEO ? POLLIN : POLLOUT, 0};
  uint64_t now = cgc_thread_now_ns();
  uint64_t ns = t->deadline_ns > now ? t->deadline_ns - now : 0;
  struct timespec rest = {(time_t)(ns / CGC_NS_PER_S),
                          (long)(ns % CGC_NS_PER_S)};
  int n = ppoll(&fd, 1, &rest, NULL);
  if (n == 0)
    errno = EAGAIN;
  return n > 0;
}

static CGC_COLD bool transfer_again_slow(struct transfer *t) {
  if (!cgc_deadline_again_after(&t->wait, errno))
    return false;
  uint64_t timeout_ns = socket_timeout_ns(t);
  if (timeout_ns == 0)
    return true;
  if (t->deadline_ns == 0)
    t->deadline_ns = cgc_thread_now_ns() + timeout_ns;
  bool is_ready = is_ready_in_time(t);
  cgc_deadline_begin(&t->wait); /* it was another wait's meanwhile */
  return is_ready;
}

static inline bool transfer_again(struct transfer *t, ssize_t result) {
  return cgc_unlikely(result < 0) && transfer_again_slow(t);
}

/* The result of CALL, which is made again as long as stops break it off. */
#define TRANSFER(fd, option, call)                                             \
  ({                                                                           \
    struct transfer transfer;                                                  \
    __typeof__(call) moved;                                                    \
    begin_transfer(&transfer, fd, option);                                     \
    do                                                                         \
      moved = (call);                                                          \
    while (transfer_again(&transfer, moved));                                  \
    cgc_deadline_end(&transfer.wait);                                          \
    moved;                                                                     \
  })

CGC_PUBLIC ssize_t read(int fd, void *buf, size_t size) {
  return TRANSFER(fd, SO_RCVTIMEO, CGC_CALL_REAL(read)(fd, buf, size));
}

CGC_PUBLIC ssize_t __read_chk(int fd, void *buf, size_t size, size_t room) {
  return TRANSFER(fd, SO_RCVTIMEO,
                  CGC_CALL_REAL(__read_chk)(fd, buf, size, room));
}

/*
 * A signal in the middle of a blocking write or send, or of a receive that
 * waits for all, makes the kernel return what was moved so far.  If a stop
 * came meanwhile the rest follows, as it would have; what then goes wrong
 * shows at the program's next call.
 */
static inline uint32_t stops_seen(void) {
  return atomic_load_explicit(&cgc_mutator_stop.epoch, memory_order_relaxed);
}

static inline bool was_cut_short(uint32_t stops, ssize_t n, size_t size) {
  return cgc_unlikely(n > 0 && (size_t)n < size) && stops != stops_seen();
}

/* Other sockets have messages, and take MSG_WAITALL for nothing. */
static bool waits_for_all(int fd, int flags) {
  int type = 0;
  socklen_t len = sizeof type;
  return (flags & (MSG_WAITALL | MSG_PEEK)) == MSG_WAITALL &&
         getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
         type == SOCK_STREAM;
}

/* A sum of two transfers, of which the second may have failed. */
static ssize_t added(ssize_t n, ssize_t more, int saved) {
  errno = saved;
  return more > 0 ? n + more : n;
}

/* N bytes came; if all of SIZE was asked for and a stop was in it, the rest. */
static ssize_t received(int fd, void *buf, size_t size, int flags, ssize_t n,
                        uint32_t stops) {
  int saved = errno;
  if (!was_cut_short(stops, n, size) || !waits_for_all(fd, flags))
    return n;
  return added(n, recv(fd, (char *)buf + n, size - (size_t)n, flags), saved);
}

CGC_PUBLIC ssize_t recv(int fd, void *buf, size_t size, int flags) {
  uint32_t stops = stops_seen();
  ssize_t n =
      TRANSFER(fd, SO_RCVTIMEO, CGC_CALL_REAL(recv)(fd, buf, size, flags));
  return received(fd, buf, size, flags, n, stops);
}

CGC_PUBLIC ssize_t __recv_chk(int fd, void *buf, size_t size, size_t room,
                              int flags) {
  uint32_t stops = stops_seen();
  ssize_t n = TRANSFER(fd, SO_RCVTIMEO,
                       CGC_CALL_REAL(__recv_chk)(fd, buf, size, room, flags));
  return received(fd, buf, size, flags, n, stops);
}

CGC_PUBLIC ssize_t recvfrom(int fd, void *restrict buf, size_t size, int flags,
                            struct sockaddr *restrict from,
                            socklen_t *restrict len) {
  uint32_t stops = stops_seen();
  ssize_t n =
      TRANSFER(fd, SO_RCVTIMEO,
               CGC_CALL_REAL(recvfrom)(fd, buf, size, flags, from, len));
  return received(fd, buf, size, flags, n, stops);
}

CGC_PUBLIC ssize_t __recvfrom_chk(int fd, void *buf, size_t size, size_t room,
                                  int flags, struct sockaddr *from,
                                  socklen_t *len) {
  uint32_t stops = stops_seen();
  ssize_t n = TRANSFER(
      fd, SO_RCVTIMEO,
      CGC_CALL_REAL(__recvfrom_chk)(fd, buf, size, room, flags, from, len));
  return received(fd, buf, size, flags, n, stops);
}

/* What of some buffers has not been moved: a piece of one, and others whole. */
struct rest {
  char *piece;
  size_t piece_len;
  struct iovec *others;
  size_t nothers;
};

/* Of COUNT buffers N bytes were moved.  returns  false when that was all */
static bool find_rest(const struct iovec *iov, size_t count, size_t n,
                      struct rest *rest) {
  for (; count && n >= iov->iov_len; count--)
    n -= iov++->iov_len;
  if (count == 0)
    return false;
  *rest = (struct rest){(char *)iov->iov_base + n, iov->iov_len - n,
                        (struct iovec *)(uintptr_t)(iov + 1), count - 1};
  return true;
}

/* The piece gave PIECE.  returns  whether the others are to follow */
static bool is_piece_done(const struct rest *rest, ssize_t piece) {
  return piece == (ssize_t)rest->piece_len && rest->nothers > 0;
}

/* Descriptors that came with the rest would have no place. */
static ssize_t recvmsg_rest(int fd, const struct msghdr *message, size_t n,
                            int flags) {
  struct rest rest;
  if (message->msg_control || !waits_for_all(fd, flags) ||
      !find_rest(message->msg_iov, message->msg_iovlen, n, &rest))
    return 0;
  int saved = errno;
  struct msghdr others = {.msg_iov = rest.others, .msg_iovlen = rest.nothers};
  ssize_t piece = recv(fd, rest.piece, rest.piece_len, flags);
  if (!is_piece_done(&rest, piece))
    return piece;
  return added(piece, recvmsg(fd, &others, flags), saved);
}

CGC_PUBLIC ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
  uint32_t stops = stops_seen();
  int saved = errno;
  ssize_t n =
      TRANSFER(fd, SO_RCVTIMEO, CGC_CALL_REAL(recvmsg)(fd, message, flags));
  if (!was_cut_short(stops, n, SIZE_MAX))
    return n;
  return added(n, recvmsg_rest(fd, message, (size_t)n, flags), saved);
}

CGC_PUBLIC int accept(int fd, struct sockaddr *restrict from,
                      socklen_t *restrict len) {
  return TRANSFER(fd, SO_RCVTIMEO, CGC_CALL_REAL(accept)(fd, from, len));
}

CGC_PUBLIC int accept4(int fd, struct sockaddr *restrict from,
                       socklen_t *restrict len, int flags) {
  return TRANSFER(fd, SO_RCVTIMEO,
                  CGC_CALL_REAL(accept4)(fd, from, len, flags));
}

CGC_PUBLIC ssize_t write(int fd, const void *buf, size_t size) {
  uint32_t stops = stops_seen();
  int saved = errno;
  ssize_t n = CGC_CALL_REAL(write)(fd, buf, size);
  if (!was_cut_short(stops, n, size))
    return n;
  return added(n, write(fd, (const char *)buf + n, size - (size_t)n), saved);
}

static ssize_t writev_rest(int fd, const struct iovec *iov, int count,
                           size_t n) {
  struct rest rest;
  if (!find_rest(iov, (size_t)count, n, &rest))
    return 0;
  int saved = errno;
  ssize_t piece = write(fd, rest.piece, rest.piece_len);
  if (!is_piece_done(&rest, piece))
    return piece;
  return added(piece, writev(fd, rest.others, (int)rest.nothers), saved);
}

CGC_PUBLIC ssize_t writev(int fd, const struct iovec *iov, int count) {
  uint32_t stops = stops_seen();
  int saved = errno;
  ssize_t n = CGC_CALL_REAL(writev)(fd, iov, count);
  if (!was_cut_short(stops, n, SIZE_MAX))
    return n;
  return added(n, writev_rest(fd, iov, count, (size_t)n), saved);
}

CGC_PUBLIC ssize_t send(int fd, const void *buf, size_t size, int flags) {
  uint32_t stops = stops_seen();
  int saved = errno;
  ssize_t n =
      TRANSFER(fd, SO_SNDTIMEO, CGC_CALL_REAL(send)(fd, buf, size, flags));
  if (!was_cut_short(stops, n, size))
    return n;
  const char *rest = (const char *)buf + n;
  return added(n, send(fd, rest, size - (size_t)n, flags), saved);
}

CGC_PUBLIC ssize_t sendto(int fd, const void *buf, size_t size, int flags,
                          const struct sockaddr *to, socklen_t len) {
  uint32_t stops = stops_seen();
  int saved = errno;
  ssize_t n = TRANSFER(fd, SO_SNDTIMEO,
                       CGC_CALL_REAL(sendto)(fd, buf, size, flags, to, len));
  if (!was_cut_short(stops, n, size))
    return n;
  const char *rest = (const char *)buf + n;
  return added(n, sendto(fd, rest, size - (size_t)n, flags, to, len), saved);
}

/* What goes with the bytes has gone with the first of them. */
static ssize_t sendmsg_rest(int fd, const struct msghdr *message, size_t n,
                            int flags) {
  struct rest rest;
  if (!find_rest(message->msg_iov, message->msg_iovlen, n, &rest))
    return 0;
  int saved = errno;
  struct msghdr others = {.msg_iov = rest.others, .msg_iovlen = rest.nothers};
  ssize_t piece = send(fd, rest.piece, rest.piece_len, flags);
  if (!is_piece_done(&rest, piece))
    return piece;
  return added(piece, sendmsg(fd, &others, flags), saved);
}

CGC_PUBLIC ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  uint32_t stops = stops_seen();
  int saved = errno;
  ssize_t n =
      TRANSFER(fd, SO_SNDTIMEO, CGC_CALL_REAL(sendmsg)(fd, message, flags));
  if (!was_cut_short(stops, n, SIZE_MAX))
    return n;
  return added(n, sendmsg_rest(fd, message, (size_t)n, flags), saved);
}

/*
 * A connection under way is taken up again by the same call.  One that has run
 * out of time says so in its own way.
 */
CGC_PUBLIC int connect(int fd, const struct sockaddr *to, socklen_t len) {
  struct transfer t;
  int result;
  begin_transfer(&t, fd, SO_SNDTIMEO);
  do
    result = CGC_CALL_REAL(connect)(fd, to, len);
  while (transfer_again(&t, result));
  cgc_deadline_end(&t.wait);
  if (result < 0 && errno == EAGAIN && t.deadline_ns)
    errno = EINPROGRESS;
  return result;
}
