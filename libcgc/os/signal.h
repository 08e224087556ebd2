/* SPDX-License-Identifier: MIT */
/*
 * os/signal.h - the signal that stops threads.
 *
 * Number 33 is glibc's SIGSETXID: libc lets no program block, catch or wait
 * for it, and gdb passes it on without a word.  We send it by
 * rt_tgsigqueueinfo with an si_code of our own and the target's record as its
 * value; any other 33 goes to the handler that was there before (glibc's, for
 * setuid in a threaded program).  glibc installs its own at the first
 * pthread_create, so whoever sends looks again first.
 *
 *   sender                      target
 *   cgc_signal_install()
 *   cgc_signal_send(tid, rec) → handler → cgc_signal_hook(rec, sp, context)
 *
 * The handler runs on the alternate stack where the thread has one, all
 * signals blocked, and may interrupt any instruction: in a thread without
 * valid TLS, in libc with a lock held, in the collector.  It uses no TLS, no
 * errno and no lock.
 *
 * The hook may call cgc_signal_rewind when it is done: a system call that our
 * signal broke off is then begun again, where the kernel does not do it.
 *
 * Where nothing can be queued (RLIMIT_SIGPENDING) the kernel takes no value and
 * no addressed signal of this kind.  One to the whole process is left: it
 * comes to some thread that does not block it, so not to one that parks in the
 * handler, and its handler is called without a record.
 *
 * Who comes in: world/.  Calls: os/thread.
 */
#ifndef CGC_OS_SIGNAL_H
#define CGC_OS_SIGNAL_H

#include "base/base.h"

#include <sys/types.h>

/**
 * What the handler calls with the RECORD that was sent (NULL: by send_any), the
 * stack pointer of the interrupted code and its ucontext_t.  Set once, before
 * the first send.
 */
extern void (*cgc_signal_hook)(void *record, uintptr_t sp, void *ucontext);

/** The number in use (option stop_signal). */
int cgc_signal_number(void);

/**
 * Install the handler if it is not there, remembering whose was.
 * returns  1 when it was not there (signals under way may have got lost),
 *          0 when it was, or -errno
 * threads  one at a time (the stopping thread)
 */
int cgc_signal_install(void);

/**
 * Let thread TID of this process call the hook with RECORD.
 * returns  0; -ESRCH: no such thread; -EAGAIN: too many signals are queued
 *          (RLIMIT_SIGPENDING)
 */
int cgc_signal_send(pid_t tid, void *record);

/**
 * Let any thread of this process that is not in the handler call the hook: the
 * first of up to N that come to run.
 */
void cgc_signal_send_any(unsigned n);

/** The calling thread's alternate signal stack, 0 if it has none. */
uintptr_t cgc_signal_alternate_stack(void);

/** Unblock the signal for the calling thread (an ancestor may have blocked it).
 */
void cgc_signal_unblock(void);

/** Block every signal, ours too.  returns  the mask before */
uint64_t cgc_signal_block_all(void);
/** Set the mask that cgc_signal_block_all returned. */
void cgc_signal_restore(uint64_t mask);

/**
 * For the hook: if our signal broke off a system call that must not be seen
 * to fail with EINTR, change the context so that the call is begun again.
 * Does nothing while another signal waits for this thread: that one is then
 * seen as the cause, as it would have been.
 * returns  whether the context was changed
 */
bool cgc_signal_rewind(void *ucontext);

/**
 * For the hook: whether the context is that of a call that gave EINTR, and no
 * other signal waits that may count as the cause.  Not for pause and
 * sigsuspend: those wait for nothing but a signal.
 */
bool cgc_signal_broke_call(const void *ucontext);

/**
 * The number of the system call that the code which ends at the `syscall'
 * instruction loads, from the N bytes before that instruction.
 * returns  -1 when the code does not tell
 */
long cgc_signal_decode(const uint8_t *code, size_t n);

/**
 * System call N with six arguments as libc's syscall() makes it: -1 and errno
 * on failure.  It keeps N where cgc_signal_rewind finds it, so that also a call
 * whose number stands nowhere in the code is begun again.
 */
long cgc_signal_syscall(long n, ...);

/** Registers and vector state of a context as two ranges of its frame. */
struct cgc_signal_frame {
  uintptr_t regs_lo, regs_hi;     /* general registers */
  uintptr_t vector_lo, vector_hi; /* x87, SSE, AVX; empty if there is none */
};
void cgc_signal_frame(const void *ucontext, struct cgc_signal_frame *frame);

#endif
