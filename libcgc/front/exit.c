/* SPDX-License-Identifier: MIT */
#include "front/exit.h"

#include "front/init.h"
#include "front/leak.h"
#include "front/printer.h"
#include "front/real.h"
#include "os/page.h"
#include "os/thread.h"
#include "world/mutator.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { TRIES = 2000, PAUSE_NS = 1000000, STACK_BYTES = 8 << 10 };

CGC_REAL(__libc_start_main)
CGC_REAL(exit)
CGC_REAL(_exit)
CGC_REAL(sigaction)
CGC_REAL(signal)
CGC_REAL(__sysv_signal)

/* glibc's lists of handlers, which no header declares. */
int __cxa_atexit(void (*fn)(void *), void *arg, void *dso);
int __cxa_at_quick_exit(void (*fn)(void *), void *dso);
sighandler_t __sysv_signal(int number, sighandler_t handler);

static struct {
  int (*main)(int, char **, char **);
  uintptr_t main_hi;
  pid_t main_tid;
  uintptr_t exit_sp; /* of the thread that called exit(); 0: none did */
  bool returned;
  _Atomic bool told;
} way;

#define FRAME ((uintptr_t)__builtin_frame_address(0))

/* ---- The report ---------------------------------------------------------- */

/*
 * The child of a vfork has its parent's record.  A thread that ends has none
 * any more, and gets one.
 */
static bool is_own_thread(void) {
  const struct cgc_mutator *self = cgc_init_thread();
  return self && self->tid == cgc_thread_tid();
}

/* Only main's own thread has a stack of which we know where it is dead. */
static struct cgc_leak_end ending_at(uintptr_t sp) {
  struct cgc_leak_end end = {.main_hi = way.main_hi,
                             .main_returned = way.returned};
  if (cgc_thread_tid() == way.main_tid && sp < way.main_hi) {
    end.dead_lo = sp;
    end.dead_hi = way.main_hi;
  }
  return end;
}

/* returns  the status to end with, or 0: as it was */
static int tell(const char *reason, const struct cgc_leak_end *end) {
  if (!cgc_leak_is_ours() || !is_own_thread() ||
      atomic_exchange_explicit(&way.told, true, memory_order_relaxed))
    return 0;
  int status = cgc_leak_check(reason, end);
  if (status == CGC_PRINTER_LOST)
    return cgc_leak.exit_code;
  return status > 0 ? status : 0;
}

/* ---- main and exit ------------------------------------------------------- */

static int call_main(int argc, char **argv, char **envp) {
  way.main_hi = FRAME;
  way.main_tid = cgc_thread_tid();
  int status = way.main(argc, argv, envp);
  way.returned = true;
  return status;
}

CGC_PUBLIC int __libc_start_main(int (*main)(int, char **, char **), int argc,
                                 char **argv,
                                 int (*init)(int, char **, char **),
                                 void (*fini)(void), void (*rtld_fini)(void),
                                 void *stack_end) {
  way.main = main;
  return CGC_CALL_REAL(__libc_start_main)(cgc_leak.on ? call_main : main, argc,
                                          argv, init, fini, rtld_fini,
                                          stack_end);
}

CGC_PUBLIC void exit(int status) {
  if (cgc_leak.on && way.exit_sp == 0)
    way.exit_sp = FRAME;
  CGC_CALL_REAL(exit)(status);
  __builtin_unreachable();
}

static void after_all(void *unused) {
  struct cgc_leak_end end = ending_at(way.exit_sp ? way.exit_sp : FRAME);
  (void)unused;
  int status = tell("exit", &end);
  if (status)
    CGC_CALL_REAL(exit)(status);
}

static void before_quick_exit(void *unused) {
  struct cgc_leak_end end = ending_at(FRAME);
  (void)unused;
  int status = tell("quick_exit", &end);
  if (status)
    CGC_CALL_REAL(_exit)(status);
}

CGC_PUBLIC void _exit(int status) {
  if (cgc_unlikely(cgc_leak.on)) {
    struct cgc_leak_end end = ending_at(FRAME);
    int other = tell("_exit", &end);
    status = other ? other : status;
  }
  CGC_CALL_REAL(_exit)(status);
  __builtin_unreachable();
}

CGC_PUBLIC void _Exit(int status) { _exit(status); }

/* ---- Signals that end the process ---------------------------------------- */

static const struct {
  int number;
  const char *reason;
} deadly[] = {
    {SIGTERM, "signal:TERM"},
    {SIGINT, "signal:INT"},
    {SIGHUP, "signal:HUP"},
    {SIGABRT, "abort"},
};

