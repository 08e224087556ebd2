/* SPDX-License-Identifier: MIT */
#include "world/stop.h"

#include "os/signal.h"
#include "os/thread.h"
#include "threads.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { THREADS = 8, RUN_MS = 300 };

static _Atomic unsigned long steps[THREADS];

/* ---- core ---------------------------------------------------------------- */

START_TEST(one_thread_stops_and_starts) {
  threads_setup();
  for (int i = 0; i < 100; i++) {
    threads_stop();
    ck_assert(cgc_stop_is_on());
    threads_start();
    ck_assert(!cgc_stop_is_on());
  }
  ck_assert_uint_eq(cgc_stop_counters.nstops, 100);
  ck_assert_uint_eq(cgc_stop_counters.nsent, 0);
}
END_TEST

/* Half of them have a record, the others are found by the task list. */
static void *count_steps(void *arg) {
  size_t i = (size_t)arg;
  if (i % 2)
    cgc_mutator_register();
  threads_ready();
  while (!threads_are_done())
    atomic_fetch_add_explicit(&steps[i], 1, memory_order_relaxed);
  return NULL;
}

static void start_counting(pthread_t *threads) {
  for (size_t i = 0; i < THREADS; i++)
    threads[i] = threads_create(count_steps, (void *)i);
  threads_wait_ready(THREADS);
}

START_TEST(stopped_threads_do_not_run) {
  pthread_t threads[THREADS];
  threads_setup();
  start_counting(threads);
  for (int round = 0; round < 20; round++) {
    unsigned long before[THREADS];
    threads_stop();
    for (int i = 0; i < THREADS; i++)
      before[i] = atomic_load(&steps[i]);
    usleep(1000);
    for (int i = 0; i < THREADS; i++)
      ck_assert_uint_eq(atomic_load(&steps[i]), before[i]);
    cgc_mutator_check();
    threads_start();
  }
  unsigned long mark = atomic_load(&steps[0]);
  while (atomic_load(&steps[0]) == mark)
    sched_yield();
  threads_join_all(threads, THREADS);
}
END_TEST

static _Atomic bool inside;
static _Atomic bool may_leave;

static void *stay_inside(void *arg) {
  struct cgc_mutator *self = cgc_mutator_register();
  ck_assert(cgc_mutator_enter(self));
  atomic_store(&inside, true);
  while (!atomic_load(&may_leave))
    sched_yield();
  *(_Atomic int *)arg = 1;
  cgc_mutator_leave(self);
  return NULL;
}

static void *let_leave(void *arg) {
  (void)arg;
  usleep(20000);
  atomic_store(&may_leave, true);
  return NULL;
}

START_TEST(a_busy_thread_is_stopped_when_it_leaves) {
  _Atomic int left = 0;
  threads_setup();
  pthread_t a = threads_create(stay_inside, &left);
  while (!atomic_load(&inside))
    sched_yield();
  pthread_t b = threads_create(let_leave, NULL);
  /* B is not stopped by us: it has to run for A to leave. */
  cgc_mutator_enter(cgc_self);
  while (!atomic_load(&may_leave))
    sched_yield();
  cgc_mutator_leave(cgc_self);
  threads_stop();
  ck_assert_int_eq(left, 1);
  threads_start();
  pthread_join(a, NULL);
  pthread_join(b, NULL);
}
END_TEST

static void *enter_and_leave(void *arg) {
  struct cgc_mutator *self = cgc_mutator_register();
  (void)arg;
  threads_ready();
  while (!threads_are_done()) {
    ck_assert(cgc_mutator_enter(self));
    ck_assert(!cgc_mutator_enter(self));
    cgc_mutator_leave(self);
  }
  return NULL;
}

START_TEST(threads_that_enter_and_leave_all_the_time_stop) {
  pthread_t threads[THREADS];
  threads_setup();
  for (int i = 0; i < THREADS; i++)
    threads[i] = threads_create(enter_and_leave, NULL);
  threads_wait_ready(THREADS);
  threads_stop_for(RUN_MS, 0);
  threads_join_all(threads, THREADS);
}
END_TEST

static void *enter_at_gate(void *arg) {
  struct cgc_mutator *self = cgc_mutator_register();
  threads_ready();
  while (!threads_are_done()) {
    ck_assert(cgc_mutator_enter(self));
    ++*(_Atomic long *)arg;
    cgc_mutator_leave(self);
  }
  return NULL;
}

