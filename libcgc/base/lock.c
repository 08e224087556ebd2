/* SPDX-License-Identifier: MIT */
#include "base/lock.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>

enum { FREE, HELD, WAITED_FOR };

/*
 * The registry: sorted by falling rank, then rising address.  The guard is
 * outside the ranks: it is taken with any lock held or none, and under it
 * only cgc_lock_all takes others.
 */
static struct cgc_lock *registry;
static struct cgc_lock registry_guard = CGC_LOCK_INIT(CGC_RANK_NONE);

const void *const cgc_lock_view[1] = {&registry};

#ifdef CGC_DEBUG
/* Ranks held by this thread, one bit each. */
static __thread uint32_t ranks_held;
_Static_assert(CGC_RANK_LIMIT <= 32, "a bit per rank");

static void note_taken(const struct cgc_lock *lock) {
  uint32_t at_or_below = (2u << lock->rank) - 1;
  cgc_check((ranks_held & at_or_below) == 0); /* rank order */
  ranks_held |= 1u << lock->rank;
}

static void note_released(const struct cgc_lock *lock) {
  ranks_held &= ~(1u << lock->rank);
}

bool cgc_lock_is_checked(void) { return true; }
#else
static void note_taken(const struct cgc_lock *lock) { (void)lock; }
static void note_released(const struct cgc_lock *lock) { (void)lock; }
bool cgc_lock_is_checked(void) { return false; }
#endif

static void futex(struct cgc_lock *lock, int op, uint32_t value) {
  cgc_syscall(SYS_futex, (long)&lock->word, op | FUTEX_PRIVATE_FLAG, value, 0,
              0, 0);
}

void cgc_lock_init(struct cgc_lock *lock, enum cgc_lock_rank rank) {
  *lock = (struct cgc_lock)CGC_LOCK_INIT((uint8_t)rank);
}

static bool take_free(struct cgc_lock *lock) {
  uint32_t expected = FREE;
  return atomic_compare_exchange_strong_explicit(
      &lock->word, &expected, HELD, memory_order_acquire, memory_order_relaxed);
}

/* Threads that want all locks (cgc_lock_want_all). */
static _Atomic uint32_t want_all;

static bool gives_way(const struct cgc_lock *lock) {
  return lock->wakes_all &&
         atomic_load_explicit(&want_all, memory_order_relaxed) > 0;
}

bool cgc_trylock(struct cgc_lock *lock) {
  if (gives_way(lock) || !take_free(lock))
    return false;
  note_taken(lock);
  return true;
}

bool cgc_trylock_wanted(struct cgc_lock *lock) {
  if (!take_free(lock))
    return false;
  note_taken(lock);
  return true;
}

/* Critical sections are short: a few looks before the kernel is asked. */
static bool spin(struct cgc_lock *lock) {
  for (int i = 0; i < 64; i++) {
    if (atomic_load_explicit(&lock->word, memory_order_relaxed) == FREE &&
        take_free(lock))
      return true;
    __builtin_ia32_pause();
  }
  return false;
}

static bool comes_before(const struct cgc_lock *a, const struct cgc_lock *b) {
  return a->rank != b->rank ? a->rank > b->rank : a < b;
}

static void take(struct cgc_lock *lock) {
  if (!take_free(lock) && !spin(lock))
    while (atomic_exchange_explicit(&lock->word, WAITED_FOR,
                                    memory_order_acquire) != FREE)
      futex(lock, FUTEX_WAIT, WAITED_FOR);
}

static void release(struct cgc_lock *lock) {
  uint32_t was =
      atomic_exchange_explicit(&lock->word, FREE, memory_order_release);
  cgc_check(was != FREE);
  if (was == WAITED_FOR)
    futex(lock, FUTEX_WAKE, lock->wakes_all ? INT32_MAX : 1);
}