static struct {
  _Atomic uint32_t alive;
  _Atomic bool asked;
  _Atomic int tries;
  int number;
  pid_t tid;
  char *stack;
} again;

static void send_again(void *unused) {
  _Atomic uint32_t never = 0;
  (void)unused;
  cgc_thread_futex_wait(&never, 0, PAUSE_NS);
  cgc_thread_syscall(SYS_tgkill, cgc_thread_pid(), again.tid, again.number, 0,
                     0, 0);
}

/*
 * The thread is in the middle of the allocator: it goes on, and gets the signal
 * again a little later.
 * returns  false when that was tried long enough
 */
static bool put_off(int number) {
  if (number == SIGABRT || again.tries++ >= TRIES || !again.stack)
    return false;
  cgc_thread_join(&again.alive);
  again.number = number;
  again.tid = cgc_thread_tid();
  return cgc_thread_spawn(send_again, NULL, again.stack, STACK_BYTES,
                          &again.alive);
}

static bool is_busy(void) {
  return cgc_self && cgc_mutator_is_inside(cgc_self);
}

/* The default action follows when we return and the signal is let through. */
static void die_of(int number) {
  struct sigaction action = {.sa_handler = SIG_DFL};
  CGC_CALL_REAL(sigaction)(number, &action, NULL);
  cgc_thread_syscall(SYS_tgkill, cgc_thread_pid(), cgc_thread_tid(), number, 0,
                     0, 0);
}

static void on_deadly(int number) {
  int saved = errno;
  size_t i = 0;
  while (deadly[i].number != number)
    i++;
  if (!is_busy() || !put_off(number)) {
    struct cgc_leak_end end = {.main_hi = way.main_hi, .in_handler = true};
    tell(deadly[i].reason, &end);
    die_of(number);
  }
  errno = saved;
}

/* A check on demand; if none can be made now, at the next block. */
static void on_request(int number) {
  static const struct cgc_leak_end here = {.in_handler = true, .goes_on = true};
  int saved = errno;
  (void)number;
  if (!is_own_thread() || is_busy() || cgc_leak_check("request", &here) < 0)
    cgc_leak_ask();
  errno = saved;
}

static const struct sigaction ours = {.sa_handler = on_deadly,
                                      .sa_flags = SA_RESTART | SA_ONSTACK};

static void watch_signals(void) {
  struct sigaction now;
  struct sigaction request = {.sa_handler = on_request,
                              .sa_flags = SA_RESTART | SA_ONSTACK};
  if (cgc_leak.signal)
    CGC_CALL_REAL(sigaction)(cgc_leak.signal, &request, NULL);
  again.stack = cgc_page_map(STACK_BYTES);
  for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
    if (CGC_CALL_REAL(sigaction)(deadly[i].number, NULL, &now) == 0 &&
        now.sa_handler == SIG_DFL)
      CGC_CALL_REAL(sigaction)(deadly[i].number, &ours, NULL);
}

/* ---- The program's own choice of action ---------------------------------- */

/* Whether the default action of signal NUMBER is ours. */
static bool is_watched(int number) {
  bool deadly_one = false;
  for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
    deadly_one |= deadly[i].number == number;
  return cgc_leak.on && deadly_one;
}

CGC_PUBLIC int sigaction(int number, const struct sigaction *action,
                         struct sigaction *old) {
  struct sigaction before;
  if (!is_watched(number))
    return CGC_CALL_REAL(sigaction)(number, action, old);
  bool is_default = action && action->sa_handler == SIG_DFL;
  int result =
      CGC_CALL_REAL(sigaction)(number, is_default ? &ours : action, &before);
  if (result == 0 && before.sa_handler == on_deadly)
    before = (struct sigaction){.sa_handler = SIG_DFL};
  if (result == 0 && old)
    *old = before;
  return result;
}

static sighandler_t told(int number, sighandler_t handler,
                         sighandler_t before) {
  if (handler == SIG_DFL && before != SIG_ERR && is_watched(number))
    CGC_CALL_REAL(sigaction)(number, &ours, NULL);
  return before == on_deadly ? SIG_DFL : before;
}

CGC_PUBLIC sighandler_t signal(int number, sighandler_t handler) {
  return told(number, handler, CGC_CALL_REAL(signal)(number, handler));
}

CGC_PUBLIC sighandler_t __sysv_signal(int number, sighandler_t handler) {
  return told(number, handler, CGC_CALL_REAL(__sysv_signal)(number, handler));
}

void cgc_exit_attach(void) {
  if (!cgc_leak.on)
    return;
  cgc_printer_keep_stderr();
  __cxa_atexit(after_all, NULL, NULL);
  __cxa_at_quick_exit(before_quick_exit, NULL);
  watch_signals();
}
