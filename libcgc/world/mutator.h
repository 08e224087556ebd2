/* SPDX-License-Identifier: MIT */
/*
 * world/mutator.h - a thread that uses the heap, and its side of a stop.
 *
 * A thread gets its record at its first allocation and gives it back when it
 * finishes (a thread-specific data destructor; what it allocates after that
 * gives it a new one).  The record, not TLS, is what others see of it.
 *
 *   cgc_self ──► struct cgc_mutator ── list ── by_tid[]
 *
 * busy is not 0 while the thread is inside the collector or holds one of its
 * locks.  The stop signal then only sets stop_asked, and leaving stops the
 * thread instead:
 *
 *   running ──signal, not busy──► parked in the handler ──► running
 *   busy ──signal──► stop_asked ──leave──► parked in leave ──► running
 *
 * Bit 6, the gate, is set by a fork in another thread while this one is
 * parked; it then runs on, and waits where it next enters.  Bit 7 is set while
 * the thread is parked: a debugger may call a function in it then, malloc for
 * one, which must find it inside, or it would wait for the thread that stopped
 * it while that waits for this one to park again.
 *
 *   I1  a record in the list has tid != 0 and stands in the bucket of its tid.
 *   I2  no two records of the list have one tid.
 *   I3  with the world stopped each record but the collecting thread's is
 *       parked, its count 0 and bit 7 set, and sp says where its stack begins.
 *   I4  records are never given back to heap/meta, only used again: a signal
 *       that comes late finds a record, and sees that it is not meant.
 *
 * A thread is never stopped while it holds a lock of the collector, so the
 * caches of stopped threads are consistent and no lock is held by any.
 * The list's lock is taken by a thread that is busy but never waited for by
 * one (cgc_mutator_lock_list), since a stop holds it to the end.
 *
 * Who comes in: front/, world/stop, world/root, cycle/.
 * Calls: heap/meta, heap/cache, os/.  Locks: the list's (CGC_RANK_MUTATOR).
 */
#ifndef CGC_WORLD_MUTATOR_H
#define CGC_WORLD_MUTATOR_H

#include "base/base.h"
#include "base/list.h"
#include "heap/cache.h"

#include <sys/types.h>

enum {
  CGC_MUTATOR_BUSY = 0x3f, /* a count: an attempt to enter again adds 1 */
  CGC_MUTATOR_GATE = 0x40,
  CGC_MUTATOR_PARKED = 0x80
};
enum { CGC_MUTATOR_NREGS = 23 }; /* general registers of a ucontext_t */

struct cgc_mutator {
  /* Owner thread and its signal handler.  In two bytes, so that leaving
   * stores and need not wait for what it loads. */
  uint8_t busy;
  uint8_t stop_asked;

  /*
   * Owner thread: set by a wrapper around a system call with a timeout, to
   * an address in its frame.  A stop of a call that is made from there leaves
   * EINTR and sets wait_interrupted, and the wrapper goes on with the time
   * left.  0: there is none.
   */
  volatile uintptr_t wait_sp;
  volatile uint8_t wait_interrupted;

  bool temporary;     /* made by a stop for a thread without a record */
  bool blind;         /* world stopped: did not answer (world/stop.h) */
  bool dead;          /* guard: list lock; gone, to be reaped */
  pid_t tid;          /* guard: list lock */
  uintptr_t fs_base;  /* thread pointer; 0 unknown */
  uintptr_t home;     /* an address in the stack that it registered on */
  uintptr_t stack_lo; /* bounds told by the program; 0 unknown, or lo is */
  uintptr_t stack_hi;

  /* Valid while parked; of the collecting thread, set by its caller.  A
   * thread that runs has no registers and no vectors here: it may stop the
   * world next, and its signal frame be unmapped by then. */
  uintptr_t sp;                      /* lowest stack word that counts */
  uintptr_t vector_lo, vector_hi;    /* vector state in the signal frame */
  uintptr_t regs[CGC_MUTATOR_NREGS]; /* general registers */
  size_t nregs;                      /* of them valid */
  uintptr_t alternate_stack; /* 0 or where it is: only the kernel may know */

  _Atomic uint32_t asked;  /* epoch of the last stop that asked it */
  _Atomic uint32_t parked; /* epoch of the last stop that it parked for */

  struct cgc_link link;         /* guard: list lock */
  struct cgc_mutator *next_tid; /* guard: list lock */
  struct cgc_callers *callers;  /* last walk of its stack, or NULL; its own */

  struct cgc_cache cache; /* owner thread; others with the world stopped */
};

/* The calling thread's record, or NULL. */
extern CGC_HIDDEN __thread struct cgc_mutator *cgc_self
    __attribute__((tls_model("initial-exec")));

/** For look/layout: the list of records. */
extern const void *const cgc_mutator_view[1];

/** Once, before the first register: the lock, the destructor key, the hook. */
void cgc_mutator_init(void);

/**
 * Give the calling thread a record, if it has none.
 * returns  cgc_self; NULL when memory is out, or when a signal handler came
 *          in the middle of just this (serve it without a record)
 * threads  any that is not in the collector
 */
struct cgc_mutator *cgc_mutator_register(void);

/** Tell where the calling thread's stack is (for a thread not seen to start).
 */
void cgc_mutator_set_stack(struct cgc_mutator *self, uintptr_t lo,
                           uintptr_t hi);

/**
 * Give the record of the calling thread back; cgc_self is NULL afterwards.
 * The thread is not busy.
 */
void cgc_mutator_unregister(struct cgc_mutator *self);

/** Whether the thread is in the collector, or stopped: it can't enter. */
CGC_INLINE bool cgc_mutator_is_inside(const struct cgc_mutator *self) {
  return self->busy & (CGC_MUTATOR_BUSY | CGC_MUTATOR_PARKED);
}