void cgc_lock_await(struct cgc_lock *lock) {
  uint32_t word = HELD;
  cgc_assert(lock->wakes_all);
  atomic_compare_exchange_strong_explicit(&lock->word, &word, WAITED_FOR,
                                          memory_order_acquire,
                                          memory_order_acquire);
  if (word != FREE)
    futex(lock, FUTEX_WAIT, WAITED_FOR);
  else if (gives_way(lock))
    sched_yield();
}

void cgc_lock(struct cgc_lock *lock) {
  note_taken(lock); /* first: a wrong order says so instead of hanging */
  take(lock);
}

void cgc_unlock(struct cgc_lock *lock) {
  note_released(lock);
  release(lock);
}

static void insert(struct cgc_lock *lock) {
  struct cgc_lock **at = &registry;
  while (*at && comes_before(*at, lock))
    at = &(*at)->next;
  lock->next = *at;
  *at = lock;
}

void cgc_lock_register(struct cgc_lock *lock) {
  take(&registry_guard);
  if (!lock->registered) {
    lock->registered = true;
    insert(lock);
  }
  release(&registry_guard);
}

const struct cgc_lock *cgc_lock_find_held(void) {
  const struct cgc_lock *l = registry;
  while (l && atomic_load_explicit(&l->word, memory_order_relaxed) == FREE)
    l = l->next;
  return l;
}

const char *cgc_lock_name(const struct cgc_lock *lock) {
  static const char *const names[] = {
#define CGC_RANK(id, name) [CGC_RANK_##id] = name,
#include "base/rank.def"
#undef CGC_RANK
  };
  size_t n = sizeof names / sizeof *names;
  const char *name = lock->rank < n ? names[lock->rank] : NULL;
  return name ? name : "unknown";
}

void cgc_lock_all(void) {
  take(&registry_guard);
  for (struct cgc_lock *l = registry; l; l = l->next)
    take(l);
}

/* Release those that stand before END, and the registry. */
static void release_until(const struct cgc_lock *end) {
  for (struct cgc_lock *l = registry; l != end; l = l->next)
    release(l);
  release(&registry_guard);
}

void cgc_lock_want_all(bool wanted) {
  if (wanted)
    atomic_fetch_add_explicit(&want_all, 1, memory_order_relaxed);
  else
    atomic_fetch_sub_explicit(&want_all, 1, memory_order_relaxed);
}

/* The guard is let go: a thread that makes a lock is busy until it has it. */
bool cgc_trylock_from(enum cgc_lock_rank rank) {
  if (!take_free(&registry_guard))
    return false;
  for (struct cgc_lock *l = registry; l && l->rank >= rank; l = l->next)
    if (!take_free(l)) {
      release_until(l);
      return false;
    }
  release(&registry_guard);
  return true;
}

void cgc_lock_rest(enum cgc_lock_rank rank) {
  take(&registry_guard);
  for (struct cgc_lock *l = registry; l; l = l->next)
    if (l->rank < rank)
      take(l);
}

static bool take_patiently(struct cgc_lock *lock, unsigned tries) {
  while (tries-- > 0) {
    if (take_free(lock))
      return true;
    sched_yield();
  }
  return false;
}

bool cgc_lock_some(unsigned tries) {
  if (!take_patiently(&registry_guard, tries))
    return false;
  for (struct cgc_lock *l = registry; l; l = l->next)
    l->taken = take_patiently(l, tries);
  return true;
}

void cgc_unlock_taken(void) {
  for (struct cgc_lock *l = registry; l; l = l->next)
    if (l->taken)
      release(l);
  release(&registry_guard);
}

void cgc_unlock_all(void) {
  for (struct cgc_lock *l = registry; l; l = l->next)
    release(l);
  release(&registry_guard);
}

void cgc_lock_reset_all(void) {
  atomic_store_explicit(&want_all, 0, memory_order_relaxed);
  for (struct cgc_lock *l = registry; l; l = l->next)
    atomic_store_explicit(&l->word, FREE, memory_order_relaxed);
  atomic_store_explicit(&registry_guard.word, FREE, memory_order_relaxed);
}