static void *enter_once(void *arg) {
  struct cgc_mutator *self = cgc_mutator_register();
  threads_ready();
  ck_assert(cgc_mutator_enter(self));
  ++*(_Atomic long *)arg;
  cgc_mutator_leave(self);
  return NULL;
}

START_TEST(a_thread_that_comes_while_the_gate_is_closed_waits) {
  _Atomic long entered = 0;
  threads_setup();
  ck_assert(cgc_mutator_enter(cgc_self));
  cgc_stop_close_gate();
  pthread_t thread = threads_create(enter_once, &entered);
  threads_wait_ready(1);
  usleep(5000);
  ck_assert_int_eq(entered, 0);
  cgc_stop_open_gate();
  cgc_mutator_leave(cgc_self);
  pthread_join(thread, NULL);
  ck_assert_int_eq(entered, 1);
}
END_TEST

START_TEST(nobody_enters_while_the_gate_is_closed) {
  pthread_t threads[THREADS];
  _Atomic long entered = 0;
  threads_setup();
  for (int i = 0; i < THREADS; i++)
    threads[i] = threads_create(enter_at_gate, &entered);
  threads_wait_ready(THREADS);
  for (int round = 0; round < 40; round++) {
    ck_assert(cgc_mutator_enter(cgc_self));
    cgc_stop_close_gate();
    long before = entered;
    usleep(200);
    ck_assert_int_eq(entered, before);
    cgc_stop_open_gate();
    cgc_mutator_leave(cgc_self);
    while (entered == before)
      sched_yield();
  }
  threads_join_all(threads, THREADS);
}
END_TEST

/* ---- threads of every sort ----------------------------------------------- */

static void *block_all_and_spin(void *arg) {
  sigset_t all;
  (void)arg;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, NULL);
  threads_ready();
  while (!threads_are_done())
    ;
  return NULL;
}

START_TEST(blocked_signals_do_not_keep_a_thread_running) {
  pthread_t threads[THREADS];
  threads_setup();
  for (int i = 0; i < THREADS; i++)
    threads[i] = threads_create(block_all_and_spin, NULL);
  threads_wait_ready(THREADS);
  threads_stop_for(100, 100);
  threads_join_all(threads, THREADS);
}
END_TEST

static void *do_nothing(void *arg) {
  if (arg)
    cgc_mutator_register();
  return arg;
}

static void *create_and_join(void *arg) {
  struct unit_random r = {(uint64_t)(size_t)arg + 77};
  pthread_attr_t attr;
  cpu_set_t cpus;
  pthread_attr_init(&attr);
  sched_getaffinity(0, sizeof cpus, &cpus);
  if ((size_t)arg % 2) /* such a thread begins by waiting for its creator */
    pthread_attr_setaffinity_np(&attr, sizeof cpus, &cpus);
  threads_ready();
  while (!threads_are_done()) {
    pthread_t t[4];
    for (int i = 0; i < 4; i++)
      ck_assert_int_eq(
          pthread_create(&t[i], &attr, do_nothing, (void *)(unit_below(&r, 2))),
          0);
    for (int i = 0; i < 4; i++)
      pthread_join(t[i], NULL);
    atomic_fetch_add(&steps[(size_t)arg], 1);
  }
  return NULL;
}

START_TEST(threads_may_come_and_go) {
  pthread_t threads[THREADS];
  threads_setup();
  for (size_t i = 0; i < THREADS; i++)
    threads[i] = threads_create(create_and_join, (void *)i);
  threads_wait_ready(THREADS);
  threads_stop_for(1500, 300);
  threads_join_all(threads, THREADS);
  threads_stop();
  ck_assert_uint_eq(cgc_mutator_count(), 1);
  threads_start();
}
END_TEST

static int raw_thread(void *arg) {
  threads_ready();
  while (!threads_are_done())
    atomic_fetch_add_explicit(&steps[(size_t)arg], 1, memory_order_relaxed);
  syscall(SYS_exit, 0);
  return 0;
}

START_TEST(threads_made_by_clone_are_found) {
  const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
                    CLONE_THREAD | CLONE_SYSVSEM;
  unsigned long before[THREADS];
  threads_setup();
  for (size_t i = 0; i < THREADS; i++) {
    char *stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_int_gt(clone(raw_thread, stack + 65536, flags, (void *)i), 0);
  }
  threads_wait_ready(THREADS);
  threads_stop();
  ck_assert_uint_eq(cgc_mutator_count(), THREADS + 1);
  for (int i = 0; i < THREADS; i++)
    before[i] = steps[i];
  usleep(2000);
  for (int i = 0; i < THREADS; i++)
    ck_assert_uint_eq(steps[i], before[i]);
  threads_start();
  ck_assert_uint_eq(cgc_mutator_count(), 1);
  atomic_store(&threads_done, true);
  while (cgc_thread_count() > 1)
    usleep(1000);
}
END_TEST

