/* SPDX-License-Identifier: MIT */
#include "os/signal.h"

#include "base/option.h"
#include "os/thread.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>

void (*cgc_signal_hook)(void *record, uintptr_t sp, void *ucontext);

/* The kernel's own forms, which libc's sigaction() does not let through. */
struct kernel_action {
  void (*handler)(int, siginfo_t *, void *);
  unsigned long flags;
  void (*restorer)(void);
  uint64_t mask;
};
enum { FLAG_RESTORER = 0x04000000 };

/* Of the codes below zero, which any process may send, one that is ours. */
enum { OUR_CODE = -0x6367 };

/* Distinguishes two copies of this library in one process. */
static int instance(void) { return (int)((uintptr_t)&cgc_signal_hook >> 3); }

static _Atomic uintptr_t previous; /* handler found when ours was installed */

/* No errno, no cancellation point. */
static long raw(long n, long a, long b, long c, long d) {
  return cgc_thread_syscall(n, a, b, c, d, 0, 0);
}

int cgc_signal_number(void) { return (int)cgc_options.stop_signal; }

/* ---- the handler --------------------------------------------------------- */

/*
 * Where the handler returns to: rsp is the address of the ucontext_t.  gdb
 * knows a signal frame by this symbol's name, unwinders by the description
 * below (CFA and every register are words of the ucontext_t) or by the
 * instructions.  The nop belongs to it since unwinders look up address - 1.
 */
void cgc_signal_return(void) __asm__("__restore_rt");
#define REGISTER_AT(number, lo, hi)                                            \
  ".cfi_escape 0x10," #number ",3,0x77," #lo "," #hi "\n"
__asm__(".text\n"
        ".p2align 4\n"
        ".cfi_startproc\n"
        ".cfi_signal_frame\n"
        ".cfi_escape 0x0f,4,0x77,0xa0,0x01,0x06\n" /* CFA = *(rsp + 160) */
        REGISTER_AT(8, 0xa8, 0x00)                 /* r8: 40 */
        REGISTER_AT(9, 0xb0, 0x00)                 /* r9: 48 */
        REGISTER_AT(10, 0xb8, 0x00)                /* 56 */
        REGISTER_AT(11, 0xc0, 0x00)                /* 64 */
        REGISTER_AT(12, 0xc8, 0x00)                /* 72 */
        REGISTER_AT(13, 0xd0, 0x00)                /* 80 */
        REGISTER_AT(14, 0xd8, 0x00)                /* 88 */
        REGISTER_AT(15, 0xe0, 0x00)                /* 96 */
        REGISTER_AT(5, 0xe8, 0x00)                 /* rdi: 104 */
        REGISTER_AT(4, 0xf0, 0x00)                 /* rsi: 112 */
        REGISTER_AT(6, 0xf8, 0x00)                 /* rbp: 120 */
        REGISTER_AT(3, 0x80, 0x01)                 /* rbx: 128 */
        REGISTER_AT(1, 0x88, 0x01)                 /* rdx: 136 */
        REGISTER_AT(0, 0x90, 0x01)                 /* rax: 144 */
        REGISTER_AT(2, 0x98, 0x01)                 /* rcx: 152 */
        REGISTER_AT(7, 0xa0, 0x01)                 /* rsp: 160 */
        REGISTER_AT(16, 0xa8, 0x01)                /* rip: 168 */
        "  nop\n"
        ".p2align 4\n"
        ".type __restore_rt, @function\n"
        "__restore_rt:\n"
        "  movq $15, %rax\n"
        "  syscall\n"
        ".cfi_endproc\n"
        ".size __restore_rt, .-__restore_rt\n");

_Static_assert(offsetof(ucontext_t, uc_mcontext.gregs[REG_R8]) == 40 &&
                   offsetof(ucontext_t, uc_mcontext.gregs[REG_RSP]) == 160 &&
                   offsetof(ucontext_t, uc_mcontext.gregs[REG_RIP]) == 168,
               "the frame description above");

static bool is_ours(const siginfo_t *info) {
  return info->si_code == OUR_CODE && info->si_pid == instance();
}

/* From kill() in this process; without room for a note the kernel tells 0. */
static bool is_for_any(const siginfo_t *info) {
  return info->si_code == SI_USER &&
         (info->si_pid == 0 || info->si_pid == cgc_thread_pid());
}

