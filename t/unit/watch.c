/* SPDX-License-Identifier: MIT */
/* front/watch: what is handed to the kernel is noted until it is given back. */
#include "front/watch.h"

#include "front/init.h"
#include "unit.h"
#include "world/kernel.h"
#include "world/mutator.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

static bool seen;

static void look(uintptr_t lo, uintptr_t hi, void *word) {
  for (; lo < hi; lo += sizeof(uintptr_t))
    if (*(uintptr_t *)lo == (uintptr_t)word)
      seen = true;
}

static bool is_noted(void *word) {
  seen = false;
  cgc_kernel_visit(look, word);
  return seen;
}

static int words[8];

static void add(int epfd, int fd, int op, void *word) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = word};
  ck_assert_int_eq(epoll_ctl(epfd, op, fd, &event), 0);
}

START_TEST(watch_epoll_data_until_it_is_deleted) {
  int ends[2], epfd = epoll_create1(0);
  ck_assert_int_eq(pipe(ends), 0);
  add(epfd, ends[0], EPOLL_CTL_ADD, &words[0]);
  ck_assert(is_noted(&words[0]));
  add(epfd, ends[0], EPOLL_CTL_MOD, &words[1]);
  ck_assert(!is_noted(&words[0]));
  ck_assert(is_noted(&words[1]));
  ck_assert_int_eq(epoll_ctl(epfd, EPOLL_CTL_DEL, ends[0], NULL), 0);
  ck_assert(!is_noted(&words[1]));
}
END_TEST

START_TEST(watch_epoll_data_until_either_side_is_closed) {
  int ends[2], epfd = epoll_create1(0);
  ck_assert_int_eq(pipe(ends), 0);
  add(epfd, ends[0], EPOLL_CTL_ADD, &words[0]);
  add(epfd, ends[1], EPOLL_CTL_ADD, &words[1]);
  close(ends[0]);
  ck_assert(!is_noted(&words[0]));
  ck_assert(is_noted(&words[1]));
  close(epfd);
  ck_assert(!is_noted(&words[1]));
}
END_TEST

START_TEST(watch_dup2_ends_what_the_target_was) {
  int ends[2], epfd = epoll_create1(0);
  ck_assert_int_eq(pipe(ends), 0);
  add(epfd, ends[0], EPOLL_CTL_ADD, &words[0]);
  ck_assert_int_eq(dup2(ends[0], ends[0]), ends[0]);
  ck_assert(is_noted(&words[0]));
  ck_assert_int_eq(dup2(1000000, ends[0]), -1);
  ck_assert(is_noted(&words[0]));
  ck_assert_int_eq(dup2(ends[1], ends[0]), ends[0]);
  ck_assert(!is_noted(&words[0]));
}
END_TEST

START_TEST(watch_a_refused_registration_changes_nothing) {
  struct epoll_event event = {.data.ptr = &words[1]};
  int ends[2], epfd = epoll_create1(0);
  ck_assert_int_eq(pipe(ends), 0);
  add(epfd, ends[0], EPOLL_CTL_ADD, &words[0]);
  ck_assert_int_eq(epoll_ctl(epfd, EPOLL_CTL_ADD, ends[0], &event), -1);
  ck_assert_int_eq(errno, EEXIST);
  ck_assert(is_noted(&words[0]));
  ck_assert(!is_noted(&words[1]));
}
END_TEST

START_TEST(watch_timers_until_they_are_deleted) {
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL,
                           .sigev_signo = SIGUSR1,
                           .sigev_value.sival_ptr = &words[2]};
  timer_t timer;
  ck_assert_int_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
  ck_assert(is_noted(&words[2]));
  ck_assert_int_eq(timer_delete(timer), 0);
  ck_assert(!is_noted(&words[2]));
}
END_TEST

START_TEST(watch_queued_values) {
  signal(SIGUSR1, SIG_IGN);
  sigqueue(getpid(), SIGUSR1, (union sigval){.sival_ptr = &words[3]});
  ck_assert(is_noted(&words[3]));
  pthread_sigqueue(pthread_self(), SIGUSR1,
                   (union sigval){.sival_ptr = &words[4]});
  ck_assert(is_noted(&words[4]));
}
END_TEST

START_TEST(watch_keeps_errno) {
  int ends[2], epfd = epoll_create1(0);
  ck_assert_int_eq(pipe(ends), 0);
  errno = 7;
  add(epfd, ends[0], EPOLL_CTL_ADD, &words[0]);
  close(epfd);
  ck_assert_int_eq(errno, 7);
  ck_assert_int_eq(close(-1), -1);
  ck_assert_int_eq(errno, EBADF);
}
END_TEST

START_TEST(watch_in_the_middle_of_the_allocator_waits_for_nothing) {
  int ends[2], epfd = epoll_create1(0);
  struct cgc_mutator *self = cgc_init_thread();
  ck_assert_int_eq(pipe(ends), 0);
  ck_assert(cgc_mutator_enter(self));
  add(epfd, ends[0], EPOLL_CTL_ADD, &words[0]);
  ck_assert_int_eq(close(epfd), 0);
  cgc_mutator_leave(self);
}
END_TEST

static Suite *watch_suite(void) {
  Suite *s = suite_create("watch");
  TCase *core = tcase_create("core");
  tcase_add_test(core, watch_epoll_data_until_it_is_deleted);
  tcase_add_test(core, watch_epoll_data_until_either_side_is_closed);
  tcase_add_test(core, watch_dup2_ends_what_the_target_was);
  tcase_add_test(core, watch_timers_until_they_are_deleted);
  tcase_add_test(core, watch_queued_values);
  suite_add_tcase(s, core);
  TCase *errors = tcase_create("errors");
  tcase_add_test(errors, watch_a_refused_registration_changes_nothing);
  tcase_add_test(errors, watch_keeps_errno);
  tcase_add_test(errors,
                 watch_in_the_middle_of_the_allocator_waits_for_nothing);
  suite_add_tcase(s, errors);
  return s;
}

int main(void) { return unit_run(watch_suite()); }
