/* SPDX-License-Identifier: MIT */
#include "os/signal.h"

#include "os/thread.h"
#include "unit.h"

#include <errno.h>
#include <execinfo.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static void *seen_record;
static uintptr_t seen_sp;
static int nframes;
static void *frames[32];
static _Atomic int nseen;

static void note(void *record, uintptr_t sp, void *context) {
  seen_record = record;
  seen_sp = sp;
  cgc_signal_rewind(context);
  atomic_fetch_add(&nseen, 1);
}

static void send_to_self(void *record) {
  int before = nseen;
  ck_assert_int_eq(cgc_signal_send(cgc_thread_tid(), record), 0);
  while (nseen == before)
    sched_yield();
}

static void setup(void) {
  cgc_signal_hook = note;
  ck_assert_int_eq(cgc_signal_install(), 1);
}

START_TEST(the_hook_gets_the_record) {
  int record;
  setup();
  send_to_self(&record);
  ck_assert_ptr_eq(seen_record, &record);
  uintptr_t here = (uintptr_t)__builtin_frame_address(0);
  ck_assert(seen_sp < here && here - seen_sp < 4096);
}
END_TEST

START_TEST(installing_again_does_nothing) {
  setup();
  ck_assert_int_eq(cgc_signal_install(), 0);
}
END_TEST

START_TEST(every_signal_blocked_by_libc_changes_nothing) {
  sigset_t all;
  setup();
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
  send_to_self(NULL);
}
END_TEST

START_TEST(an_inherited_block_is_undone) {
  uint64_t mask = cgc_signal_block_all();
  setup();
  ck_assert_int_eq(cgc_signal_send(cgc_thread_tid(), NULL), 0);
  ck_assert_int_eq(nseen, 0);
  cgc_signal_unblock();
  ck_assert_int_eq(nseen, 1);
  cgc_signal_restore(mask);
}
END_TEST

START_TEST(the_alternate_stack_is_used) {
  static char stack[65536];
  stack_t alt = {.ss_sp = stack, .ss_size = sizeof stack};
  setup();
  sigaltstack(&alt, NULL);
  send_to_self(NULL);
  ck_assert(seen_sp - (uintptr_t)stack >= sizeof stack);
}
END_TEST

static void trace(void *record, uintptr_t sp, void *context) {
  (void)record, (void)sp, (void)context;
  nframes = backtrace(frames, 32);
  atomic_fetch_add(&nseen, 1);
}

CGC_NOINLINE static void *caller_of_send(void) {
  send_to_self(NULL);
  return __builtin_return_address(0);
}

START_TEST(unwinders_see_through_the_handler) {
  bool found = false;
  backtrace(frames, 1); /* loads its library */
  setup();
  cgc_signal_hook = trace;
  void *expected = caller_of_send();
  for (int i = 0; i < nframes; i++)
    found |= frames[i] == expected;
  ck_assert(found);
}
END_TEST

static _Atomic int nforeign;
static void foreign(int sig, siginfo_t *info, void *context) {
  (void)context;
  ck_assert_int_eq(sig, 33);
  ck_assert_int_eq(info->si_code, SI_TKILL);
  nforeign++;
}

struct kernel_action {
  void (*handler)(int, siginfo_t *, void *);
  unsigned long flags;
  void (*restorer)(void);
  uint64_t mask;
};

START_TEST(any_other_signal_goes_to_who_was_there) {
  struct kernel_action a;
  setup(); /* for the restorer */
  syscall(SYS_rt_sigaction, 33, NULL, &a, 8);
  a.handler = foreign;
  syscall(SYS_rt_sigaction, 33, &a, NULL, 8);
  ck_assert_int_eq(cgc_signal_install(), 1);
  syscall(SYS_tgkill, getpid(), cgc_thread_tid(), 33);
  ck_assert_int_eq(nforeign, 1);
  ck_assert_int_eq(nseen, 0);
  send_to_self(NULL);
  ck_assert_int_eq(nforeign, 1);
}
END_TEST

START_TEST(the_default_action_still_kills) {
  int status;
  pid_t child = fork();
  if (child == 0) {
    struct kernel_action dfl = {.handler = NULL};
    syscall(SYS_rt_sigaction, 33, &dfl, NULL, 8); /* make left it ignored */
    setup();
    syscall(SYS_tgkill, getpid(), cgc_thread_tid(), 33);
    _exit(0);
  }
  waitpid(child, &status, 0);
  ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == 33);
}
END_TEST

START_TEST(a_thread_that_is_gone_is_an_error) {
  setup();
  ck_assert_int_eq(cgc_signal_send(1 << 22, NULL), -ESRCH);
}
END_TEST

/* ---- the code before a syscall instruction ------------------------------- */

static long decode(const char *hex) {
  uint8_t code[64];
  size_t n = 0;
  for (unsigned byte; sscanf(hex, "%2x", &byte) == 1; hex += 3) {
    code[n++] = (uint8_t)byte;
    if (!hex[2])
      break;
  }
  return cgc_signal_decode(code, n);
}