/* The default action is the process's end: let it come. */
static void die_of(int sig) {
  struct kernel_action dfl = {.handler = NULL};
  raw(SYS_rt_sigaction, sig, (long)&dfl, 0, sizeof dfl.mask);
  raw(SYS_tgkill, cgc_thread_pid(), cgc_thread_tid(), sig, 0);
}

static void pass_on(int sig, siginfo_t *info, void *context) {
  uintptr_t to = atomic_load_explicit(&previous, memory_order_acquire);
  if (to == (uintptr_t)SIG_DFL)
    die_of(sig);
  else if (to != (uintptr_t)SIG_IGN)
    ((void (*)(int, siginfo_t *, void *))to)(sig, info, context);
}

CGC_SCANS_MEMORY static void handler(int sig, siginfo_t *info, void *context) {
  const ucontext_t *uc = context;
  if (is_ours(info))
    cgc_signal_hook(info->si_value.sival_ptr,
                    (uintptr_t)uc->uc_mcontext.gregs[REG_RSP], context);
  else if (is_for_any(info))
    cgc_signal_hook(NULL, (uintptr_t)uc->uc_mcontext.gregs[REG_RSP], context);
  else
    pass_on(sig, info, context);
}

/*
 * SA_ONSTACK as glibc's own handler of this signal has it: threads on tiny
 * stacks (goroutines) have an alternate one for handlers.
 */
static const struct kernel_action our_action = {
    .handler = handler,
    .flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK | FLAG_RESTORER,
    .restorer = cgc_signal_return,
    .mask = ~0ull};

int cgc_signal_install(void) {
  int sig = cgc_signal_number();
  struct kernel_action found;
  long ret = raw(SYS_rt_sigaction, sig, 0, (long)&found, sizeof found.mask);
  if (ret < 0 || found.handler == handler)
    return (int)ret;
  atomic_store_explicit(&previous, (uintptr_t)found.handler,
                        memory_order_release);
  ret = raw(SYS_rt_sigaction, sig, (long)&our_action, (long)&found,
            sizeof found.mask);
  /* Another may have come in between. */
  if (ret == 0 && found.handler != handler)
    atomic_store_explicit(&previous, (uintptr_t)found.handler,
                          memory_order_release);
  return ret < 0 ? (int)ret : 1;
}

int cgc_signal_send(pid_t tid, void *record) {
  siginfo_t info = {.si_signo = cgc_signal_number(), .si_code = OUR_CODE};
  info.si_pid = instance();
  info.si_value.sival_ptr = record;
  return (int)raw(SYS_rt_tgsigqueueinfo, cgc_thread_pid(), tid, info.si_signo,
                  (long)&info);
}

/* One is noted for all, and each time another thread is told to look. */
void cgc_signal_send_any(unsigned n) {
  while (n-- > 0)
    raw(SYS_kill, cgc_thread_pid(), cgc_signal_number(), 0, 0);
}

uintptr_t cgc_signal_alternate_stack(void) {
  stack_t stack = {.ss_flags = SS_DISABLE};
  cgc_thread_syscall(SYS_sigaltstack, 0, (long)&stack, 0, 0, 0, 0);
  return stack.ss_flags & SS_DISABLE ? 0 : (uintptr_t)stack.ss_sp;
}

void cgc_signal_unblock(void) {
  uint64_t mask = 1ull << (cgc_signal_number() - 1);
  raw(SYS_rt_sigprocmask, SIG_UNBLOCK, (long)&mask, 0, sizeof mask);
}

uint64_t cgc_signal_block_all(void) {
  uint64_t all = ~0ull, old = 0;
  raw(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&old, sizeof all);
  return old;
}

void cgc_signal_restore(uint64_t mask) {
  raw(SYS_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0, sizeof mask);
}

/* ---- the frame ----------------------------------------------------------- */

/* The kernel's note at the end of the 512 bytes of fxsave. */
struct vector_note {
  uint32_t magic;
  uint32_t size; /* of all that was saved, AVX and later included */
};
enum { VECTOR_NOTE_AT = 464, VECTOR_MAGIC = 0x46505853, FXSAVE_SIZE = 512 };

void cgc_signal_frame(const void *context, struct cgc_signal_frame *frame) {
  const mcontext_t *mc = &((const ucontext_t *)context)->uc_mcontext;
  uintptr_t vector = (uintptr_t)mc->fpregs;
  const struct vector_note *note = (const void *)(vector + VECTOR_NOTE_AT);
  frame->regs_lo = (uintptr_t)mc->gregs;
  frame->regs_hi = (uintptr_t)(mc->gregs + NGREG);
  frame->vector_lo = frame->vector_hi = vector;
  if (vector)
    frame->vector_hi +=
        note->magic == VECTOR_MAGIC ? note->size : (uint32_t)FXSAVE_SIZE;
}

