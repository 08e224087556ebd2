/* SPDX-License-Identifier: MIT */
#include "front/syscall.h"

#include "front/deadline.h"
#include "os/signal.h"

#include <linux/futex.h>
#include <sys/time.h>
#include <sys/uio.h>

enum {
  NUMBERS = 512,
  EPOLL_PWAIT2 = 441, /* not in the headers of older systems */
  ARGUMENT = 0x0f,
  /* The argument is a pointer to a timespec, or: */
  MS = 0x80,      /* an int of milliseconds */
  TIMEVAL = 0x40, /* a pointer to a timeval */
  UPDATED = 0x20  /* the kernel writes there what is left */
};

/* The argument, counted from 1, that is the time to wait; 0: there is none. */
__attribute__((used)) static const uint8_t
    time_at[NUMBERS] __asm__("cgc_syscall_time_at") = {
        [SYS_poll] = 3 | MS,
        [SYS_ppoll] = 3 | UPDATED,
        [SYS_select] = 5 | UPDATED | TIMEVAL,
        [SYS_pselect6] = 5 | UPDATED,
        [SYS_epoll_wait] = 4 | MS,
        [SYS_epoll_pwait] = 4 | MS,
        [EPOLL_PWAIT2] = 4,
        [SYS_nanosleep] = 1,
        [SYS_clock_nanosleep] = 3,
        [SYS_rt_sigtimedwait] = 3,
        [SYS_semtimedop] = 4,
        [SYS_futex] = 4,
        [SYS_io_getevents] = 5,
        [SYS_io_pgetevents] = 5,
};

/* In assembler: the arguments stay where they are, however many there are. */
__asm__(".text\n"
        ".p2align 4\n"
        ".globl syscall\n"
        ".type syscall, @function\n"
        "syscall:\n"
        ".cfi_startproc\n"
        "  cmpq $511, %rdi\n"
        "  ja cgc_signal_syscall\n"
        "  leaq cgc_syscall_time_at(%rip), %rax\n"
        "  cmpb $0, (%rax,%rdi)\n"
        "  je cgc_signal_syscall\n"
        "  jmp cgc_syscall_timed\n"
        ".cfi_endproc\n"
        ".size syscall, .-syscall\n");
_Static_assert(NUMBERS - 1 == 511, "the compare above");

/* Of the calls in the table some may also wait until a point in time, or for
 * the processor time of others. */
static bool is_span(long n, const long *arg) {
  switch (n) {
  case SYS_futex:
    return (arg[1] & FUTEX_CMD_MASK) == FUTEX_WAIT;
  case SYS_clock_nanosleep:
    return !(arg[1] & TIMER_ABSTIME) &&
           (arg[0] == CLOCK_MONOTONIC || arg[0] == CLOCK_REALTIME ||
            arg[0] == CLOCK_BOOTTIME || arg[0] == CLOCK_TAI);
  default:
    return true;
  }
}

static long call(long n, const long *arg) {
  return cgc_signal_syscall(n, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

static long wait_ms(long n, long *arg, long *ms) {
  struct cgc_deadline w;
  long result;
  cgc_deadline_begin_ms(&w, (int)*ms);
  do {
    *ms = w.ms;
    result = call(n, arg);
  } while (cgc_deadline_again(&w, result));
  cgc_deadline_end(&w);
  return result;
}

static long wait_span(long n, long *arg, long *time) {
  struct cgc_deadline w;
  long result;
  cgc_deadline_begin_span(&w, (const struct timespec *)*time);
  *time = (long)&w.left;
  do
    result = call(n, arg);
  while (cgc_deadline_again(&w, result));
  cgc_deadline_end(&w);
  return result;
}

union time {
  struct timespec ts;
  struct timeval tv;
};

static struct timespec span_of(const union time *time, bool is_timeval) {
  if (!is_timeval)
    return time->ts;
  if (time->tv.tv_usec < 0 || time->tv.tv_usec >= 1000000)
    return (struct timespec){0}; /* not for us to count */
  return (struct timespec){time->tv.tv_sec, time->tv.tv_usec * 1000};
}

static void set_left(union time *time, struct timespec left, bool is_timeval) {
  if (is_timeval)
    time->tv = (struct timeval){left.tv_sec, left.tv_nsec / 1000};
  else
    time->ts = left;
}

/* As the kernel does it: where the memory is read-only, nothing happens. */
static void write_back(void *theirs, union time *left) {
  struct iovec from = {left, sizeof *left}, to = {theirs, sizeof *left};
  cgc_syscall(SYS_process_vm_writev, cgc_thread_pid(), (long)&from, 1,
              (long)&to, 1, 0);
}

/* The kernel's figure does not know of the time that the stop took. */
static long wait_updated(long n, long *arg, long *time, bool is_timeval) {
  struct cgc_deadline w;
  union time *theirs = (union time *)*time, left;
  struct timespec span = span_of(theirs, is_timeval);
  long result;
  cgc_deadline_begin_span(&w, &span);
  while (cgc_deadline_again(&w, result = call(n, arg)))
    if (w.deadline_ns) {
      set_left(&left, w.left, is_timeval);
      *time = (long)&left;
    }
  cgc_deadline_end(&w);
  if (*time != (long)theirs)
    write_back(theirs, &left);
  return result;
}

/* For calls in the table; registers and stack are as syscall() got them. */
__attribute__((used)) static long timed(long n, long a, long b, long c, long d,
                                        long e,
                                        long f) __asm__("cgc_syscall_timed");
static long timed(long n, long a, long b, long c, long d, long e, long f) {
  long arg[] = {a, b, c, d, e, f};
  unsigned at = time_at[n];
  long *time = &arg[(at & ARGUMENT) - 1];
  if (at & MS)
    return wait_ms(n, arg, time);
  if (*time == 0 || !is_span(n, arg))
    return call(n, arg);
  if (at & UPDATED)
    return wait_updated(n, arg, time, at & TIMEVAL);
  return wait_span(n, arg, time);
}
