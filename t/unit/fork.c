/* SPDX-License-Identifier: MIT */
/* front/fork: the child of any thread has a heap that works. */
#include "front/fork.h"

#include "cgc.h"
#include "front/init.h"
#include "unit.h"
#include "world/mutator.h"

#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NTHREADS = 6, NFORKS = 24 };

/* Allocates all over the classes, collects, and checks what it holds. */
static int use_heap(unsigned seed) {
  char *kept[64] = {NULL};
  size_t sizes[64] = {0};
  for (int i = 0; i < 2000; i++) {
    int k = rand_r(&seed) % 64;
    for (size_t n = 0; n < sizes[k]; n++)
      if (kept[k][n] != (char)k)
        return 1;
    sizes[k] = (size_t)rand_r(&seed) % 3000;
    kept[k] = GC_malloc(sizes[k]);
    if (!kept[k])
      return 2;
    memset(kept[k], k, sizes[k]);
  }
  return 0;
}

static bool child_is_well(pid_t pid) {
  int status = -1;
  return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
         WEXITSTATUS(status) == 0;
}

static int child(unsigned seed) {
  int failed = use_heap(seed);
  if (!failed && GC_collect() != 0)
    failed = 3;
  return failed ? failed : use_heap(seed + 1);
}

static bool fork_once(unsigned seed) {
  pid_t pid = fork();
  if (pid == 0)
    _exit(child(seed));
  return child_is_well(pid);
}

START_TEST(fork_child_allocates_and_collects) {
  ck_assert_int_eq(use_heap(1), 0);
  ck_assert(fork_once(2));
  ck_assert_int_eq(use_heap(3), 0);
  ck_assert_int_eq(GC_collect(), 0);
}
END_TEST

START_TEST(fork_child_has_one_thread_and_its_own_id) {
  GC_init();
  pid_t pid = fork();
  if (pid == 0)
    _exit(cgc_mutator_count() != 1 || cgc_self->tid != gettid() ||
          cgc_self->busy);
  ck_assert(child_is_well(pid));
  ck_assert_int_eq(cgc_self->busy, 0);
}
END_TEST

START_TEST(fork_of_a_grandchild) {
  GC_init();
  pid_t pid = fork();
  if (pid == 0)
    _exit(!fork_once(7));
  ck_assert(child_is_well(pid));
}
END_TEST

static void *fork_first(void *arg) {
  (void)arg;
  return (void *)(uintptr_t)fork_once(5);
}

START_TEST(fork_by_a_thread_that_never_allocated) {
  pthread_t thread;
  void *well;
  GC_init();
  pthread_create(&thread, NULL, fork_first, NULL);
  pthread_join(thread, &well);
  ck_assert_ptr_nonnull(well);
}
END_TEST

static volatile bool stop;

static void *churn(void *arg) {
  unsigned seed = (unsigned)(uintptr_t)arg;
  while (!stop)
    if (use_heap(seed++))
      return (void *)1;
  return NULL;
}

static void *collect(void *arg) {
  (void)arg;
  while (!stop)
    GC_collect();
  return NULL;
}

START_TEST(fork_while_others_allocate_and_collect) {
  pthread_t threads[NTHREADS];
  void *failed;
  GC_init();
  for (uintptr_t i = 0; i < NTHREADS; i++)
    pthread_create(&threads[i], NULL, i ? churn : collect, (void *)(i * 1000));
  for (unsigned i = 0; i < NFORKS; i++)
    ck_assert(fork_once(i));
  stop = true;
  for (int i = 0; i < NTHREADS; i++) {
    pthread_join(threads[i], &failed);
    ck_assert_ptr_null(failed);
  }
}
END_TEST

static void *fork_often(void *arg) {
  for (unsigned i = 0; i < NFORKS / 4; i++)
    if (!fork_once(i + (unsigned)(uintptr_t)arg))
      return (void *)1;
  return NULL;
}

START_TEST(fork_by_several_threads_at_once) {
  pthread_t threads[NTHREADS];
  void *failed;
  GC_init();
  for (uintptr_t i = 0; i < NTHREADS; i++)
    pthread_create(&threads[i], NULL, fork_often, (void *)i);
  for (int i = 0; i < NTHREADS; i++) {
    pthread_join(threads[i], &failed);
    ck_assert_ptr_null(failed);
  }
}
END_TEST

/* As if a handler had come in the middle of malloc. */
START_TEST(fork_in_the_middle_of_the_allocator) {
  struct cgc_mutator *self = cgc_init_thread();
  ck_assert(cgc_mutator_enter(self));
  pid_t pid = fork();
  if (pid == 0) {
    void *reserved = GC_malloc(100);
    cgc_mutator_leave(cgc_self);
    _exit(!reserved || use_heap(1));
  }
  ck_assert_int_eq(self->busy, 1);
  cgc_mutator_leave(self);
  ck_assert(child_is_well(pid));
  ck_assert_int_eq(use_heap(2), 0);
  ck_assert_int_eq(GC_collect(), 0);
}
END_TEST

static Suite *fork_suite(void) {
  Suite *s = suite_create("fork");
  TCase *core = tcase_create("core");
  tcase_add_test(core, fork_child_allocates_and_collects);
  tcase_add_test(core, fork_child_has_one_thread_and_its_own_id);
  tcase_add_test(core, fork_of_a_grandchild);
  tcase_add_test(core, fork_by_a_thread_that_never_allocated);
  tcase_add_test(core, fork_in_the_middle_of_the_allocator);
  suite_add_tcase(s, core);
  TCase *concurrent = tcase_create("concurrent");
  tcase_set_timeout(concurrent, 60);
  tcase_add_test(concurrent, fork_while_others_allocate_and_collect);
  tcase_add_test(concurrent, fork_by_several_threads_at_once);
  suite_add_tcase(s, concurrent);
  return s;
}

int main(void) { return unit_run(fork_suite()); }
