/* SPDX-License-Identifier: MIT */
#include "front/debug.h"

#include "base/lock.h"
#include "base/log.h"
#include "cgc.h"
#include "front/alloc.h"
#include "os/regs.h"
#include "os/signal.h"
#include "threads.h"
#include "world/mailbox.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>

static const uint64_t two_seconds_ns = 2000000000;

static uint64_t ncycles(void) { return cgc_cycle_counters.ncycles; }

/* As the debugger's script does: something of this thread's registers. */
static void tell_own(uint64_t word) {
  struct cgc_mailbox *box = &cgc_debug_mailbox;
  uint64_t told[] = {(uint64_t)cgc_thread_tid(), 1,
                     (uint64_t)__builtin_frame_address(0), cgc_thread_pointer(),
                     word};
  memcpy(box->word + box->used, told, sizeof told);
  box->used += 5;
}

/* The call's result; it must come within two seconds. */
static int collect(void) {
  uint64_t began = cgc_thread_now_ns();
  tell_own(0);
  int code = cgc_debug_collect();
  ck_assert_uint_lt(cgc_thread_now_ns() - began, two_seconds_ns);
  return code;
}

/* ---- core ---------------------------------------------------------------- */

static CGC_NOINLINE bool called_by_program(void) {
  return cgc_debug_is_call(__builtin_return_address(0),
                           __builtin_frame_address(0));
}

START_TEST(a_program_is_no_debugger) {
  uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
  ck_assert(!called_by_program());
  ck_assert(cgc_debug_is_call((void *)(frame + 31), (void *)frame));
}
END_TEST

START_TEST(it_collects) {
  GC_malloc(100);
  uint64_t before = ncycles();
  errno = 77;
  ck_assert_int_eq(collect(), 0);
  ck_assert_int_eq(collect(), 0);
  ck_assert_uint_eq(ncycles(), before + 2);
  ck_assert_int_eq(errno, 77);
}
END_TEST

/* Hidden from the scan of this test's own stack. */
static uintptr_t hidden;

static CGC_NOINLINE void make_hidden(void) {
  hidden = ~(uintptr_t)GC_malloc(100);
}

START_TEST(an_object_in_a_register_of_the_stopped_thread_lives) {
  make_hidden();
  tell_own(~hidden);
  ck_assert_int_eq(cgc_debug_collect(), 0);
  ck_assert_uint_eq(GC_size((void *)~hidden) > 0, 1);
}
END_TEST

START_TEST(untold_registers_make_a_request_of_it) {
  GC_malloc(100);
  uint64_t before = ncycles();
  ck_assert_int_eq(cgc_debug_collect(), CGC_DEBUG_HELD);
  ck_assert_uint_eq(ncycles(), before);
  for (int i = 0; i < 1000; i++)
    GC_malloc(1000);
  ck_assert_uint_gt(ncycles(), before);
}
END_TEST

START_TEST(disabled_is_said) {
  GC_malloc(100);
  GC_disable();
  ck_assert_int_eq(collect(), -1);
  ck_assert_int_eq(errno, EAGAIN);
  GC_enable();
  ck_assert_int_eq(collect(), 0);
}
END_TEST

START_TEST(inside_the_collector_it_is_refused) {
  GC_malloc(100);
  ck_assert(cgc_mutator_enter(cgc_self));
  ck_assert_int_eq(collect(), CGC_DEBUG_BUSY_SELF);
  cgc_mutator_leave(cgc_self);
  ck_assert_int_eq(collect(), 0);
}
END_TEST

START_TEST(before_there_is_a_heap_nothing_is_done) {
  ck_assert_int_eq(collect(), 0);
  ck_assert(!cgc_init_is_ready());
  cgc_debug_dump();
}
END_TEST

/* ---- requests ------------------------------------------------------------ */

START_TEST(a_request_is_served_by_a_slow_path) {
  GC_malloc(100);
  uint64_t before = ncycles();
  ck_assert_int_eq(GC_request(GC_REQUEST_COLLECT | GC_REQUEST_DUMP), 0);
  ck_assert_uint_eq(ncycles(), before);
  for (int i = 0; i < 1000; i++)
    GC_malloc(1000);
  ck_assert_uint_gt(ncycles(), before);
}
END_TEST

START_TEST(an_unknown_request_is_refused) {
  ck_assert_int_eq(GC_request(0), -1);
  ck_assert_int_eq(errno, EINVAL);
  ck_assert_int_eq(GC_request(8), -1);
}
END_TEST