static void *outlive_main(void *arg) {
  (void)arg;
  cgc_mutator_register();
  usleep(20000);
  for (int i = 0; i < 50; i++) {
    threads_stop();
    cgc_mutator_check();
    threads_start();
  }
  _exit(17);
}

static _Atomic bool spared_ends;
static _Atomic unsigned long spared_steps;

static void run_on(void *arg) {
  (void)arg;
  while (!atomic_load(&spared_ends))
    atomic_fetch_add(&spared_steps, 1);
}

START_TEST(the_collectors_own_thread_runs_on) {
  static char stack[64 << 10];
  static _Atomic uint32_t tid;
  pthread_t threads[THREADS];
  threads_setup();
  start_counting(threads);
  cgc_stop_spare(&tid);
  ck_assert(cgc_thread_spawn(run_on, NULL, stack, sizeof stack, &tid));
  for (int i = 0; i < 20; i++) {
    threads_stop();
    unsigned long mark = atomic_load(&spared_steps);
    while (atomic_load(&spared_steps) == mark)
      sched_yield();
    threads_start();
  }
  atomic_store(&spared_ends, true);
  cgc_thread_join(&tid);
  threads_stop(); /* and when it is gone */
  threads_start();
  threads_join_all(threads, THREADS);
}
END_TEST

START_TEST(a_finished_main_thread_is_not_waited_for) {
  pid_t child = fork();
  int status;
  if (child == 0) {
    threads_setup();
    threads_create(outlive_main, NULL);
    pthread_exit(NULL);
  }
  waitpid(child, &status, 0);
  ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 17);
}
END_TEST

static void *alternate_stack(void *arg) {
  static char stacks[THREADS][65536];
  stack_t alt = {.ss_sp = stacks[(size_t)arg], .ss_size = sizeof *stacks};
  sigaltstack(&alt, NULL);
  return count_steps(arg);
}

START_TEST(threads_with_an_alternate_stack_stop) {
  pthread_t threads[THREADS];
  threads_setup();
  for (size_t i = 0; i < THREADS; i++)
    threads[i] = threads_create(alternate_stack, (void *)i);
  threads_wait_ready(THREADS);
  threads_stop_for(200, 100);
  threads_join_all(threads, THREADS);
}
END_TEST

static void *set_ids(void *arg) {
  (void)arg;
  threads_ready();
  while (!threads_are_done()) {
    ck_assert_int_eq(setuid(getuid()), 0);
    ck_assert_int_eq(setgid(getgid()), 0);
    atomic_fetch_add(&steps[0], 1);
  }
  return NULL;
}

START_TEST(setuid_goes_on_working) {
  pthread_t threads[THREADS];
  threads_setup();
  threads[0] = threads_create(set_ids, NULL);
  for (size_t i = 1; i < THREADS; i++)
    threads[i] = threads_create(count_steps, (void *)i);
  threads_wait_ready(THREADS);
  threads_stop_for(500, 500);
  unsigned long before = steps[0];
  while (steps[0] < before + 10)
    sched_yield();
  threads_join_all(threads, THREADS);
}
END_TEST

/* ---- errors -------------------------------------------------------------- */

static void *stop_often(void *arg) {
  (void)arg;
  cgc_mutator_register();
  threads_ready();
  while (!threads_are_done()) {
    threads_stop();
    threads_start();
    atomic_fetch_add(&steps[1], 1);
  }
  return NULL;
}

static void foreign_handler(int sig) { (void)sig; }

/* As glibc does it at the first pthread_create, at any moment. */
START_TEST(a_handler_replaced_during_a_stop_is_noticed) {
  struct {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
  } action = {0};
  threads_setup();
  pthread_t thread = threads_create(stop_often, NULL);
  threads_wait_ready(1);
  ck_assert_int_eq(syscall(SYS_rt_sigaction, 33, NULL, &action, 8), 0);
  action.handler = foreign_handler;
  for (int i = 0; i < 300; i++) {
    unsigned long before = steps[1];
    ck_assert_int_eq(syscall(SYS_rt_sigaction, 33, &action, NULL, 8), 0);
    while (steps[1] == before)
      ;
  }
  threads_join_all(&thread, 1);
}
END_TEST