START_TEST(the_number_is_found_in_usual_code) {
  ck_assert_int_eq(decode("b8 07 00 00 00"), SYS_poll);
  ck_assert_int_eq(decode("90 90 31 c0"), SYS_read);
  /* mov %rbx,%rdi */
  ck_assert_int_eq(decode("b8 ca 00 00 00 48 89 df"), SYS_futex);
  /* xor %r10d,%r10d; mov $0x80,%esi; xor $0x81,%sil */
  ck_assert_int_eq(decode("b8 ca 00 00 00 45 31 d2 be 80 00 00 00 40 80 f6 81"),
                   SYS_futex);
  /* mov 0x10(%rsp),%rsi; lea 0x20(%rsp),%rdx; mov $8,%r10d */
  ck_assert_int_eq(decode("b8 e6 00 00 00 48 8b 74 24 10 48 8d 54 24 20 "
                          "41 ba 08 00 00 00"),
                   SYS_clock_nanosleep);
}
END_TEST

START_TEST(unclear_code_is_not_guessed) {
  ck_assert_int_eq(decode("41 b8 07 00 00 00"), -1); /* mov $7,%r8d */
  ck_assert_int_eq(decode("b8 07 00 00 00 89 d8"), -1);
  ck_assert_int_eq(decode("b8 07 00 00 00 48 8b 44 24 08"), -1);
  ck_assert_int_eq(decode("b8 07 00 00 00 e8 00 00 00 00"), -1);
  ck_assert_int_eq(decode("b8 07 00 00 40"), -1); /* no such number */
  ck_assert_int_eq(decode("48 89 f8 48 89 f7"), -1);
  ck_assert_int_eq(decode("07 00 00 00"), -1);
  ck_assert_int_eq(decode("31 c0 29 d8"), -1);
  ck_assert_int_eq(cgc_signal_decode(NULL, 0), -1);
}
END_TEST

START_TEST(any_bytes_are_survived) {
  struct unit_random r = unit_random();
  uint8_t code[40];
  for (int i = 0; i < 200000; i++) {
    size_t n = unit_below(&r, sizeof code + 1);
    for (size_t k = 0; k < n; k++)
      code[k] = (uint8_t)unit_below(&r, 256);
    long number = cgc_signal_decode(code, n);
    ck_assert(number >= -1 && number < 512);
  }
}
END_TEST

/* ---- contexts ------------------------------------------------------------ */

static void make_context(ucontext_t *uc, const uint8_t *rip, long rax) {
  memset(uc, 0, sizeof *uc);
  uc->uc_mcontext.gregs[REG_RIP] = (greg_t)rip;
  uc->uc_mcontext.gregs[REG_RAX] = rax;
}

static const uint8_t poll_code[] = {0xb8, 7, 0, 0, 0, 0x0f, 5, 0xc3};
static const uint8_t close_code[] = {0xb8, 3, 0, 0, 0, 0x0f, 5, 0xc3};

START_TEST(a_broken_poll_is_begun_again) {
  ucontext_t uc;
  make_context(&uc, poll_code + 7, -EINTR);
  ck_assert(cgc_signal_broke_call(&uc));
  ck_assert(cgc_signal_rewind(&uc));
  ck_assert_int_eq(uc.uc_mcontext.gregs[REG_RAX], SYS_poll);
  ck_assert_int_eq(uc.uc_mcontext.gregs[REG_RIP], (greg_t)(poll_code + 5));
}
END_TEST

START_TEST(other_contexts_stay_as_they_are) {
  ucontext_t uc;
  make_context(&uc, poll_code + 7, 1);
  ck_assert(!cgc_signal_rewind(&uc));
  make_context(&uc, poll_code + 6, -EINTR);
  ck_assert(!cgc_signal_rewind(&uc));
  make_context(&uc, close_code + 7, -EINTR);
  ck_assert(!cgc_signal_rewind(&uc));
  make_context(&uc, (uint8_t *)8192, -EINTR);
  ck_assert(!cgc_signal_rewind(&uc));
  ck_assert(!cgc_signal_broke_call(&uc));
  make_context(&uc, NULL, -EINTR);
  ck_assert(!cgc_signal_rewind(&uc));
}
END_TEST

static void nothing(int sig) { (void)sig; }

START_TEST(a_waiting_signal_is_left_as_the_cause) {
  struct sigaction sa = {.sa_handler = nothing};
  sigset_t set;
  ucontext_t uc;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, NULL);
  sigaction(SIGUSR1, &sa, NULL);
  raise(SIGUSR1);
  make_context(&uc, poll_code + 7, -EINTR);
  ck_assert(!cgc_signal_rewind(&uc));
  sigaddset(&uc.uc_sigmask, SIGUSR1); /* it stays blocked: no cause */
  ck_assert(cgc_signal_rewind(&uc));
}
END_TEST

START_TEST(an_ignored_signal_is_no_cause) {
  sigset_t set;
  ucontext_t uc;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, NULL);
  raise(SIGCHLD);
  make_context(&uc, poll_code + 7, -EINTR);
  ck_assert(cgc_signal_rewind(&uc));
}
END_TEST

static struct cgc_signal_frame frame;
static bool vector_found;

