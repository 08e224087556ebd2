/* SPDX-License-Identifier: MIT */
#include "os/thread.h"

#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 20 };

static _Atomic uint32_t word;
static _Atomic pid_t tids[THREADS];

static void *tell_and_wait(void *arg) {
  tids[(size_t)arg] = cgc_thread_tid();
  while (atomic_load(&word) == 0)
    cgc_thread_futex_wait(&word, 0, 0);
  return NULL;
}

static void start(pthread_t *threads) {
  for (size_t i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, tell_and_wait, (void *)i);
  for (int i = 0; i < THREADS; i++)
    while (tids[i] == 0)
      sched_yield();
}

static void finish(pthread_t *threads) {
  atomic_store(&word, 1);
  cgc_thread_futex_wake(&word, THREADS);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
}

static void count(pid_t tid, void *ctx) {
  int *nfound = ctx;
  for (int i = 0; i < THREADS; i++)
    *nfound += tids[i] == tid;
}

START_TEST(threads_are_counted_and_listed) {
  pthread_t threads[THREADS];
  int nfound = 0;
  ck_assert_uint_eq(cgc_thread_count(), 1);
  start(threads);
  ck_assert_uint_eq(cgc_thread_count(), THREADS + 1);
  ck_assert_int_eq(cgc_thread_each(count, &nfound), 0);
  ck_assert_int_eq(nfound, THREADS);
  finish(threads);
}
END_TEST

START_TEST(a_thread_exists_until_it_ends) {
  pthread_t threads[THREADS];
  start(threads);
  pid_t tid = tids[0];
  ck_assert(cgc_thread_exists(tid));
  finish(threads);
  while (cgc_thread_count() > 1)
    sched_yield();
  ck_assert(!cgc_thread_exists(tid));
  ck_assert(!cgc_thread_exists(1));
  ck_assert(cgc_thread_exists(cgc_thread_tid()));
}
END_TEST

START_TEST(a_sleeping_thread_is_seen_to_sleep) {
  pthread_t threads[THREADS];
  struct cgc_thread_status status;
  start(threads);
  do
    ck_assert_int_eq(cgc_thread_look(tids[3], &status), 0);
  while (status.state != 'S');
  ck_assert_uint_ne(status.sp, 0);
  ck_assert_uint_eq(status.blocked, 0);
  finish(threads);
  ck_assert_int_eq(cgc_thread_look(1 << 22, &status), -ENOENT);
}
END_TEST

START_TEST(the_blocked_mask_is_read) {
  struct cgc_thread_status status;
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, 64);
  sigprocmask(SIG_SETMASK, &set, NULL);
  ck_assert_int_eq(cgc_thread_look(cgc_thread_tid(), &status), 0);
  ck_assert_uint_eq(status.blocked, 1ull << 63 | 1ull << (SIGUSR1 - 1));
  ck_assert_int_eq(status.state, 'R');
}
END_TEST

START_TEST(a_wait_ends_in_time) {
  uint64_t start_ns = cgc_thread_now_ns();
  ck_assert(!cgc_thread_futex_wait(&word, 0, 5000000));
  ck_assert_uint_ge(cgc_thread_now_ns() - start_ns, 5000000);
  ck_assert(cgc_thread_futex_wait(&word, 1, 0));
}
END_TEST

START_TEST(errno_is_never_touched) {
  struct cgc_thread_status status;
  errno = 99;
  cgc_thread_futex_wait(&word, 0, 1000);
  cgc_thread_futex_wait(&word, 1, 1000);
  cgc_thread_exists(1 << 22);
  cgc_thread_look(1 << 22, &status);
  cgc_thread_yield();
  ck_assert_int_eq(errno, 99);
}
END_TEST

START_TEST(a_child_has_its_own_ids) {
  int status;
  pid_t child = fork();
  if (child == 0)
    _exit(cgc_thread_tid() == getpid() && cgc_thread_pid() == getpid() &&
                  cgc_thread_count() == 1
              ? 0
              : 1);
  waitpid(child, &status, 0);
  ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(the_thread_pointer_is_pthread_self) {
  ck_assert_uint_eq(cgc_thread_pointer(), (uintptr_t)pthread_self());
}
END_TEST

START_TEST(cpu_time_goes_on_with_work) {
  uint64_t begin = cgc_thread_process_cpu_ns();
  while (cgc_thread_process_cpu_ns() < begin + 1000000)
    ;
  ck_assert_uint_ge(cgc_thread_process_cpu_ns(), begin + 1000000);
}
END_TEST

static Suite *suite(void) {
  Suite *s = suite_create("thread");
  TCase *core = tcase_create("core");
  tcase_set_timeout(core, 30);
  tcase_add_test(core, threads_are_counted_and_listed);
  tcase_add_test(core, a_thread_exists_until_it_ends);
  tcase_add_test(core, a_sleeping_thread_is_seen_to_sleep);
  tcase_add_test(core, the_blocked_mask_is_read);
  tcase_add_test(core, a_wait_ends_in_time);
  tcase_add_test(core, errno_is_never_touched);
  tcase_add_test(core, a_child_has_its_own_ids);
  tcase_add_test(core, the_thread_pointer_is_pthread_self);
  tcase_add_test(core, cpu_time_goes_on_with_work);
  suite_add_tcase(s, core);
  return s;
}

int main(void) { return unit_run(suite()); }