/* ---- which system call was it? ------------------------------------------- */

/*
 * Calls that give EINTR although the handler has SA_RESTART, and did nothing
 * yet when they do.  Not close(): its descriptor is gone.
 */
static bool gives_eintr(long n) {
  switch (n) {
  case SYS_poll:
  case SYS_ppoll:
  case SYS_select:
  case SYS_pselect6:
  case SYS_epoll_wait:
  case SYS_epoll_pwait:
  case 441: /* epoll_pwait2 */
  case SYS_nanosleep:
  case SYS_clock_nanosleep:
  case SYS_pause:
  case SYS_rt_sigsuspend:
  case SYS_rt_sigtimedwait:
  case SYS_futex:
  case 449: /* futex_waitv */
  case SYS_semop:
  case SYS_semtimedop:
  case SYS_msgsnd:
  case SYS_msgrcv:
  case SYS_io_getevents:
  case SYS_io_pgetevents:
  case 426: /* io_uring_enter */
    return true;
  default:
    return false;
  }
}

/*
 * Calls that the kernel begins again for SA_RESTART, and gives EINTR for a
 * socket with a timeout.
 */
static bool restarts(long n) {
  switch (n) {
  case SYS_read:
  case SYS_readv:
  case SYS_preadv:
  case SYS_preadv2:
  case SYS_write:
  case SYS_writev:
  case SYS_pwritev:
  case SYS_pwritev2:
  case SYS_recvfrom:
  case SYS_recvmsg:
  case SYS_recvmmsg:
  case SYS_sendto:
  case SYS_sendmsg:
  case SYS_sendmmsg:
  case SYS_accept:
  case SYS_accept4:
  case SYS_connect:
  case SYS_wait4:
  case SYS_waitid:
  case SYS_flock:
  case SYS_fcntl:
  case SYS_open:
  case SYS_openat:
  case SYS_ioctl:
  case SYS_getrandom:
  case SYS_splice:
  case SYS_tee:
  case SYS_vmsplice:
  case SYS_mq_timedsend:
  case SYS_mq_timedreceive:
    return true;
  default:
    return false;
  }
}

/* One instruction of the few that stand between `mov $n,%eax' and syscall. */
struct insn {
  uint8_t rex;
  uint8_t op;
  uint8_t modrm;
  size_t len;
};

enum { REX_B = 1, REX_R = 4, REX_W = 8 };

/* Length of a ModRM byte with what belongs to it; 0: runs out of the code. */
static size_t modrm_len(const uint8_t *p, size_t n) {
  unsigned mod = p[0] >> 6, rm = p[0] & 7;
  size_t len = 1;
  if (mod == 3)
    return 1;
  if (rm == 4) {
    if (n < 2)
      return 0;
    if (mod == 0 && (p[1] & 7) == 5)
      len += 4;
    len++;
  } else if (mod == 0 && rm == 5) {
    len += 4;
  }
  len += mod == 1 ? 1 : mod == 2 ? 4 : 0;
  return len <= n ? len : 0;
}

/* What follows the ModRM byte of OP, or -1 for an instruction not known. */
static int immediate_len(uint8_t op) {
  switch (op) {
  case 0x80: /* add..cmp imm8, byte */
  case 0x83: /* add..cmp imm8 */
  case 0xc1: /* shift by imm8 */
  case 0xc6: /* mov imm8, byte */
    return 1;
  case 0x81: /* add..cmp imm32 */
  case 0xc7: /* mov imm32 */
    return 4;
  case 0x01:
  case 0x03: /* add */
  case 0x09:
  case 0x0b: /* or */
  case 0x21:
  case 0x23: /* and */
  case 0x29:
  case 0x2b: /* sub */
  case 0x31:
  case 0x33: /* xor */
  case 0x39:
  case 0x3b: /* cmp */
  case 0x63: /* movslq */
  case 0x85: /* test */
  case 0x88:
  case 0x89:
  case 0x8a:
  case 0x8b: /* mov */
  case 0x8d: /* lea */
    return 0;
  default:
    return -1;
  }
}

