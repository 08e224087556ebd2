/* SPDX-License-Identifier: MIT */
#include "world/mutator.h"

#include "base/lock.h"
#include "threads.h"

#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { THREADS = 8, ROUNDS = 2000 };

static _Atomic unsigned nready;
static _Atomic bool done;

static size_t count_records(void) {
  cgc_mutator_lock_list(cgc_self);
  size_t n = cgc_mutator_count();
  cgc_mutator_check();
  cgc_mutator_unlock_list();
  if (cgc_self)
    cgc_mutator_leave(cgc_self);
  return n;
}

START_TEST(registering_twice_is_registering_once) {
  struct cgc_mutator *self = threads_setup();
  ck_assert_ptr_eq(cgc_mutator_register(), self);
  ck_assert_int_eq(self->tid, getpid());
  ck_assert_uint_ne(self->fs_base, 0);
  ck_assert_uint_eq(count_records(), 1);
}
END_TEST

START_TEST(a_busy_thread_cannot_enter_again) {
  struct cgc_mutator *self = threads_setup();
  ck_assert(cgc_mutator_enter(self));
  for (int i = 0; i < 1000; i++)
    ck_assert(!cgc_mutator_enter(self));
  cgc_mutator_leave(self);
  ck_assert_uint_eq(self->busy, 0);
  ck_assert(cgc_mutator_enter(self));
  cgc_mutator_leave(self);
}
END_TEST

/* A debugger calls a function in it, and its thread must not wait there. */
START_TEST(a_parked_thread_cannot_enter) {
  struct cgc_mutator *self = threads_setup();
  ck_assert(!cgc_mutator_set_parked(self, true));
  ck_assert(cgc_mutator_is_inside(self));
  ck_assert(!cgc_mutator_enter(self));
  ck_assert(cgc_mutator_set_parked(self, false));
  ck_assert(!cgc_mutator_is_inside(self));
  ck_assert(cgc_mutator_enter(self));
  cgc_mutator_leave(self);
}
END_TEST

static _Atomic bool handled;
static bool entered_in_handler;

static void enter_in_handler(int sig) {
  (void)sig;
  entered_in_handler = cgc_mutator_enter(cgc_self);
  if (entered_in_handler)
    cgc_mutator_leave(cgc_self);
  handled = true;
}

START_TEST(a_handler_enters_unless_it_interrupted_the_collector) {
  struct cgc_mutator *self = threads_setup();
  signal(SIGUSR1, enter_in_handler);
  raise(SIGUSR1);
  ck_assert(handled && entered_in_handler);
  cgc_mutator_enter(self);
  raise(SIGUSR1);
  ck_assert(!entered_in_handler);
  cgc_mutator_leave(self);
  ck_assert_uint_eq(self->busy, 0);
}
END_TEST

static void *register_and_end(void *arg) {
  struct cgc_mutator *self = cgc_mutator_register();
  ck_assert_int_eq(self->tid, cgc_thread_tid());
  if (arg)
    cgc_mutator_unregister(self);
  ck_assert(!arg || !cgc_self);
  return NULL;
}

START_TEST(a_thread_that_ends_gives_its_record_back) {
  threads_setup();
  for (size_t i = 0; i < 200; i++)
    pthread_join(threads_create(register_and_end, (void *)(i % 2)), NULL);
  ck_assert_uint_eq(count_records(), 1);
}
END_TEST

static pthread_key_t late_key;

/* A destructor that runs after ours allocates, in each round. */
static void allocate_late(void *left) {
  cgc_mutator_register();
  if ((size_t)left > 1)
    pthread_setspecific(late_key, (void *)((size_t)left - 1));
}

static void *end_late(void *arg) {
  cgc_mutator_register();
  pthread_setspecific(late_key, arg);
  return NULL;
}

START_TEST(records_left_behind_do_not_pile_up) {
  threads_setup();
  pthread_key_create(&late_key, allocate_late);
  for (size_t i = 0; i < 500; i++)
    pthread_join(threads_create(end_late, (void *)(size_t)10), NULL);
  ck_assert_uint_lt(count_records(), 130);
  threads_stop();
  threads_start();
  ck_assert_uint_le(count_records(), 2);
}
END_TEST

