/* SPDX-License-Identifier: MIT */
/*
 * base/lock.h - the collector's locks: futexes with a rank.
 *
 * Each lock has its module's rank, the module's place in the one list of
 * Makefile.am (but for the mutators' list, see below).  A thread takes a lock
 * only while every lock that it holds ranks above it, so calls that go down the
 * list can never deadlock; debug builds check that.  A registered lock is held
 * across fork by the forking thread and is free in the child.
 *
 *   word: 0 free, 1 held, 2 held and somebody waits (Drepper, "Futexes are
 *   tricky", mutex 2).
 *
 * A holder must not be stopped by the collector: the callers in front/ mark
 * their thread as busy before they come down here (world/mutator.h).
 *
 * Source of the ranks as data: Go's runtime, lockrank.go.
 */
#ifndef CGC_BASE_LOCK_H
#define CGC_BASE_LOCK_H

#include "base/base.h"

enum cgc_lock_rank {
#define CGC_RANK(id, name) CGC_RANK_##id,
#include "base/rank.def"
#undef CGC_RANK
};

struct cgc_lock {
  _Atomic uint32_t word;
  uint8_t rank;
  bool registered;
  bool wakes_all;        /* there are threads in cgc_lock_await */
  bool taken;            /* by cgc_lock_some; guard: the registry's */
  struct cgc_lock *next; /* in the registry, highest rank first */
};

#define CGC_LOCK_INIT(r)                                                       \
  { .rank = (r) }

/** For look/layout: where the first registered lock is named. */
extern const void *const cgc_lock_view[1];

void cgc_lock_init(struct cgc_lock *lock, enum cgc_lock_rank rank);

/** Take the lock; waits without a limit. */
void cgc_lock(struct cgc_lock *lock);

/** Take the lock if it is free.  returns  whether it is held now */
bool cgc_trylock(struct cgc_lock *lock);

void cgc_unlock(struct cgc_lock *lock);

/**
 * Wait until the lock was free for a moment, without taking it: for threads
 * that must not hold it while they can be stopped.  wakes_all is set.
 */
void cgc_lock_await(struct cgc_lock *lock);

/** Whether ranks are checked, which takes a thread that has TLS. */
bool cgc_lock_is_checked(void);

/** Debug builds: this thread holds LOCK. */
#define cgc_assert_held(lock)                                                  \
  cgc_assert(atomic_load_explicit(&(lock)->word, memory_order_relaxed) != 0)

/**
 * Add LOCK to those that cgc_lock_all takes; before its first use.  Again is
 * harmless.  Several locks of one rank may be registered; they are taken in
 * the order of their addresses.
 */
void cgc_lock_register(struct cgc_lock *lock);

/**
 * A registered lock that somebody holds at this moment, the highest; NULL:
 * there is none.  For debuggers: the registry itself is read without a lock.
 */
const struct cgc_lock *cgc_lock_find_held(void);

/** What LOCK guards, in a word or two. */
const char *cgc_lock_name(const struct cgc_lock *lock);

/** fork: take every registered lock, highest rank first. */
void cgc_lock_all(void);
/**
 * Before and after the attempts at cgc_trylock_from: locks that threads wait
 * for by cgc_lock_await are not given to others meanwhile, so that somebody
 * who collects all the time does not keep a fork waiting.
 */
void cgc_lock_want_all(bool wanted);
/** cgc_trylock between the two, for who wants one of those locks itself. */
bool cgc_trylock_wanted(struct cgc_lock *lock);
/**
 * The same in two steps, for a thread that may not wait for a lock of RANK or
 * above: those are taken now if all of them are free; cgc_lock_rest takes the
 * others, which nobody holds for long.
 * returns  false when one was held; none is held by the caller then
 */
bool cgc_trylock_from(enum cgc_lock_rank rank);
void cgc_lock_rest(enum cgc_lock_rank rank);
/**
 * Take what can be had within TRIES looks at each lock.  For a fork in a
 * signal handler: the thread may hold some of them itself.  What was taken is
 * released by cgc_unlock_taken, in the parent and in the child.
 * returns  false when nothing was taken
 */
bool cgc_lock_some(unsigned tries);
void cgc_unlock_taken(void);
/** fork, parent: release them. */
void cgc_unlock_all(void);
/** fork, child: nobody else exists; all registered locks become free. */
void cgc_lock_reset_all(void);

#endif