/* In these the ModRM byte's register field is written, not its r/m. */
static bool writes_reg_field(uint8_t op) {
  return op == 0x03 || op == 0x0b || op == 0x23 || op == 0x2b || op == 0x33 ||
         op == 0x63 || op == 0x8a || op == 0x8b || op == 0x8d;
}

static bool writes_eax(const struct insn *i) {
  if (writes_reg_field(i->op))
    return (i->modrm >> 3 & 7) == 0 && !(i->rex & REX_R);
  return i->modrm >> 6 == 3 && (i->modrm & 7) == 0 && !(i->rex & REX_B);
}

/* Decode at P; false: not one of those known. */
static bool decode_insn(const uint8_t *p, size_t n, struct insn *i) {
  size_t at = 0;
  *i = (struct insn){0};
  if (at < n && p[at] == 0x64) /* fs: */
    at++;
  if (at < n && p[at] >= 0x40 && p[at] <= 0x4f)
    i->rex = p[at++];
  if (at >= n)
    return false;
  i->op = p[at++];
  if (i->op >= 0xb8 && i->op <= 0xbf) { /* mov imm32, register */
    i->modrm = (uint8_t)(0xc0 | (i->op - 0xb8));
    i->len = at + 4;
    return i->len <= n && !(i->rex & REX_W);
  }
  int imm = immediate_len(i->op);
  size_t modrm = imm >= 0 && at < n ? modrm_len(p + at, n - at) : 0;
  if (modrm == 0)
    return false;
  i->modrm = p[at];
  i->len = at + modrm + (size_t)imm;
  return i->len <= n;
}

/* All of the code is instructions known, and none writes eax. */
static bool leaves_eax(const uint8_t *p, size_t n) {
  struct insn i;
  for (; n; p += i.len, n -= i.len)
    if (!decode_insn(p, n, &i) || writes_eax(&i))
      return false;
  return true;
}

/* A prefix that would make `b8' write r8d and not eax. */
static bool is_extended(const uint8_t *code, size_t at) {
  return at > 0 && code[at - 1] >= 0x40 && code[at - 1] <= 0x4f;
}

long cgc_signal_decode(const uint8_t *code, size_t n) {
  for (size_t back = 2; back <= n; back++) {
    size_t at = n - back;
    long number = -1;
    size_t len = 2;
    if (code[at] == 0x31 && code[at + 1] == 0xc0) { /* xor %eax,%eax */
      number = 0;
    } else if (code[at] == 0xb8 && back >= 5) {
      number = code[at + 1] | code[at + 2] << 8 | code[at + 3] << 16 |
               (long)code[at + 4] << 24;
      len = 5;
    }
    if (number >= 0 && number < 512 && !is_extended(code, at) &&
        leaves_eax(code + at + len, n - at - len))
      return number;
  }
  return -1;
}

/* ---- a system call by its number ----------------------------------------- */

__attribute__((used)) static long
fail(long negative_errno) __asm__("cgc_signal_syscall_fail");
static long fail(long negative_errno) {
  errno = (int)-negative_errno;
  return -1;
}

/*
 * The number stands in the red zone, which no handler touches: a pushed
 * register would be in the way of calls that return on another stack.
 */
__asm__(".text\n"
        ".p2align 4\n"
        ".globl cgc_signal_syscall\n"
        ".hidden cgc_signal_syscall\n"
        ".type cgc_signal_syscall, @function\n"
        "cgc_signal_syscall:\n"
        ".cfi_startproc\n"
        "  movq %rdi, -8(%rsp)\n"
        "  movq %rdi, %rax\n"
        "  movq %rsi, %rdi\n"
        "  movq %rdx, %rsi\n"
        "  movq %rcx, %rdx\n"
        "  movq %r8, %r10\n"
        "  movq %r9, %r8\n"
        "  movq 8(%rsp), %r9\n"
        "  syscall\n"
        "cgc_signal_syscall_end:\n"
        "  cmpq $-4095, %rax\n"
        "  jae 1f\n"
        "  ret\n"
        "1:\n"
        "  movq %rax, %rdi\n"
        "  jmp cgc_signal_syscall_fail\n"
        ".cfi_endproc\n"
        ".size cgc_signal_syscall, .-cgc_signal_syscall\n");
extern const char syscall_end[] __asm__("cgc_signal_syscall_end");

/* ---- beginning a system call again --------------------------------------- */

enum { CODE_MAX = 40, SYSCALL_LEN = 2 };

