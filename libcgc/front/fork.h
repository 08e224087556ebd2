/* SPDX-License-Identifier: MIT */
/*
 * front/fork.h - the heap across fork().
 *
 * The child's memory is copied page by page while other threads run.  So they
 * are first brought out of the collector and kept out (world/stop, the gate):
 * every cache and every list is then the same before and after the copy.
 *
 * The forking thread takes every lock of the collector, so that the child gets
 * all structures between two changes, not in one.  In the child it is the only
 * thread: locks are free again, the records of the others are reaped.
 *
 *   prepare   the gate, if there are other mutators
 *             enter → the locks from the mutators' up, if free → the others
 *             (held: leave, so that a stop can stop us; wait; again)
 *   parent    release all, leave, open the gate
 *   child     all locks free → the modules' child hooks → leave
 *
 * A thread that has never allocated gets its record first.  No other module's
 * lock is named here: base/lock has the registry.
 *
 * In a signal handler that interrupted the allocator the thread may hold locks
 * itself and cannot wait.  It takes those that come free within a moment; the
 * others are its own or belong to somebody who waits for it.  In the child the
 * interrupted call then finishes and releases its own; the handler's mallocs
 * are served from the reserve.  Such a child keeps its parent's thread id in
 * its record, so that it never begins a collection: its heap only grows.
 * (glibc's malloc deadlocks inside fork.)
 *
 * vfork and posix_spawn run no handlers: the child shares the memory, and a
 * thread whose id is not its record's starts no collection.  _Fork() runs none
 * either, its child may only call what a signal handler may.
 *
 * Who comes in: front/init, once.  Calls: base/lock, world/mutator.
 */
#ifndef CGC_FRONT_FORK_H
#define CGC_FRONT_FORK_H

/** Have fork() do all this.  At start, before there can be a second thread. */
void cgc_fork_init(void);

/* The three handlers, for tests. */
void cgc_fork_prepare(void);
void cgc_fork_parent(void);
void cgc_fork_child(void);

#endif
