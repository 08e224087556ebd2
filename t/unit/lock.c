/* SPDX-License-Identifier: MIT */
#include "base/lock.h"

#include "base/log.h"
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 8, ROUNDS = 20000 };

static struct cgc_lock low = CGC_LOCK_INIT(CGC_RANK_META);
static struct cgc_lock middle = CGC_LOCK_INIT(CGC_RANK_CENTRAL);
static struct cgc_lock high = CGC_LOCK_INIT(CGC_RANK_CYCLE);

static bool is_free(struct cgc_lock *lock) {
  if (!cgc_trylock(lock))
    return false;
  cgc_unlock(lock);
  return true;
}

START_TEST(trylock_takes_only_a_free_lock) {
  ck_assert(cgc_trylock(&low));
  ck_assert(!cgc_trylock(&low));
  cgc_unlock(&low);
  ck_assert(is_free(&low));
}
END_TEST

START_TEST(locks_nest_from_high_to_low) {
  cgc_lock(&high);
  cgc_lock(&middle);
  cgc_lock(&low);
  cgc_unlock(&low);
  cgc_unlock(&middle);
  cgc_lock(&middle);
  cgc_unlock(&middle);
  cgc_unlock(&high);
}
END_TEST

START_TEST(unlocking_a_free_lock_dies) {
  cgc_log_set_fd(-1);
  cgc_unlock(&low);
}
END_TEST

static void no_violation_here(void) {
  /* Without --enable-debug ranks are not looked at. */
  cgc_log_set_fd(-1);
#ifndef CGC_DEBUG
  abort();
#endif
}

START_TEST(a_higher_lock_under_a_lower_one_dies) {
  no_violation_here();
  cgc_lock(&low);
  cgc_lock(&middle);
}
END_TEST

START_TEST(two_locks_of_one_rank_die) {
  struct cgc_lock other;
  cgc_lock_init(&other, CGC_RANK_META);
  no_violation_here();
  cgc_lock(&low);
  cgc_lock(&other);
}
END_TEST

static long shared;
static atomic_bool go;

static void *count_up(void *ctx) {
  while (!atomic_load(&go))
    sched_yield();
  for (int i = 0; i < ROUNDS; i++) {
    cgc_lock(&low);
    *(volatile long *)&shared += 1;
    if (i % 64 == 0)
      sched_yield(); /* others come to wait in the kernel */
    cgc_unlock(&low);
  }
  return ctx;
}

START_TEST(nobody_is_in_twice_and_nobody_is_forgotten) {
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    ck_assert_int_eq(pthread_create(&threads[i], NULL, count_up, NULL), 0);
  atomic_store(&go, true);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  ck_assert_int_eq(shared, (long)THREADS * ROUNDS);
  ck_assert(is_free(&low));
}
END_TEST

START_TEST(waiting_keeps_errno) {
  pthread_t thread;
  errno = 77;
  atomic_store(&go, true);
  pthread_create(&thread, NULL, count_up, NULL);
  for (int i = 0; i < ROUNDS; i++) {
    cgc_lock(&low);
    cgc_unlock(&low);
  }
  ck_assert_int_eq(errno, 77);
  pthread_join(thread, NULL);
}
END_TEST

static void *await(void *ctx) {
  struct cgc_lock *lock = ctx;
  while (!atomic_load(&go))
    sched_yield();
  cgc_lock_await(lock);
  return NULL;
}

START_TEST(await_returns_when_the_lock_was_free_for_a_moment) {
  struct cgc_lock lock = {.rank = CGC_RANK_CYCLE, .wakes_all = true};
  pthread_t threads[THREADS];
  cgc_lock(&lock);
  for (int i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, await, &lock);
  atomic_store(&go, true);
  for (int i = 0; i < 1000; i++)
    sched_yield();
  cgc_unlock(&lock);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  ck_assert(is_free(&lock));
}
END_TEST

static void register_all(void) {
  cgc_lock_register(&low);
  cgc_lock_register(&high);
  cgc_lock_register(&middle);
  cgc_lock_register(&low); /* again is harmless */
}

START_TEST(all_registered_locks_are_taken_and_released) {
  register_all();
  cgc_lock_all();
  ck_assert(!cgc_trylock(&low));
  ck_assert(!cgc_trylock(&middle));
  ck_assert(!cgc_trylock(&high));
  cgc_unlock_all();
  ck_assert(is_free(&low) && is_free(&middle) && is_free(&high));
}
END_TEST

