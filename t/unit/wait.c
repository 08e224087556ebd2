/* SPDX-License-Identifier: MIT */
/*
 * front/wait: a wait that we break off goes on with the time that is left, one
 * that the program breaks off ends.
 */
#include "front/wait.h"

#include "stops.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static const struct timespec span = {0, SPAN_MS * 1000000};

static void begin_with_stops(void) { stops_begin(0); }

static void assert_took_the_span(void) { stops_assert_took_the_span(1); }

START_TEST(wait_poll_keeps_its_timeout) {
  struct timespec copy = span;
  begin_with_stops();
  stops_start_clock();
  ck_assert_int_eq(poll(NULL, 0, SPAN_MS), 0);
  assert_took_the_span();
  stops_start_clock();
  ck_assert_int_eq(ppoll(NULL, 0, &copy, NULL), 0);
  assert_took_the_span();
  stops_start_clock();
  ck_assert_int_eq(__poll_chk(NULL, 0, SPAN_MS, 0), 0);
  assert_took_the_span();
  stops_start_clock();
  ck_assert_int_eq(__ppoll_chk(NULL, 0, &copy, NULL, 0), 0);
  assert_took_the_span();
  ck_assert_int_eq(copy.tv_nsec, span.tv_nsec);
}
END_TEST

START_TEST(wait_select_keeps_its_timeout) {
  struct timeval tv = {0, SPAN_MS * 1000};
  begin_with_stops();
  stops_start_clock();
  ck_assert_int_eq(select(0, NULL, NULL, NULL, &tv), 0);
  assert_took_the_span();
  ck_assert_int_eq(tv.tv_sec, 0);
  ck_assert_int_eq(tv.tv_usec, 0);
  stops_start_clock();
  ck_assert_int_eq(pselect(0, NULL, NULL, NULL, &span, NULL), 0);
  assert_took_the_span();
}
END_TEST

START_TEST(wait_epoll_keeps_its_timeout) {
  struct epoll_event event;
  int fd = epoll_create1(0);
  begin_with_stops();
  stops_start_clock();
  ck_assert_int_eq(epoll_wait(fd, &event, 1, SPAN_MS), 0);
  assert_took_the_span();
  stops_start_clock();
  ck_assert_int_eq(epoll_pwait(fd, &event, 1, SPAN_MS, NULL), 0);
  assert_took_the_span();
  stops_start_clock();
  int result = epoll_pwait2(fd, &event, 1, &span, NULL);
  if (result < 0 && errno == ENOSYS)
    return;
  ck_assert_int_eq(result, 0);
  assert_took_the_span();
}
END_TEST

START_TEST(wait_sleep_keeps_its_time) {
  struct timespec rest;
  begin_with_stops();
  stops_start_clock();
  ck_assert_int_eq(nanosleep(&span, &rest), 0);
  assert_took_the_span();
  stops_start_clock();
  ck_assert_int_eq(usleep(SPAN_MS * 1000), 0);
  assert_took_the_span();
  stops_start_clock();
  ck_assert_int_eq(clock_nanosleep(CLOCK_MONOTONIC, 0, &span, &rest), 0);
  assert_took_the_span();
  stops_start_clock();
  ck_assert_int_eq(thrd_sleep(&span, NULL), 0);
  assert_took_the_span();
}
END_TEST

START_TEST(wait_sleep_until_a_time) {
  struct timespec until;
  begin_with_stops();
  stops_start_clock();
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += span.tv_nsec;
  until.tv_sec += until.tv_nsec / 1000000000;
  until.tv_nsec %= 1000000000;
  ck_assert_int_eq(
      clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL), 0);
  assert_took_the_span();
}
END_TEST

START_TEST(wait_sleep_of_a_second) {
  begin_with_stops();
  errno = 7;
  ck_assert_uint_eq(sleep(1), 0);
  ck_assert_int_eq(errno, 7);
  ck_assert_int_ge(nstops, 3);
}
END_TEST

