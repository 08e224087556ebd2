/* SPDX-License-Identifier: MIT */
/* Threads by the redirects. */
#define GC_THREADS
#include "contract.h"

#include <signal.h>
#include <unistd.h>
#include <sys/wait.h>

static void *churn(void *arg) {
  void **list = NULL;
  for (int i = 0; i < 20000; i++) {
    void **cell = GC_malloc(24);
    cell[0] = list;
    cell[1] = (void *)(intptr_t)i;
    list = i % 100 ? cell : NULL;
  }
  for (intptr_t i = 19999; list; list = list[0])
    ck_assert_int_eq((intptr_t)list[1], i--);
  return arg;
}

START_TEST(pthread_lists_survive_on_many_threads) {
  pthread_t threads[8];
  GC_INIT();
  for (int round = 0; round < 4; round++) {
    for (int i = 0; i < 8; i++)
      ck_assert_int_eq(pthread_create(&threads[i], NULL, churn, &threads[i]),
                       0);
    for (int i = 0; i < 8; i++) {
      void *result = NULL;
      GC_gcollect();
      ck_assert_int_eq(pthread_join(threads[i], &result), 0);
      ck_assert_ptr_eq(result, &threads[i]);
    }
  }
}
END_TEST

static void *check_arg(void *arg) {
  ck_assert_int_ne(GC_thread_is_registered(), 0);
  GC_gcollect();
  ck_assert_str_eq(arg, "argument");
  return NULL;
}

static void *make_text(void *arg) {
  (void)arg;
  return GC_strdup("result");
}

static void *exit_with_text(void *arg) {
  (void)arg;
  pthread_exit(GC_strdup("result"));
}

static void *with_nothing_kept(void *(*fn)(void *)) {
  pthread_t thread;
  void *result = NULL;
  ck_assert_int_eq(pthread_create(&thread, NULL, fn, NULL), 0);
  for (int i = 0; i < 200; i++) {
    usleep(100);
    GC_malloc(10000);
  }
  contract_collect();
  for (int i = 0; i < 3000; i++)
    memset(GC_malloc_atomic(7), 'x', 7);
  ck_assert_int_eq(pthread_join(thread, &result), 0);
  return result;
}

START_TEST(pthread_argument_and_result_are_kept) {
  pthread_t thread;
  GC_INIT();
  for (int i = 0; i < 50; i++) {
    pthread_create(&thread, NULL, check_arg, GC_strdup("argument"));
    GC_gcollect();
    pthread_join(thread, NULL);
    ck_assert_str_eq(with_nothing_kept(make_text), "result");
    if (contract_is_ours())
      ck_assert_str_eq(with_nothing_kept(exit_with_text), "result");
  }
}
END_TEST

START_TEST(pthread_detached_threads_end) {
  pthread_t thread;
  GC_INIT();
  for (int i = 0; i < 100; i++) {
    ck_assert_int_eq(pthread_create(&thread, NULL, make_text, NULL), 0);
    ck_assert_int_eq(pthread_detach(thread), 0);
  }
  GC_gcollect();
}
END_TEST

#undef pthread_create
#undef pthread_join
static void *unknown(void *arg) {
  struct GC_stack_base base;
  ck_assert_int_eq(GC_get_stack_base(&base), GC_SUCCESS);
  ck_assert_int_eq(GC_register_my_thread(&base), GC_SUCCESS);
  ck_assert_int_eq(GC_register_my_thread(&base), GC_DUPLICATE);
  ck_assert_int_ne(GC_thread_is_registered(), 0);
  churn(arg);
  ck_assert_int_eq(GC_unregister_my_thread(), GC_SUCCESS);
  ck_assert_int_eq(GC_thread_is_registered(), 0);
  return arg;
}

START_TEST(pthread_of_somebody_else_is_registered) {
  pthread_t thread;
  GC_INIT();
  ck_assert_int_ne(GC_thread_is_registered(), 0);
  GC_allow_register_threads();
  ck_assert_int_eq(pthread_create(&thread, NULL, unknown, NULL), 0);
  for (int i = 0; i < 10; i++)
    GC_gcollect();
  pthread_join(thread, NULL);
}
END_TEST

START_TEST(pthread_signals_are_what_was_set) {
  ck_assert_int_gt(GC_get_suspend_signal(), 0);
  ck_assert_int_ne(GC_get_suspend_signal(), GC_get_thr_restart_signal());
  GC_set_suspend_signal(SIGRTMIN + 6);
  GC_INIT();
  ck_assert_int_eq(GC_get_suspend_signal(), SIGRTMIN + 6);
}
END_TEST

START_TEST(pthread_fork_has_a_child_that_collects) {
  int status = 0;
  GC_set_handle_fork(1);
  GC_INIT();
  pid_t child = fork();
  if (child == 0) {
    GC_start_mark_threads();
    churn(NULL);
    GC_gcollect();
    _exit(7);
  }
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_int_eq(WEXITSTATUS(status), 7);
}
END_TEST

int main(void) {
  Suite *s = suite_create("pthread");
  TCase *core = tcase_create("core");
  tcase_set_timeout(core, 60);
  tcase_add_test(core, pthread_lists_survive_on_many_threads);
  tcase_add_test(core, pthread_argument_and_result_are_kept);
  tcase_add_test(core, pthread_detached_threads_end);
  tcase_add_test(core, pthread_of_somebody_else_is_registered);
  tcase_add_test(core, pthread_signals_are_what_was_set);
  tcase_add_test(core, pthread_fork_has_a_child_that_collects);
  suite_add_tcase(s, core);
  return contract_run(s);
}