static void *sleep_with_all_blocked(void *arg) {
  uint64_t all = ~0ull;
  (void)arg;
  syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, NULL, sizeof all);
  threads_ready();
  pause();
  return NULL;
}

/* Of the 8 threads 4 get theirs, or none does; one more can't. */
START_TEST(a_full_signal_queue_delays_only) {
  struct rlimit few = {_i * 4, _i * 4};
  pthread_t threads[THREADS];
  threads_setup();
  if (geteuid() == 0 && setuid(65534) != 0)
    return;
  ck_assert_int_eq(setrlimit(RLIMIT_SIGPENDING, &few), 0);
  threads_create(sleep_with_all_blocked, NULL);
  threads_wait_ready(1);
  start_counting(threads);
  for (int i = 0; i < 10; i++) {
    threads_stop();
    cgc_mutator_check();
    threads_start();
  }
  threads_join_all(threads, THREADS);
}
END_TEST

START_TEST(a_forked_child_stops_its_own_threads) {
  pthread_t threads[THREADS];
  int status;
  threads_setup();
  start_counting(threads);
  pid_t child = fork();
  if (child == 0) {
    pthread_t mine[THREADS];
    cgc_lock_reset_all();
    cgc_mutator_fork_child();
    ck_assert_uint_eq(cgc_mutator_count(), 1);
    cgc_mutator_check();
    atomic_store(&threads_nready, 0);
    start_counting(mine);
    threads_stop_for(50, 100);
    _exit(cgc_self->tid == getpid() ? 0 : 1);
  }
  threads_stop_for(50, 100);
  waitpid(child, &status, 0);
  ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  threads_join_all(threads, THREADS);
}
END_TEST

static void find_other(struct cgc_mutator *m, void *other) {
  if (m != cgc_self)
    *(struct cgc_mutator **)other = m;
}

/* The next to stop the world may be it, its signal frame being unmapped. */
START_TEST(who_goes_on_leaves_no_registers_behind) {
  threads_setup();
  pthread_t thread = threads_create(count_steps, (void *)1);
  threads_wait_ready(1);
  threads_stop();
  struct cgc_mutator *other = NULL;
  cgc_mutator_each(find_other, &other);
  ck_assert_uint_gt(other->nregs, 0);
  ck_assert_uint_ne(other->vector_lo, 0);
  unsigned long mark = atomic_load(&steps[1]);
  threads_start();
  while (atomic_load(&steps[1]) == mark)
    sched_yield();
  ck_assert_uint_eq(other->nregs, 0);
  ck_assert_uint_eq(other->vector_lo, 0);
  ck_assert_uint_eq(other->vector_hi, 0);
  threads_join_all(&thread, 1);
}
END_TEST

static Suite *suite(void) {
  Suite *s = suite_create("stop");
  TCase *core = tcase_create("core");
  tcase_set_timeout(core, 30); /* spinning threads on a busy machine */
  tcase_add_test(core, one_thread_stops_and_starts);
  tcase_add_test(core, stopped_threads_do_not_run);
  tcase_add_test(core, who_goes_on_leaves_no_registers_behind);
  tcase_add_test(core, a_busy_thread_is_stopped_when_it_leaves);
  tcase_add_test(core, threads_that_enter_and_leave_all_the_time_stop);
  tcase_add_test(core, a_thread_that_comes_while_the_gate_is_closed_waits);
  tcase_add_test(core, nobody_enters_while_the_gate_is_closed);
  suite_add_tcase(s, core);
  TCase *sorts = tcase_create("concurrent");
  tcase_set_timeout(sorts, 30);
  tcase_add_test(sorts, blocked_signals_do_not_keep_a_thread_running);
  tcase_add_test(sorts, threads_may_come_and_go);
  tcase_add_test(sorts, threads_made_by_clone_are_found);
  tcase_add_test(sorts, a_finished_main_thread_is_not_waited_for);
  tcase_add_test(sorts, threads_with_an_alternate_stack_stop);
  tcase_add_test(sorts, setuid_goes_on_working);
  suite_add_tcase(s, sorts);
  TCase *errors = tcase_create("errors");
  tcase_set_timeout(errors, 30);
  tcase_add_test(errors, a_handler_replaced_during_a_stop_is_noticed);
  tcase_add_test(sorts, the_collectors_own_thread_runs_on);
  tcase_add_loop_test(errors, a_full_signal_queue_delays_only, 0, 2);
  tcase_add_test(errors, a_forked_child_stops_its_own_threads);
  suite_add_tcase(s, errors);
  return s;
}

int main(void) { return unit_run(suite()); }
