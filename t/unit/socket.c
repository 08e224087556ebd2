/* SPDX-License-Identifier: MIT */
/*
 * front/socket: a stop neither lengthens a socket's timeout nor cuts a transfer
 * short.
 */
#include "front/socket.h"

#include "stops.h"

#include <pthread.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NBYTES = 1 << 20, PORTION = 1 << 15 };

static int fds[2]; /* receive from the first */
static char sent[NBYTES], received[NBYTES];

static void set_timeout(int fd, int option, int ms) {
  struct timeval tv = {ms / 1000, ms % 1000 * 1000};
  ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, option, &tv, sizeof tv), 0);
}

static void make_pair(void) {
  cgc_self = &record;
  ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
}

/* ---- timeouts ------------------------------------------------------------ */

static ssize_t receive_by(int way) {
  struct iovec iov = {received, 1};
  struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
  switch (way) {
  case 0:
    return read(fds[0], received, 1);
  case 1:
    return __read_chk(fds[0], received, 1, 1);
  case 2:
    return recv(fds[0], received, 1, 0);
  case 3:
    return __recv_chk(fds[0], received, 1, 1, 0);
  case 4:
    return recvfrom(fds[0], received, 1, 0, NULL, NULL);
  case 5:
    return __recvfrom_chk(fds[0], received, 1, 1, 0, NULL, NULL);
  default:
    return recvmsg(fds[0], &m, 0);
  }
}
enum { NRECEIVES = 7 };

static void begin_with_stops(void) { stops_begin(SA_RESTART); }

static void assert_timed_out(ssize_t result) {
  ck_assert_int_eq(result, -1);
  ck_assert_int_eq(errno, EAGAIN);
  stops_assert_took_the_span(5);
}

START_TEST(socket_receives_keep_their_timeout) {
  make_pair();
  set_timeout(fds[0], SO_RCVTIMEO, SPAN_MS);
  begin_with_stops();
  assert_timed_out(receive_by(_i));
}
END_TEST

START_TEST(socket_sends_keep_their_timeout) {
  make_pair();
  while (send(fds[1], sent, PORTION, MSG_DONTWAIT) > 0)
    continue;
  set_timeout(fds[1], SO_SNDTIMEO, SPAN_MS);
  begin_with_stops();
  assert_timed_out(send(fds[1], sent, PORTION, 0));
}
END_TEST

START_TEST(socket_accept_keeps_its_timeout) {
  sa_family_t family = AF_UNIX;
  cgc_self = &record;
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  ck_assert_int_eq(bind(fd, (struct sockaddr *)&family, sizeof family), 0);
  ck_assert_int_eq(listen(fd, 1), 0);
  set_timeout(fd, SO_RCVTIMEO, SPAN_MS);
  begin_with_stops();
  assert_timed_out(_i ? accept4(fd, NULL, NULL, 0) : accept(fd, NULL, NULL));
}
END_TEST

START_TEST(socket_passes_the_programs_eintr_on) {
  make_pair();
  set_timeout(fds[0], SO_RCVTIMEO, 5000);
  stops_every(STOP_MS, on_program, SA_RESTART);
  ck_assert_int_eq(receive_by(_i), -1);
  ck_assert_int_eq(errno, EINTR);
}
END_TEST

/* ---- whole transfers ----------------------------------------------------- */

static struct iovec *pieces(char *room) {
  static struct iovec iov[4];
  iov[0] = (struct iovec){room, 1000};
  iov[1] = (struct iovec){room + 1000, NBYTES / 2};
  iov[2] = (struct iovec){room, 0};
  iov[3] = (struct iovec){room + 1000 + NBYTES / 2, NBYTES / 2 - 1000};
  return iov;
}

static ssize_t send_all_by(int way) {
  struct msghdr m = {.msg_iov = pieces(sent), .msg_iovlen = 4};
  switch (way) {
  case 0:
    return write(fds[1], sent, NBYTES);
  case 1:
    return writev(fds[1], pieces(sent), 4);
  case 2:
    return send(fds[1], sent, NBYTES, 0);
  case 3:
    return sendto(fds[1], sent, NBYTES, 0, NULL, 0);
  default:
    return sendmsg(fds[1], &m, 0);
  }
}
enum { NSENDS = 5 };