START_TEST(wait_semaphores_keep_their_deadline) {
  sem_t sem;
  struct timespec until;
  int set = semget(IPC_PRIVATE, 1, 0600);
  struct sembuf take = {0, -1, 0};
  sem_init(&sem, 0, 0);
  begin_with_stops();
  stops_start_clock();
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += span.tv_nsec;
  until.tv_sec += until.tv_nsec / 1000000000;
  until.tv_nsec %= 1000000000;
  ck_assert_int_eq(sem_timedwait(&sem, &until), -1);
  ck_assert_int_eq(errno, ETIMEDOUT);
  assert_took_the_span();
  stops_start_clock();
  ck_assert_int_eq(semtimedop(set, &take, 1, &span), -1);
  ck_assert_int_eq(errno, EAGAIN);
  semctl(set, 0, IPC_RMID);
  assert_took_the_span();
}
END_TEST

START_TEST(wait_for_a_signal_keeps_its_timeout) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  begin_with_stops();
  stops_start_clock();
  ck_assert_int_eq(sigtimedwait(&set, NULL, &span), -1);
  ck_assert_int_eq(errno, EAGAIN);
  assert_took_the_span();
}
END_TEST

static void *post_later(void *sem) {
  struct timespec pause = span;
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, NULL);
  clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
  sem_post(sem);
  return NULL;
}

START_TEST(wait_for_ever_is_not_broken_off) {
  sem_t sem;
  pthread_t thread;
  sem_init(&sem, 0, 0);
  begin_with_stops();
  pthread_create(&thread, NULL, post_later, &sem);
  ck_assert_int_eq(sem_wait(&sem), 0);
  assert_took_the_span();
  pthread_join(thread, NULL);
}
END_TEST

START_TEST(wait_passes_the_programs_eintr_on) {
  struct timespec rest = {0, 0};
  sem_t sem;
  sem_init(&sem, 0, 0);
  cgc_self = &record;
  stops_every(STOP_MS, on_program, 0);
  ck_assert_int_eq(poll(NULL, 0, 5000), -1);
  ck_assert_int_eq(errno, EINTR);
  ck_assert_int_eq(nanosleep(&(struct timespec){5, 0}, &rest), -1);
  ck_assert_int_eq(errno, EINTR);
  ck_assert_int_eq(rest.tv_sec, 4);
  ck_assert_int_eq(
      clock_nanosleep(CLOCK_REALTIME, 0, &(struct timespec){5, 0}, &rest),
      EINTR);
  ck_assert_int_eq(rest.tv_sec, 4);
  ck_assert_int_eq(thrd_sleep(&(struct timespec){5, 0}, &rest), -1);
  ck_assert_int_eq(sem_wait(&sem), -1);
  ck_assert_int_eq(errno, EINTR);
  ck_assert_uint_eq(sleep(5), 4);
  ck_assert_uint_eq(record.wait_sp, 0);
}
END_TEST

/* A handler of the program's that waits itself, and is broken off by us. */
static void on_program_waiting(int sig) {
  (void)sig;
  record.wait_interrupted = record.wait_sp != 0;
  poll(NULL, 0, 1);
}

START_TEST(wait_in_a_handler_is_another_wait) {
  cgc_self = &record;
  stops_every(STOP_MS, on_program_waiting, 0);
  ck_assert_int_eq(poll(NULL, 0, 5000), -1);
  ck_assert_int_eq(errno, EINTR);
}
END_TEST

static sigjmp_buf out;
static void on_program_jumping(int sig) {
  (void)sig;
  siglongjmp(out, 1);
}