CGC_SCANS_MEMORY static void look_at_frame(void *record, uintptr_t sp,
                                           void *context) {
  (void)sp;
  cgc_signal_frame(context, &frame);
  for (uintptr_t a = frame.vector_lo; a < frame.vector_hi; a += 8)
    vector_found |= *(uintptr_t *)a == (uintptr_t)record;
  atomic_fetch_add(&nseen, 1);
}

START_TEST(vector_registers_are_in_the_frame) {
  uintptr_t secret = 0x1122334455667788;
  setup();
  cgc_signal_hook = look_at_frame;
  /* The word is in xmm7 alone while the signal arrives. */
  __asm__ volatile("movq %0, %%xmm7" : : "r"(secret) : "xmm7");
  cgc_signal_send(cgc_thread_tid(), (void *)secret);
  ck_assert_int_eq(nseen, 1);
  ck_assert_uint_ge(frame.regs_hi - frame.regs_lo, 17 * 8);
  ck_assert_uint_ge(frame.vector_hi - frame.vector_lo, 512);
  ck_assert(vector_found);
}
END_TEST

static void *sleep_in_poll(void *arg) {
  *(_Atomic pid_t *)arg = cgc_thread_tid();
  ck_assert_int_eq(poll(NULL, 0, 300), 0);
  return NULL;
}

static void *sleep_in_poll_by_number(void *arg) {
  *(_Atomic pid_t *)arg = cgc_thread_tid();
  ck_assert_int_eq(cgc_signal_syscall(SYS_poll, NULL, 0, 300), 0);
  return NULL;
}

START_TEST(a_thread_in_poll_sees_no_eintr) {
  static void *(*const fns[])(void *) = {sleep_in_poll,
                                         sleep_in_poll_by_number};
  _Atomic pid_t tid = 0;
  pthread_t thread;
  setup();
  pthread_create(&thread, NULL, fns[_i], &tid);
  while (tid == 0)
    sched_yield();
  cgc_signal_install();
  for (int i = 0; i < 50; i++) {
    cgc_signal_send(tid, NULL);
    usleep(2000);
  }
  pthread_join(thread, NULL);
  ck_assert_int_eq(nseen, 50);
}
END_TEST

START_TEST(a_call_by_number_is_as_libcs) {
  char page[4096], *map;
  int fds[2];
  errno = 7;
  ck_assert_int_eq(cgc_signal_syscall(SYS_gettid), cgc_thread_tid());
  ck_assert_int_eq(errno, 7);
  ck_assert_int_eq(cgc_signal_syscall(SYS_close, -1), -1);
  ck_assert_int_eq(errno, EBADF);
  ck_assert_int_eq(cgc_signal_syscall(100000), -1);
  ck_assert_int_eq(errno, ENOSYS);
  ck_assert_int_eq(pipe(fds), 0);
  ck_assert_int_eq(write(fds[1], "four", 4), 4);
  ck_assert_int_eq(cgc_signal_syscall(SYS_read, fds[0], page, 3), 3);
  /* The sixth argument is an offset that mmap refuses. */
  map = (char *)cgc_signal_syscall(SYS_mmap, NULL, 4096, 1, 2, fds[0], 1);
  ck_assert_ptr_eq(map, (char *)-1);
  ck_assert_int_eq(errno, EINVAL);
}
END_TEST

static Suite *suite(void) {
  Suite *s = suite_create("signal");
  TCase *core = tcase_create("core");
  tcase_add_test(core, the_hook_gets_the_record);
  tcase_add_test(core, installing_again_does_nothing);
  tcase_add_test(core, every_signal_blocked_by_libc_changes_nothing);
  tcase_add_test(core, an_inherited_block_is_undone);
  tcase_add_test(core, the_alternate_stack_is_used);
  tcase_add_test(core, unwinders_see_through_the_handler);
  tcase_add_test(core, any_other_signal_goes_to_who_was_there);
  tcase_add_test(core, vector_registers_are_in_the_frame);
  suite_add_tcase(s, core);
  TCase *calls = tcase_create("calls");
  tcase_add_test(calls, the_number_is_found_in_usual_code);
  tcase_add_test(calls, unclear_code_is_not_guessed);
  tcase_add_test(calls, any_bytes_are_survived);
  tcase_add_test(calls, a_broken_poll_is_begun_again);
  tcase_add_test(calls, other_contexts_stay_as_they_are);
  tcase_add_test(calls, a_call_by_number_is_as_libcs);
  tcase_add_test(calls, a_waiting_signal_is_left_as_the_cause);
  tcase_add_test(calls, an_ignored_signal_is_no_cause);
  suite_add_tcase(s, calls);
  TCase *errors = tcase_create("errors");
  tcase_add_test(errors, the_default_action_still_kills);
  tcase_add_test(errors, a_thread_that_is_gone_is_an_error);
  suite_add_tcase(s, errors);
  TCase *concurrent = tcase_create("concurrent");
  tcase_set_timeout(concurrent, 30);
  tcase_add_loop_test(concurrent, a_thread_in_poll_sees_no_eintr, 0, 2);
  suite_add_tcase(s, concurrent);
  return s;
}

int main(void) { return unit_run(suite()); }