/* ---- with others --------------------------------------------------------- */

static struct cgc_lock taken = CGC_LOCK_INIT(CGC_RANK_CENTRAL);

START_TEST(a_lock_that_stays_held_is_named) {
  GC_malloc(100);
  cgc_lock_register(&taken);
  ck_assert(cgc_trylock(&taken));
  ck_assert_int_eq(collect(), CGC_DEBUG_BUSY_OTHER);
  cgc_unlock(&taken);
  ck_assert_int_eq(collect(), 0);
}
END_TEST

static pid_t keeper_tid;
static _Atomic bool let_go_of_lock;

static void *keep_lock(void *arg) {
  GC_malloc(10);
  keeper_tid = cgc_thread_tid();
  ck_assert(cgc_mutator_enter(cgc_self) && cgc_trylock(&taken));
  threads_ready();
  while (!atomic_load(&let_go_of_lock))
    usleep(1000);
  cgc_unlock(&taken);
  cgc_mutator_leave(cgc_self);
  return arg;
}

START_TEST(who_keeps_the_lock_is_named) {
  char said[512], want[64];
  int out[2];
  GC_malloc(100);
  cgc_lock_register(&taken);
  pthread_t keeper = threads_create(keep_lock, NULL);
  threads_wait_ready(1);
  ck_assert_int_eq(pipe(out), 0);
  cgc_log_set_fd(out[1]);
  ck_assert_int_eq(collect(), CGC_DEBUG_BUSY_OTHER);
  ssize_t n = read(out[0], said, sizeof said - 1);
  ck_assert_int_gt(n, 0);
  said[n] = '\0';
  sprintf(want, "thread %d keeps a lock (central)", (int)keeper_tid);
  ck_assert_msg(strstr(said, want), "%s", said);
  atomic_store(&let_go_of_lock, true);
  pthread_join(keeper, NULL);
  ck_assert_int_eq(collect(), 0);
}
END_TEST

/* As a thread whose handler for the stop has begun, where gdb allocates. */
static void *wait_in_handler(void *arg) {
  GC_malloc(10);
  uint64_t set = 1ull << (cgc_signal_number() - 1);
  uint64_t mask = cgc_signal_block_all();
  threads_ready();
  while (syscall(SYS_rt_sigtimedwait, &set, NULL, NULL, sizeof set) < 0)
    ;
  ck_assert_int_eq(GC_collect(), 0);
  cgc_signal_restore(mask);
  return arg;
}

START_TEST(a_thread_that_waits_in_the_handler_is_stopped_there) {
  GC_malloc(100);
  pthread_t thread = threads_create(wait_in_handler, NULL);
  threads_wait_ready(1);
  ck_assert_int_eq(GC_collect(), 0);
  pthread_join(thread, NULL);
}
END_TEST

static sigjmp_buf before_call;

static void give_up(int sig) {
  (void)sig;
  siglongjmp(before_call, 1);
}

/* gdb pops the frame of a call that it does not wait for any longer. */
START_TEST(a_call_that_was_given_up_is_no_hindrance) {
  struct itimerval soon = {.it_value = {.tv_usec = 100000}};
  GC_malloc(100);
  cgc_lock_register(&taken);
  ck_assert(cgc_trylock(&taken));
  signal(SIGALRM, give_up);
  setitimer(ITIMER_REAL, &soon, NULL);
  if (sigsetjmp(before_call, 1) == 0) {
    collect();
    ck_abort_msg("not given up");
  }
  cgc_unlock(&taken);
  ck_assert_int_eq(collect(), 0);
}
END_TEST

/* A debugger that holds one thread: a process of its own. */
struct tracer {
  pid_t pid;
  int to[2], from[2];
};

static pid_t held_tid;
static _Atomic bool let_end;

static void *wait_in_program(void *arg) {
  GC_malloc(10);
  held_tid = cgc_thread_tid();
  threads_ready();
  while (!atomic_load(&let_end))
    usleep(1000);
  return arg;
}

