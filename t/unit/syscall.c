/* SPDX-License-Identifier: MIT */
/*
 * front/syscall: as libc's, but that waits go on with the time that is left.
 */
#include "front/syscall.h"

#include "stops.h"

#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <time.h>

static const struct timespec span = {0, SPAN_MS * 1000000};

/* Three stops, then the program's. */
static void on_stop_and_program(int sig) {
  if (nstops < 3)
    on_stop(sig);
}

static long by_poll(void) { return syscall(SYS_poll, NULL, 0, SPAN_MS); }

static long by_epoll_wait(void) {
  struct epoll_event event;
  return syscall(SYS_epoll_wait, epoll_create1(0), &event, 1, SPAN_MS);
}

static long by_epoll_pwait(void) {
  struct epoll_event event;
  return syscall(SYS_epoll_pwait, epoll_create1(0), &event, 1, SPAN_MS, NULL,
                 8);
}

static long by_nanosleep(void) { return syscall(SYS_nanosleep, &span, NULL); }

static long by_clock_nanosleep(void) {
  return syscall(SYS_clock_nanosleep, CLOCK_REALTIME, 0, &span, NULL);
}

static long unless(int expected, long result) {
  return result == -1 && errno == expected ? 0 : -1;
}

static long by_futex(void) {
  int word = 0, op = FUTEX_WAIT | FUTEX_PRIVATE_FLAG;
  return unless(ETIMEDOUT, syscall(SYS_futex, &word, op, 0, &span, NULL, 0));
}

static long by_sigtimedwait(void) {
  uint64_t set = 1 << (SIGUSR1 - 1);
  return unless(EAGAIN, syscall(SYS_rt_sigtimedwait, &set, NULL, &span, 8));
}

static long by_semtimedop(void) {
  struct sembuf take = {0, -1, 0};
  int set = semget(IPC_PRIVATE, 1, 0600);
  long result = unless(EAGAIN, syscall(SYS_semtimedop, set, &take, 1, &span));
  semctl(set, 0, IPC_RMID);
  return result;
}

static long by_ppoll(void) {
  struct timespec left = span;
  long result = syscall(SYS_ppoll, NULL, 0, &left, NULL, 8);
  return left.tv_nsec == 0 ? result : -1;
}

static long by_pselect(void) { /* of memory that can't be written */
  return syscall(SYS_pselect6, 0, NULL, NULL, NULL, &span, NULL);
}

static long by_select(void) {
  struct timeval left = {0, SPAN_MS * 1000};
  long result = syscall(SYS_select, 0, NULL, NULL, NULL, &left);
  return left.tv_usec == 0 ? result : -1;
}

static long (*const waits[])(void) = {
    by_ppoll,      by_pselect,      by_select,    by_poll,
    by_epoll_wait, by_epoll_pwait,  by_nanosleep, by_clock_nanosleep,
    by_futex,      by_sigtimedwait, by_semtimedop};
enum { NWAITS = sizeof waits / sizeof *waits };

START_TEST(syscall_waits_for_the_span) {
  stops_begin(0);
  ck_assert_int_eq(waits[_i](), 0);
  stops_assert_took_the_span(1);
  ck_assert_int_eq(span.tv_nsec, SPAN_MS * 1000000);
}
END_TEST

/* It writes what is left when the program's handler ends it, and after. */
START_TEST(syscall_tells_what_is_left) {
  struct timespec left = {50, 0};
  cgc_self = &record;
  stops_every(STOP_MS, on_stop_and_program, 0);
  ck_assert_int_eq(syscall(SYS_ppoll, NULL, 0, &left, NULL, 8), -1);
  ck_assert_int_eq(errno, EINTR);
  ck_assert_int_eq(left.tv_sec, 49);
}
END_TEST

START_TEST(syscall_is_as_libcs) {
  int fd = memfd_create("syscall", 0);
  errno = 7;
  ck_assert_int_eq(syscall(SYS_getpid), getpid());
  ck_assert_int_eq(errno, 7);
  ck_assert_int_eq(syscall(-1), -1);
  ck_assert_int_eq(errno, ENOSYS);
  ck_assert_int_eq(syscall(SYS_close, -1), -1);
  ck_assert_int_eq(errno, EBADF);
  ck_assert_int_eq(pwrite(fd, "z", 1, 4096), 1);
  const char *page = (const char *)syscall(SYS_mmap, NULL, 4096, PROT_READ,
                                           MAP_PRIVATE, fd, 4096);
  ck_assert_int_eq(*page, 'z'); /* six arguments, a pointer as the result */
}
END_TEST

START_TEST(syscall_passes_the_programs_eintr_on) {
  int word = 0;
  struct timespec long_span = {5, 0};
  cgc_self = &record;
  stops_every(STOP_MS, on_program, 0);
  ck_assert_int_eq(syscall(SYS_poll, NULL, 0, 5000), -1);
  ck_assert_int_eq(errno, EINTR);
  ck_assert_int_eq(
      syscall(SYS_futex, &word, FUTEX_WAIT, 0, &long_span, NULL, 0), -1);
  ck_assert_int_eq(errno, EINTR);
  ck_assert_uint_eq(record.wait_sp, 0);
}
END_TEST

START_TEST(syscall_futex_takes_other_things_than_a_time) {
  int from = 0, to = 0;
  ck_assert_int_eq(syscall(SYS_futex, &from, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
  /* Here the fourth argument is a number. */
  ck_assert_int_eq(syscall(SYS_futex, &from, FUTEX_CMP_REQUEUE, 1, 1l, &to, 0),
                   0);
  ck_assert_int_eq(syscall(SYS_futex, &from, FUTEX_CMP_REQUEUE, 1, 1l, &to, 9),
                   -1);
  ck_assert_int_eq(errno, EAGAIN);
}
END_TEST

START_TEST(syscall_leaves_wrong_arguments_to_the_kernel) {
  struct timespec wrong = {0, -1};
  ck_assert_int_eq(syscall(SYS_nanosleep, NULL, NULL), -1);
  ck_assert_int_eq(errno, EFAULT);
  ck_assert_int_eq(syscall(SYS_nanosleep, &wrong, NULL), -1);
  ck_assert_int_eq(errno, EINVAL);
  ck_assert_int_eq(syscall(SYS_epoll_wait, -1, NULL, 1, 0), -1);
}
END_TEST

static Suite *syscall_suite(void) {
  Suite *s = suite_create("syscall");
  TCase *core = tcase_create("core");
  tcase_add_test(core, syscall_is_as_libcs);
  tcase_add_loop_test(core, syscall_waits_for_the_span, 0, NWAITS);
  suite_add_tcase(s, core);
  TCase *errors = tcase_create("errors");
  tcase_add_test(errors, syscall_tells_what_is_left);
  tcase_add_test(errors, syscall_passes_the_programs_eintr_on);
  tcase_add_test(errors, syscall_futex_takes_other_things_than_a_time);
  tcase_add_test(errors, syscall_leaves_wrong_arguments_to_the_kernel);
  suite_add_tcase(s, errors);
  return s;
}

int main(void) { return unit_run(syscall_suite()); }