START_TEST(the_registry_is_sorted_by_falling_rank) {
  struct cgc_lock twins[2] = {CGC_LOCK_INIT(CGC_RANK_CENTRAL),
                              CGC_LOCK_INIT(CGC_RANK_CENTRAL)};
  cgc_lock_register(&twins[1]);
  register_all();
  cgc_lock_register(&twins[0]);
  int n = 0;
  for (const struct cgc_lock *l = &high; l->next; l = l->next, n++)
    ck_assert(l->rank > l->next->rank ||
              (l->rank == l->next->rank && l < l->next));
  ck_assert_int_eq(n, 4);
}
END_TEST

START_TEST(taking_from_a_rank_takes_all_or_none) {
  register_all();
  cgc_lock(&middle);
  ck_assert(!cgc_trylock_from(CGC_RANK_CENTRAL));
  ck_assert(cgc_trylock_from(CGC_RANK_CYCLE));
  cgc_unlock(&middle);
  ck_assert(is_free(&low));
  cgc_lock_rest(CGC_RANK_CYCLE);
  ck_assert(!cgc_trylock(&low) && !cgc_trylock(&middle));
  cgc_unlock_all();
  ck_assert(is_free(&low) && is_free(&middle) && is_free(&high));
}
END_TEST

START_TEST(a_forked_child_finds_every_lock_free) {
  int status;
  register_all();
  cgc_lock_all();
  pid_t pid = fork();
  ck_assert_int_ge(pid, 0);
  if (pid == 0) {
    cgc_lock_reset_all();
    bool ok = is_free(&low) && is_free(&middle) && is_free(&high);
    cgc_lock_all();
    cgc_unlock_all();
    _exit(ok ? 0 : 1);
  }
  cgc_unlock_all();
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  ck_assert_int_eq(status, 0);
}
END_TEST

static void *lock_and_fork(void *ctx) {
  for (int i = 0; i < 200; i++) {
    cgc_lock_all();
    pid_t pid = fork();
    if (pid == 0) {
      cgc_lock_reset_all();
      cgc_lock(&high);
      cgc_lock(&low);
      _exit(0);
    }
    cgc_unlock_all();
    int status = -1;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
      return "a child did not end well";
  }
  return ctx;
}

START_TEST(forks_go_through_while_others_lock) {
  pthread_t forker, counters[2];
  void *error;
  register_all();
  atomic_store(&go, true);
  pthread_create(&forker, NULL, lock_and_fork, NULL);
  for (int i = 0; i < 2; i++)
    pthread_create(&counters[i], NULL, count_up, NULL);
  pthread_join(forker, &error);
  for (int i = 0; i < 2; i++)
    pthread_join(counters[i], NULL);
  ck_assert_ptr_null(error);
  ck_assert_int_eq(shared, 2L * ROUNDS);
}
END_TEST

int main(void) {
  Suite *s = suite_create("lock");
  TCase *core = tcase_create("core");
  TCase *errors = tcase_create("errors");
  TCase *concurrent = tcase_create("concurrent");
  TCase *registry = tcase_create("registry");
  tcase_add_test(core, trylock_takes_only_a_free_lock);
  tcase_add_test(core, locks_nest_from_high_to_low);
  tcase_add_test_raise_signal(errors, unlocking_a_free_lock_dies, SIGABRT);
  tcase_add_test_raise_signal(errors, a_higher_lock_under_a_lower_one_dies,
                              SIGABRT);
  tcase_add_test_raise_signal(errors, two_locks_of_one_rank_die, SIGABRT);
  tcase_add_test(concurrent, nobody_is_in_twice_and_nobody_is_forgotten);
  tcase_add_test(concurrent, waiting_keeps_errno);
  tcase_add_test(concurrent, await_returns_when_the_lock_was_free_for_a_moment);
  tcase_set_timeout(concurrent, 30);
  tcase_add_test(registry, all_registered_locks_are_taken_and_released);
  tcase_add_test(registry, the_registry_is_sorted_by_falling_rank);
  tcase_add_test(registry, taking_from_a_rank_takes_all_or_none);
  tcase_add_test(registry, a_forked_child_finds_every_lock_free);
  tcase_add_test(registry, forks_go_through_while_others_lock);
  tcase_set_timeout(registry, 30);
  suite_add_tcase(s, core);
  suite_add_tcase(s, errors);
  suite_add_tcase(s, concurrent);
  suite_add_tcase(s, registry);
  return unit_run(s);
}