/* Seize the thread, tell its registers, hold it until a byte comes. */
static void trace(const struct tracer *t, pid_t tid) {
  struct user_regs_struct regs;
  char byte;
  int status;
  if (ptrace(PTRACE_SEIZE, tid, 0, 0) == 0 &&
      ptrace(PTRACE_INTERRUPT, tid, 0, 0) == 0 &&
      waitpid(tid, &status, __WALL) == tid &&
      ptrace(PTRACE_GETREGS, tid, 0, &regs) == 0 &&
      write(t->from[1], &regs, sizeof regs) == (ssize_t)sizeof regs &&
      read(t->to[0], &byte, 1) >= 0)
    ptrace(PTRACE_DETACH, tid, 0, 0);
  _exit(0);
}

static void hold(struct tracer *t, pid_t tid, struct user_regs_struct *regs) {
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
  ck_assert(pipe(t->to) == 0 && pipe(t->from) == 0);
  t->pid = fork();
  if (t->pid == 0)
    trace(t, tid);
  ck_assert_int_eq(read(t->from[0], regs, sizeof *regs), sizeof *regs);
}

static void let_go(struct tracer *t) {
  ck_assert_int_eq(write(t->to[1], "", 1), 1);
  waitpid(t->pid, NULL, 0);
}

static void end_thread(pthread_t thread) {
  atomic_store(&let_end, true);
  pthread_join(thread, NULL);
}

START_TEST(a_held_thread_is_said_and_nothing_stays_stopped) {
  struct user_regs_struct regs;
  struct tracer tracer;
  GC_malloc(100);
  pthread_t thread = threads_create(wait_in_program, NULL);
  threads_wait_ready(1);
  hold(&tracer, held_tid, &regs);
  ck_assert_int_eq(collect(), CGC_DEBUG_HELD);
  /* The program itself collects meanwhile: given up, not waited for ever. */
  ck_assert_int_eq(GC_collect(), -1);
  ck_assert_int_eq(errno, EDEADLK);
  ck_assert_int_eq(cgc_stop_held(), held_tid);
  let_go(&tracer);
  ck_assert_int_eq(GC_collect(), 0);
  ck_assert_int_eq(collect(), 0);
  end_thread(thread);
}
END_TEST

START_TEST(told_registers_are_roots) {
  struct user_regs_struct regs;
  struct tracer tracer;
  GC_malloc(100);
  pthread_t thread = threads_create(wait_in_program, NULL);
  threads_wait_ready(1);
  hold(&tracer, held_tid, &regs);
  struct cgc_mailbox *box = &cgc_debug_mailbox;
  void *obj = GC_malloc(500);
  memset(obj, 0x5a, 500);
  uint64_t head[] = {(uint64_t)held_tid, 1, regs.rsp, regs.fs_base,
                     (uint64_t)obj};
  memcpy(box->word, head, sizeof head);
  box->used = 5;
  uint64_t before = ncycles();
  ck_assert_int_eq(collect(), 0);
  ck_assert_uint_eq(ncycles(), before + 1);
  ck_assert_uint_eq(box->used, 0);
  ck_assert_uint_eq(*(unsigned char *)obj, 0x5a);
  let_go(&tracer);
  ck_assert_int_eq(GC_collect(), 0);
  end_thread(thread);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("debug");
  TCase *core = tcase_create("core");
  tcase_add_test(core, a_program_is_no_debugger);
  tcase_add_test(core, it_collects);
  tcase_add_test(core, an_object_in_a_register_of_the_stopped_thread_lives);
  tcase_add_test(core, untold_registers_make_a_request_of_it);
  tcase_add_test(core, disabled_is_said);
  tcase_add_test(core, inside_the_collector_it_is_refused);
  tcase_add_test(core, before_there_is_a_heap_nothing_is_done);
  suite_add_tcase(suite, core);
  TCase *requests = tcase_create("requests");
  tcase_add_test(requests, a_request_is_served_by_a_slow_path);
  tcase_add_test(requests, an_unknown_request_is_refused);
  suite_add_tcase(suite, requests);
  TCase *concurrent = tcase_create("concurrent");
  tcase_add_test(concurrent, a_lock_that_stays_held_is_named);
  tcase_add_test(concurrent, who_keeps_the_lock_is_named);
  tcase_add_test(concurrent,
                 a_thread_that_waits_in_the_handler_is_stopped_there);
  tcase_add_test(concurrent, a_held_thread_is_said_and_nothing_stays_stopped);
  tcase_add_test(concurrent, a_call_that_was_given_up_is_no_hindrance);
  tcase_add_test(concurrent, told_registers_are_roots);
  suite_add_tcase(suite, concurrent);
  return unit_run(suite);
}