START_TEST(wait_that_was_jumped_out_of_leaves_no_trace) {
  begin_with_stops();
  if (!sigsetjmp(out, 1)) {
    stops_every(STOP_MS, on_program_jumping, 0);
    poll(NULL, 0, 5000);
    ck_abort();
  }
  record.wait_interrupted = 1;
  stops_every(STOP_MS, on_program, 0);
  ck_assert_int_eq(poll(NULL, 0, 5000), -1);
  ck_assert_int_eq(errno, EINTR);
}
END_TEST

START_TEST(wait_gives_the_thread_a_record) {
  cgc_self = NULL;
  stops_every(STOP_MS, on_program, 0);
  ck_assert_int_eq(poll(NULL, 0, 5000), -1);
  ck_assert_int_eq(errno, EINTR);
  ck_assert_ptr_nonnull(cgc_self);
  stops_every(0, on_program, 0);
  ck_assert_int_eq(poll(NULL, 0, 5), 0);
  ck_assert_int_eq(nanosleep(&(struct timespec){0, 1000}, NULL), 0);
}
END_TEST

START_TEST(wait_leaves_wrong_arguments_to_the_real_call) {
  struct timespec bad = {0, 1000000000}, negative = {-1, 0};
  struct timeval bad_tv = {0, -1};
  struct epoll_event event;
  cgc_self = &record;
  ck_assert_int_eq(nanosleep(&bad, NULL), -1);
  ck_assert_int_eq(errno, EINVAL);
  ck_assert_int_eq(clock_nanosleep(CLOCK_MONOTONIC, 0, &bad, NULL), EINVAL);
  ck_assert_int_eq(ppoll(NULL, 0, &negative, NULL), -1);
  ck_assert_int_eq(errno, EINVAL);
  ck_assert_int_eq(select(0, NULL, NULL, NULL, &bad_tv), -1);
  ck_assert_int_eq(errno, EINVAL);
  ck_assert_int_eq(epoll_wait(-1, &event, 1, 0), -1);
  ck_assert_int_eq(errno, EBADF);
  ck_assert_int_eq(msgrcv(-1, NULL, 0, 0, 0), -1);
  ck_assert_uint_eq(record.wait_sp, 0);
}
END_TEST

static void *wait_in_poll(void *arg) {
  (void)arg;
  poll(NULL, 0, -1);
  return NULL;
}

START_TEST(wait_is_a_cancellation_point) {
  pthread_t thread;
  void *result;
  pthread_create(&thread, NULL, wait_in_poll, NULL);
  pthread_cancel(thread);
  pthread_join(thread, &result);
  ck_assert_ptr_eq(result, PTHREAD_CANCELED);
}
END_TEST

static Suite *wait_suite(void) {
  Suite *s = suite_create("wait");
  TCase *core = tcase_create("core");
  tcase_add_test(core, wait_poll_keeps_its_timeout);
  tcase_add_test(core, wait_select_keeps_its_timeout);
  tcase_add_test(core, wait_epoll_keeps_its_timeout);
  tcase_add_test(core, wait_sleep_keeps_its_time);
  tcase_add_test(core, wait_sleep_until_a_time);
  tcase_add_test(core, wait_sleep_of_a_second);
  tcase_add_test(core, wait_semaphores_keep_their_deadline);
  tcase_add_test(core, wait_for_a_signal_keeps_its_timeout);
  tcase_add_test(core, wait_for_ever_is_not_broken_off);
  suite_add_tcase(s, core);
  TCase *errors = tcase_create("errors");
  tcase_add_test(errors, wait_passes_the_programs_eintr_on);
  tcase_add_test(errors, wait_in_a_handler_is_another_wait);
  tcase_add_test(errors, wait_that_was_jumped_out_of_leaves_no_trace);
  tcase_add_test(errors, wait_gives_the_thread_a_record);
  tcase_add_test(errors, wait_leaves_wrong_arguments_to_the_real_call);
  tcase_add_test(errors, wait_is_a_cancellation_point);
  suite_add_tcase(s, errors);
  return s;
}

int main(void) { return unit_run(wait_suite()); }
