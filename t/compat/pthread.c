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

static void *volatile made_at_the_end;

static void at_the_end(void *arg) {
  (void)arg;
  made_at_the_end = GC_strdup("cleaned up");
}

static void *allocate_for_ever(void *arg) {
  pthread_cleanup_push(at_the_end, NULL);
  for (;;) {
    churn(arg);
    pthread_testcancel();
  }
  pthread_cleanup_pop(0);
  return arg;
}

START_TEST(pthread_that_is_cancelled_cleans_up_and_ends) {
  pthread_t thread;
  void *result = NULL;
  GC_INIT();
  for (int i = 0; i < 20; i++) {
    made_at_the_end = NULL;
    ck_assert_int_eq(pthread_create(&thread, NULL, allocate_for_ever, NULL), 0);
    GC_gcollect();
    ck_assert_int_eq(pthread_cancel(thread), 0);
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    ck_assert_ptr_eq(result, PTHREAD_CANCELED);
    GC_gcollect();
    ck_assert_str_eq(made_at_the_end, "cleaned up");
  }
}
END_TEST

enum { ALTSTACK = 256 << 10 };
static struct contract_flock on_altstack;

/* Their addresses are in this frame alone. */
static void hold_and_collect(int number) {
  void *volatile objects[100];
  (void)number;
  for (size_t i = 0; i < 100; i++) {
    objects[i] = GC_malloc_atomic(40);
    contract_join(&on_altstack, i, objects[i]);
  }
  GC_gcollect();
  ck_assert_uint_eq(contract_alive(&on_altstack), 100);
  GC_reachable_here(objects[0]);
}

static void *signalled(void *arg) {
  stack_t stack = {.ss_sp = malloc(ALTSTACK), .ss_size = ALTSTACK};
  struct GC_stack_base base;
  GC_get_my_stackbottom(&base);
  GC_register_altstack((char *)base.mem_base - ALTSTACK, ALTSTACK, stack.ss_sp,
                       ALTSTACK);
  ck_assert_int_eq(sigaltstack(&stack, NULL), 0);
  on_altstack = contract_flock(100);
  raise(SIGUSR1);
  return arg;
}

START_TEST(pthread_stack_of_a_signal_is_a_root) {
  pthread_t thread;
  struct sigaction action = {.sa_handler = hold_and_collect,
                             .sa_flags = SA_ONSTACK};
  GC_INIT();
  sigaction(SIGUSR1, &action, NULL);
  pthread_create(&thread, NULL, signalled, NULL);
  pthread_join(thread, NULL);
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
  GC_set_thr_restart_signal(SIGRTMIN + 7);
  GC_INIT();
  ck_assert_int_eq(GC_get_suspend_signal(), SIGRTMIN + 6);
  ck_assert_int_eq(GC_get_thr_restart_signal(), SIGRTMIN + 7);
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

/* The program tells of its forks itself. */
START_TEST(pthread_fork_is_told_of_by_the_program) {
  int status = 0;
  GC_set_handle_fork(-1);
  GC_INIT();
  GC_atfork_prepare();
  pid_t child = fork();
  if (child == 0) {
    GC_atfork_child();
    churn(NULL);
    GC_gcollect();
    _exit(7);
  }
  GC_atfork_parent();
  churn(NULL);
  GC_gcollect();
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
  tcase_add_test(core, pthread_fork_is_told_of_by_the_program);
  tcase_add_test(core, pthread_that_is_cancelled_cleans_up_and_ends);
  tcase_add_test(core, pthread_stack_of_a_signal_is_a_root);
  suite_add_tcase(s, core);
  return contract_run(s);
}