/* Read as the kernel does: the text may be execute-only, or gone. */
static bool peek(uintptr_t from, uint8_t *to, size_t n) {
  struct iovec here = {to, n}, there = {(void *)from, n};
  return cgc_thread_syscall(SYS_process_vm_readv, cgc_thread_pid(), (long)&here,
                            1, (long)&there, 1, 0) == (long)n;
}

static bool is_syscall(const uint8_t *code) {
  return code[0] == 0x0f && code[1] == 0x05;
}

/* The code up to the syscall instruction that ends at END.  0: it is none */
static size_t code_before(uintptr_t end, uint8_t *code) {
  uint8_t both[CODE_MAX + SYSCALL_LEN];
  size_t n = sizeof both;
  if (!peek(end - n, both, n)) {
    n = cgc_min(n, end & 4095); /* the page before may not be there */
    if (n < SYSCALL_LEN || !peek(end - n, both, n))
      return 0;
  }
  if (!is_syscall(both + n - SYSCALL_LEN))
    return 0;
  for (size_t i = 0; i < n - SYSCALL_LEN; i++)
    code[i] = both[i];
  return n - SYSCALL_LEN;
}

static bool has_handler(int sig, bool only_without_restart) {
  struct kernel_action a;
  if (sig == cgc_signal_number() ||
      raw(SYS_rt_sigaction, sig, 0, (long)&a, sizeof a.mask) != 0)
    return false;
  return (uintptr_t)a.handler > (uintptr_t)SIG_IGN &&
         !(only_without_restart && (a.flags & SA_RESTART));
}

/* Another signal comes as soon as our handler returns, and runs a handler. */
static bool another_waits(const ucontext_t *uc, bool only_without_restart) {
  uint64_t pending = 0, blocked = *(const uint64_t *)&uc->uc_sigmask;
  raw(SYS_rt_sigpending, (long)&pending, sizeof pending, 0, 0);
  for (pending &= ~blocked; pending; pending &= pending - 1)
    if (has_handler(__builtin_ctzll(pending) + 1, only_without_restart))
      return true;
  return false;
}

/* Of the system call that has just returned, or -1. */
static long call_number(const greg_t *gregs) {
  uintptr_t end = (uintptr_t)gregs[REG_RIP];
  uint8_t code[CODE_MAX];
  long number = -1;
  if (end == (uintptr_t)syscall_end) {
    peek((uintptr_t)gregs[REG_RSP] - sizeof number, (uint8_t *)&number,
         sizeof number);
    return number;
  }
  size_t n = code_before(end, code);
  return n ? cgc_signal_decode(code, n) : -1;
}

bool cgc_signal_broke_call(const void *context) {
  const ucontext_t *uc = context;
  const greg_t *gregs = uc->uc_mcontext.gregs;
  uint8_t code[SYSCALL_LEN];
  if (gregs[REG_RAX] != -EINTR ||
      !peek((uintptr_t)gregs[REG_RIP] - SYSCALL_LEN, code, sizeof code) ||
      !is_syscall(code) || another_waits(uc, false))
    return false;
  long number = call_number(gregs);
  return number != SYS_pause && number != SYS_rt_sigsuspend;
}

static bool begin_again(ucontext_t *uc) {
  greg_t *gregs = uc->uc_mcontext.gregs;
  long number = call_number(gregs);
  if (!gives_eintr(number) && !restarts(number))
    return false;
  if (another_waits(uc, false))
    return false;
  gregs[REG_RAX] = number;
  gregs[REG_RIP] -= SYSCALL_LEN;
  return true;
}

/*
 * The kernel is about to begin the call again for us.  If meanwhile a signal
 * came whose handler was installed without SA_RESTART, as for alarm() around
 * a read(), the program counts on EINTR.
 */
static bool break_off(ucontext_t *uc) {
  greg_t *gregs = uc->uc_mcontext.gregs;
  uint8_t code[SYSCALL_LEN];
  if (!restarts(gregs[REG_RAX]) ||
      !peek((uintptr_t)gregs[REG_RIP], code, sizeof code) ||
      !is_syscall(code) || !another_waits(uc, true))
    return false;
  gregs[REG_RAX] = -EINTR;
  gregs[REG_RIP] += SYSCALL_LEN;
  return true;
}

bool cgc_signal_rewind(void *context) {
  ucontext_t *uc = context;
  return uc->uc_mcontext.gregs[REG_RAX] == -EINTR ? begin_again(uc)
                                                  : break_off(uc);
}