/** The thread's registers are its own again, none are in the record. */
CGC_INLINE void cgc_mutator_forget_registers(struct cgc_mutator *self) {
  self->nregs = 0;
  self->vector_lo = self->vector_hi = 0;
}

/**
 * Whether the caller counts as parked, which it is when a debugger calls it
 * there; it may collect if it does not.
 * returns  what it was
 */
bool cgc_mutator_set_parked(struct cgc_mutator *self, bool parked);

/**
 * The rest of an enter that found more than itself: stops if that is asked,
 * waits at the gate, or returns false.
 */
CGC_COLD bool cgc_mutator_enter_slow(struct cgc_mutator *self);

/**
 * For a thread that is about to wait and not busy: stop now if that is wanted,
 * and let the signal of later stops come.  A debugger's call may have come to
 * the first instruction of the stop's handler, which goes on only behind it.
 */
void cgc_mutator_heed(struct cgc_mutator *self);

/** Stop now if the stop asked for while busy is still wanted. */
CGC_COLD void cgc_mutator_leave_slow(struct cgc_mutator *self);

/**
 * Enter the collector if nothing is to be seen to.
 * returns  false when cgc_mutator_enter_slow or cgc_mutator_give_up must follow
 */
CGC_INLINE bool cgc_mutator_try_enter(struct cgc_mutator *self) {
  /* The count is one instruction: a stop comes before or after it. */
  __asm__ goto("incb %0\n\tcmpb $1, %0\n\tjne %l[not_alone]"
               :
               : "m"(self->busy)
               : "memory", "cc"
               : not_alone);
  return true;
not_alone:
  return false;
}

/** Undo a try that failed. */
CGC_INLINE void cgc_mutator_give_up(struct cgc_mutator *self) {
  __asm__ volatile("decb %0" : "+m"(self->busy) : : "memory");
}

/**
 * Enter the collector.
 * returns  false when this thread is inside already: we are in a signal
 *          handler that interrupted the allocator
 */
CGC_INLINE bool cgc_mutator_enter(struct cgc_mutator *self) {
  return cgc_likely(cgc_mutator_try_enter(self)) ||
         cgc_mutator_enter_slow(self);
}

/**
 * Leave the collector without a stop.
 * returns  whether one was asked for: cgc_mutator_leave_slow must follow
 */
CGC_INLINE bool cgc_mutator_try_leave(struct cgc_mutator *self) {
  /* A stop before the store asks, a stop behind it parks the thread here. */
  __asm__ goto("movb $0, %0\n\tcmpb $0, %1\n\tjne %l[asked]"
               :
               : "m"(self->busy), "m"(self->stop_asked)
               : "memory", "cc"
               : asked);
  return false;
asked:
  return true;
}

/** Leave the collector; the thread may be stopped here. */
CGC_INLINE void cgc_mutator_leave(struct cgc_mutator *self) {
  if (cgc_unlikely(cgc_mutator_try_leave(self)))
    cgc_mutator_leave_slow(self);
}

/**
 * Call FN for each thread's record, the list's lock held or the world stopped.
 * FN may drop or reap the record that it gets.
 */
void cgc_mutator_each(void (*fn)(struct cgc_mutator *m, void *ctx), void *ctx);

/** The same with the temporary records, which have no cache. */
void cgc_mutator_each_thread(void (*fn)(struct cgc_mutator *m, void *ctx),
                             void *ctx);

/** Number of records, temporary ones included. */
size_t cgc_mutator_count(void);

/**
 * Take the list's lock, as a busy thread; while it is held by a stop the
 * thread leaves, so that it can be stopped.
 * self     the caller's record, busy on return (NULL: it has none)
 */
void cgc_mutator_lock_list(struct cgc_mutator *self);
void cgc_mutator_unlock_list(void);

/**
 * In the child of a fork, its only thread: refresh the caller's record and
 * reap those of the threads that are not here.  Locks are free.
 */
void cgc_mutator_fork_child(void);

/** Assert I1 and I2; with the world stopped I3. */
void cgc_mutator_check(void);

/* ---- for world/stop ------------------------------------------------------ */

/* Of a stop: who decides first. */
enum {
  CGC_STOP_OPEN,
  CGC_STOP_COMPLETE,  /* the stopping thread: all stand still */
  CGC_STOP_CALLED_OFF /* a parked one: the stopping thread is held */
};

/* What the stopping thread and the parking ones share. */
struct cgc_mutator_stop {
  _Atomic uint32_t epoch;   /* odd: a stop; threads asked for it park */
  _Atomic uint32_t missing; /* asked and not parked yet; woken at 0 */
  _Atomic uint32_t verdict; /* CGC_STOP_OPEN ... */
  _Atomic uint32_t stopper; /* thread id */
  _Atomic int32_t passes;   /* signals to any thread that may be passed on */
  _Atomic uint32_t gate;    /* 1: threads with the gate bit wait on it */
};
extern struct cgc_mutator_stop cgc_mutator_stop;

/** The record of TID, or NULL; list lock held. */
struct cgc_mutator *cgc_mutator_find(pid_t tid);

/** A record for a thread that has none; list lock held.  NULL: no memory */
struct cgc_mutator *cgc_mutator_add(pid_t tid, bool temporary);

/** Count M as parked for this stop.  returns  false: it is already */
bool cgc_mutator_count_parked(struct cgc_mutator *m);

/** Take a temporary record out of the list; lock held. */
void cgc_mutator_drop(struct cgc_mutator *m);

/** Flush the cache of a thread that is gone, drop its record; lock held. */
void cgc_mutator_reap(struct cgc_mutator *m);

#endif
