/* SPDX-License-Identifier: MIT */
/*
 * os/thread.h - the threads of this process as the kernel knows them.
 *
 * Raw system calls only: nothing here needs libc to know the thread, takes a
 * lock or changes errno, so all of it works in a signal handler and in a
 * thread made by clone(2).  Threads are counted and listed by /proc; where
 * that is not mounted, none are seen but those that registered.
 *
 * Who comes in: world/, cycle/.  Calls: nothing.
 */
#ifndef CGC_OS_THREAD_H
#define CGC_OS_THREAD_H

#include "base/base.h"

#include <sys/types.h>

/**
 * The raw system call: returns -errno, touches no TLS (libc's syscall()
 * stores errno, a wild store in a thread without TLS) and is no cancellation
 * point (libc's open, read and close are).
 */
CGC_INLINE long cgc_thread_syscall(long n, long a, long b, long c, long d,
                                   long e, long f) {
  return cgc_syscall(n, a, b, c, d, e, f);
}

/** The calling thread's id, asked from the kernel (a vfork child has its own).
 */
pid_t cgc_thread_tid(void);

/** The calling process's id, asked from the kernel. */
pid_t cgc_thread_pid(void);

/** The thread pointer (fs base) of the calling thread. */
uintptr_t cgc_thread_pointer(void);

/**
 * Sleep while *WORD == VALUE, until woken or TIMEOUT_NS is over.
 * timeout_ns  0: no limit
 * returns     false when the time is over; true may be spurious
 */
bool cgc_thread_futex_wait(_Atomic uint32_t *word, uint32_t value,
                           uint64_t timeout_ns);

/** Wake up to N sleepers of WORD. */
void cgc_thread_futex_wake(_Atomic uint32_t *word, int n);

/** Give the processor away once. */
void cgc_thread_yield(void);

/**
 * Number of threads of the process, a finished main thread that others
 * outlive included.
 * returns  0 when /proc cannot be asked
 */
size_t cgc_thread_count(void);

/**
 * Call FN for each thread id listed now; threads may come and go meanwhile.
 * returns  0, or -errno when /proc cannot be read
 */
int cgc_thread_each(void (*fn)(pid_t tid, void *ctx), void *ctx);

/** Whether TID is a thread of this process; a finished main thread is one. */
bool cgc_thread_exists(pid_t tid);

/** What a thread is doing, for those that do not answer a signal. */
struct cgc_thread_status {
  char state;       /* as in /proc/PID/stat: R S D Z X T t */
  uint64_t blocked; /* mask of blocked signals, bit SIG-1 */
  uintptr_t sp;     /* in a system call: the stack pointer; else 0 */
};

/**
 * Look at thread TID through /proc.
 * returns  0 or -errno (-ENOENT: gone, or no /proc)
 */
int cgc_thread_look(pid_t tid, struct cgc_thread_status *status);

/** Whether a debugger holds TID still; needs little stack. */
bool cgc_thread_is_held(pid_t tid);

/** Processors that the calling thread may run on. */
unsigned cgc_thread_processors(void);

/**
 * A bare thread that runs FN(ARG) on STACK, of BYTES bytes, with all signals
 * blocked and the caller's thread pointer: FN must leave thread-local
 * variables alone, errno included.
 * alive    the thread's id from here until it has ended; see cgc_thread_join
 * returns  false if the system has no thread to give
 */
bool cgc_thread_spawn(void (*fn)(void *arg), void *arg, void *stack,
                      size_t bytes, _Atomic uint32_t *alive);

/** Wait until a bare thread has ended and its stack is free. */
void cgc_thread_join(_Atomic uint32_t *alive);

/** CLOCK_MONOTONIC in nanoseconds. */
uint64_t cgc_thread_now_ns(void);

/** CPU time of the calling thread in nanoseconds. */
uint64_t cgc_thread_cpu_ns(void);

/** CPU time of the whole process in nanoseconds. */
uint64_t cgc_thread_process_cpu_ns(void);

#endif