START_TEST(a_record_is_used_again) {
  threads_setup();
  cgc_mutator_lock_list(cgc_self);
  struct cgc_mutator *a = cgc_mutator_add(1 << 22, true);
  struct cgc_mutator *b = cgc_mutator_add(2 << 22, false);
  ck_assert_ptr_eq(cgc_mutator_find(1 << 22), a);
  cgc_mutator_drop(a);
  cgc_mutator_reap(b);
  ck_assert_ptr_null(cgc_mutator_find(1 << 22));
  ck_assert_ptr_eq(cgc_mutator_add(3 << 22, true), a);
  ck_assert_ptr_eq(cgc_mutator_add(4 << 22, false), b);
  cgc_mutator_check();
}
END_TEST

START_TEST(the_program_may_tell_its_stack) {
  struct cgc_mutator *self = threads_setup();
  cgc_mutator_set_stack(self, 0x1000, 0x2000);
  ck_assert_uint_eq(self->stack_lo, 0x1000);
  ck_assert_uint_eq(self->stack_hi, 0x2000);
}
END_TEST

static void *come_and_go(void *arg) {
  (void)arg;
  for (int i = 0; i < ROUNDS; i++) {
    struct cgc_mutator *self = cgc_mutator_register();
    ck_assert(cgc_mutator_enter(self));
    cgc_mutator_leave(self);
    cgc_mutator_unregister(self);
  }
  atomic_fetch_add(&nready, 1);
  return NULL;
}

START_TEST(threads_register_and_unregister_under_stops) {
  pthread_t threads[THREADS];
  threads_setup();
  for (int i = 0; i < THREADS; i++)
    threads[i] = threads_create(come_and_go, NULL);
  while (atomic_load(&nready) < THREADS)
    threads_stop_for(1, 100);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  ck_assert_uint_eq(count_records(), 1);
}
END_TEST

static void *stay(void *arg) {
  (void)arg;
  cgc_mutator_register();
  atomic_fetch_add(&nready, 1);
  while (!atomic_load(&done))
    usleep(1000);
  return NULL;
}

static void *fork_here(void *arg) {
  int status;
  cgc_mutator_register();
  pid_t child = fork();
  if (child == 0) {
    cgc_lock_reset_all();
    cgc_mutator_fork_child();
    bool ok = cgc_self->tid == getpid() && count_records() == 1;
    pthread_join(threads_create(register_and_end, NULL), NULL);
    _exit(ok && count_records() == 1 ? 0 : 1);
  }
  waitpid(child, &status, 0);
  *(int *)arg = status;
  return NULL;
}

START_TEST(a_child_keeps_the_forking_thread_alone) {
  pthread_t threads[THREADS];
  int status = -1;
  threads_setup();
  for (int i = 0; i < THREADS; i++)
    threads[i] = threads_create(stay, NULL);
  while (atomic_load(&nready) < THREADS)
    sched_yield();
  pthread_join(threads_create(fork_here, &status), NULL);
  ck_assert_int_eq(status, 0);
  ck_assert_uint_eq(count_records(), THREADS + 1);
  atomic_store(&done, true);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
}
END_TEST

static Suite *suite(void) {
  Suite *s = suite_create("mutator");
  TCase *core = tcase_create("core");
  tcase_set_timeout(core, 30);
  tcase_add_test(core, registering_twice_is_registering_once);
  tcase_add_test(core, a_busy_thread_cannot_enter_again);
  tcase_add_test(core, a_parked_thread_cannot_enter);
  tcase_add_test(core, a_handler_enters_unless_it_interrupted_the_collector);
  tcase_add_test(core, a_thread_that_ends_gives_its_record_back);
  tcase_add_test(core, records_left_behind_do_not_pile_up);
  tcase_add_test(core, a_record_is_used_again);
  tcase_add_test(core, the_program_may_tell_its_stack);
  suite_add_tcase(s, core);
  TCase *concurrent = tcase_create("concurrent");
  tcase_set_timeout(concurrent, 60);
  tcase_add_test(concurrent, threads_register_and_unregister_under_stops);
  tcase_add_test(concurrent, a_child_keeps_the_forking_thread_alone);
  suite_add_tcase(s, concurrent);
  return s;
}

int main(void) { return unit_run(suite()); }