static ssize_t receive_all_by(int way) {
  struct msghdr m = {.msg_iov = pieces(received), .msg_iovlen = 4};
  switch (way) {
  case 0:
    return recv(fds[0], received, NBYTES, MSG_WAITALL);
  case 1:
    return recvfrom(fds[0], received, NBYTES, MSG_WAITALL, NULL, NULL);
  default:
    return recvmsg(fds[0], &m, MSG_WAITALL);
  }
}
enum { NRECEIVES_ALL = 3 };

static void nap(void) {
  static _Atomic uint32_t never;
  cgc_thread_futex_wait(&never, 0, 4000000);
}

static void block_the_timer(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGALRM);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* By the kernel's calls, slower than the stops come. */
static void *take_slowly(void *arg) {
  ssize_t some;
  size_t n = 0;
  (void)arg;
  block_the_timer();
  do {
    nap();
    some =
        cgc_thread_syscall(0, fds[0], (long)(received + n), PORTION, 0, 0, 0);
    n += some > 0 ? (size_t)some : 0;
  } while (some > 0 && n < NBYTES);
  return NULL;
}

static void *give_slowly(void *arg) {
  (void)arg;
  block_the_timer();
  for (size_t n = 0; n < NBYTES; n += PORTION) {
    nap();
    cgc_thread_syscall(1, fds[1], (long)(sent + n), PORTION, 0, 0, 0);
  }
  return NULL;
}

static void fill(void) {
  for (size_t i = 0; i < NBYTES; i++)
    sent[i] = (char)(i * 2654435761u >> 16);
}

START_TEST(socket_sends_all) {
  pthread_t thread;
  fill();
  make_pair();
  pthread_create(&thread, NULL, take_slowly, NULL);
  stops_every(3, on_stop, SA_RESTART);
  errno = 7;
  ck_assert_int_eq(send_all_by(_i), NBYTES);
  ck_assert_int_eq(errno, 7);
  stops_every(0, on_stop, SA_RESTART);
  pthread_join(thread, NULL);
  ck_assert_int_ge(nstops, 3);
  ck_assert(memcmp(sent, received, NBYTES) == 0);
}
END_TEST

START_TEST(socket_receives_all_where_that_is_asked_for) {
  pthread_t thread;
  fill();
  make_pair();
  pthread_create(&thread, NULL, give_slowly, NULL);
  stops_every(3, on_stop, SA_RESTART);
  ck_assert_int_eq(receive_all_by(_i), NBYTES);
  stops_every(0, on_stop, SA_RESTART);
  pthread_join(thread, NULL);
  ck_assert_int_ge(nstops, 3);
  ck_assert(memcmp(sent, received, NBYTES) == 0);
}
END_TEST

/* The program's own signals cut it short, as they do without us. */
START_TEST(socket_leaves_a_transfer_short_that_we_did_not_cut) {
  make_pair();
  stops_every(STOP_MS, on_program, SA_RESTART);
  ssize_t n = send_all_by(_i);
  ck_assert_int_gt(n, 0);
  ck_assert_int_lt(n, NBYTES);
}
END_TEST

START_TEST(socket_what_fails_behind_a_part_is_for_the_next_call) {
  make_pair();
  stops_every(STOP_MS, on_stop, SA_RESTART);
  set_timeout(fds[1], SO_SNDTIMEO, SPAN_MS);
  errno = 7;
  ssize_t n = send_all_by(_i);
  ck_assert_int_gt(n, 0);
  ck_assert_int_lt(n, NBYTES);
}
END_TEST

static Suite *socket_suite(void) {
  Suite *s = suite_create("socket");
  TCase *core = tcase_create("core");
  tcase_add_loop_test(core, socket_receives_keep_their_timeout, 0, NRECEIVES);
  tcase_add_test(core, socket_sends_keep_their_timeout);
  tcase_add_loop_test(core, socket_accept_keeps_its_timeout, 0, 2);
  tcase_add_loop_test(core, socket_sends_all, 0, NSENDS);
  tcase_add_loop_test(core, socket_receives_all_where_that_is_asked_for, 0,
                      NRECEIVES_ALL);
  suite_add_tcase(s, core);
  TCase *errors = tcase_create("errors");
  tcase_add_loop_test(errors, socket_passes_the_programs_eintr_on, 0,
                      NRECEIVES);
  tcase_add_loop_test(
      errors, socket_leaves_a_transfer_short_that_we_did_not_cut, 0, NSENDS);
  tcase_add_loop_test(
      errors, socket_what_fails_behind_a_part_is_for_the_next_call, 2, NSENDS);
  suite_add_tcase(s, errors);
  return s;
}

int main(void) { return unit_run(socket_suite()); }
