/* SPDX-License-Identifier: MIT */
#include "world/mutator.h"

#include "base/lock.h"
#include "heap/meta.h"
#include "os/callers.h"
#include "os/regs.h"
#include "os/signal.h"
#include "os/thread.h"

#include <limits.h>
#include <pthread.h>
#include <string.h>

enum {
  NBUCKETS = 1024,
  LOOK_EVERY = 64,
  PARK_LOOK_NS = 300000000,
  HELD_LOOKS = 4,
  HELD_LOOK_NS = 20000000,
  PASS_ON_MAX = 16,
  WAIT_DEPTH = 4096 /* bytes of stack between a wait and its system call */
};

__thread struct cgc_mutator *cgc_self
    __attribute__((tls_model("initial-exec")));

struct cgc_mutator_stop cgc_mutator_stop;

/* This thread is being given a record, or gives it back. */
static __thread bool changing __attribute__((tls_model("initial-exec")));

static struct {
  struct cgc_lock lock;
  struct cgc_link list;                 /* guard: lock */
  struct cgc_mutator *by_tid[NBUCKETS]; /* guard: lock */
  struct cgc_link unused[2];            /* guard: lock; [temporary] */
  size_t n;                             /* guard: lock */
  size_t nadded;                        /* guard: lock */
  pthread_key_t key;                    /* const after init */
  bool has_key;                         /* const after init */
} world = {.lock = CGC_LOCK_INIT(CGC_RANK_MUTATOR)};

const void *const cgc_mutator_view[1] = {&world.list};

/* ---- records ------------------------------------------------------------- */

static struct cgc_mutator **bucket(pid_t tid) {
  return &world.by_tid[(uint32_t)tid % NBUCKETS];
}

struct cgc_mutator *cgc_mutator_find(pid_t tid) {
  struct cgc_mutator *m = *bucket(tid);
  while (m && m->tid != tid)
    m = m->next_tid;
  return m;
}

static void remove_from_bucket(struct cgc_mutator *m) {
  struct cgc_mutator **at = bucket(m->tid);
  while (*at != m)
    at = &(*at)->next_tid;
  *at = m->next_tid;
}

static size_t record_bytes(bool temporary) {
  return temporary ? offsetof(struct cgc_mutator, cache)
                   : sizeof(struct cgc_mutator);
}

/*
 * The two words that a late signal looks at keep their values (I4).  The cache
 * was destroyed: it is empty, and most of its memory was never touched.
 */
static void reset(struct cgc_mutator *m) {
  uint32_t asked = atomic_load_explicit(&m->asked, memory_order_relaxed);
  uint32_t parked = atomic_load_explicit(&m->parked, memory_order_relaxed);
  memset(m, 0, offsetof(struct cgc_mutator, cache));
  atomic_store_explicit(&m->asked, asked, memory_order_relaxed);
  atomic_store_explicit(&m->parked, parked, memory_order_relaxed);
}

static struct cgc_mutator *take_unused(bool temporary) {
  struct cgc_link *link = cgc_list_pop_front(&world.unused[temporary]);
  if (!link)
    return cgc_meta_alloc(record_bytes(temporary));
  struct cgc_mutator *m = cgc_list_entry(link, struct cgc_mutator, link);
  reset(m);
  return m;
}

static bool gate_is_closed(void) {
  /* Acquire: the fork is over; released when the gate was opened. */
  return atomic_load_explicit(&cgc_mutator_stop.gate, memory_order_acquire);
}

struct cgc_mutator *cgc_mutator_add(pid_t tid, bool temporary) {
  cgc_assert_held(&world.lock);
  struct cgc_mutator *m = take_unused(temporary);
  if (!m)
    return NULL;
  m->tid = tid;
  m->temporary = temporary;
  m->busy = gate_is_closed() ? CGC_MUTATOR_GATE : 0;
  m->next_tid = *bucket(tid);
  *bucket(tid) = m;
  cgc_list_push_back(&world.list, &m->link);
  world.n++;
  if (!temporary)
    cgc_cache_init(&m->cache, &cgc_heap);
  return m;
}

void cgc_mutator_drop(struct cgc_mutator *m) {
  cgc_assert_held(&world.lock);
  remove_from_bucket(m);
  cgc_list_remove(&m->link);
  world.n--;
  m->tid = 0;
  cgc_list_push_front(&world.unused[m->temporary], &m->link);
}

void cgc_mutator_reap(struct cgc_mutator *m) {
  if (!m->temporary)
    cgc_cache_destroy(&m->cache);
  cgc_callers_delete(m->callers);
  cgc_mutator_drop(m);
}

/* ---- register and unregister --------------------------------------------- */

/*
 * A thread that allocates after its last destructor leaves its record behind.
 * A stop finds that; a program that never collects must not pile them up.
 */
static void reap_if_gone(struct cgc_mutator *m, void *ctx) {
  (void)ctx;
  if (!cgc_thread_exists(m->tid))
    cgc_mutator_reap(m);
}

static void reap_dead_locked(void) {
  if (++world.nadded % LOOK_EVERY == 0 && world.n > cgc_thread_count())
    cgc_mutator_each(reap_if_gone, NULL);
}

static struct cgc_mutator *add_caller_locked(void) {
  pid_t tid = cgc_thread_tid();
  struct cgc_mutator *old = cgc_mutator_find(tid);
  if (old) /* the id's former owner did not unregister */
    cgc_mutator_reap(old);
  reap_dead_locked();
  struct cgc_mutator *self = cgc_mutator_add(tid, false);
  if (self) {
    self->home = (uintptr_t)__builtin_frame_address(0);
    self->fs_base = cgc_thread_pointer();
  }
  return self;
}

struct cgc_mutator *cgc_mutator_register(void) {
  if (cgc_self || changing)
    return cgc_self;
  changing = true;
  cgc_compiler_barrier(); /* a handler may come in from here on */
  cgc_signal_unblock();
  cgc_mutator_lock_list(NULL);
  struct cgc_mutator *self = add_caller_locked();
  cgc_mutator_unlock_list();
  cgc_self = self;
  cgc_compiler_barrier();
  changing = false;
  if (self && world.has_key) /* may allocate: the record is ready for it */
    pthread_setspecific(world.key, self);
  return self;
}

void cgc_mutator_set_stack(struct cgc_mutator *self, uintptr_t lo,
                           uintptr_t hi) {
  self->stack_lo = lo;
  self->stack_hi = hi;
}

void cgc_mutator_unregister(struct cgc_mutator *self) {
  cgc_mutator_lock_list(self);
  changing = true;
  cgc_self = NULL;
  cgc_compiler_barrier();
  cgc_mutator_reap(self);
  cgc_mutator_unlock_list();
  cgc_compiler_barrier();
  changing = false;
}

/* In a thread that finishes: its record, if it is still the one it has. */
static void finish(void *record) {
  if (record == cgc_self && cgc_self)
    cgc_mutator_unregister(cgc_self);
}

/* ---- the list ------------------------------------------------------------ */

static void each(bool temporary_too,
                 void (*fn)(struct cgc_mutator *m, void *ctx), void *ctx) {
  struct cgc_link *next;
  for (struct cgc_link *l = world.list.next; l != &world.list; l = next) {
    struct cgc_mutator *m = cgc_list_entry(l, struct cgc_mutator, link);
    next = l->next;
    if (temporary_too || !m->temporary)
      fn(m, ctx);
  }
}

void cgc_mutator_each_thread(void (*fn)(struct cgc_mutator *m, void *ctx),
                             void *ctx) {
  each(true, fn, ctx);
}

void cgc_mutator_each(void (*fn)(struct cgc_mutator *m, void *ctx), void *ctx) {
  each(false, fn, ctx);
}

size_t cgc_mutator_count(void) { return world.n; }

/* Wait for a stop to end, or a little for another holder. */
static void wait_for_list(void) {
  uint32_t epoch =
      atomic_load_explicit(&cgc_mutator_stop.epoch, memory_order_acquire);
  if (epoch & 1)
    cgc_thread_futex_wait(&cgc_mutator_stop.epoch, epoch, 1000000);
  else
    cgc_thread_yield();
}

void cgc_mutator_lock_list(struct cgc_mutator *self) {
  if (!self) { /* a stop that finds us here makes a record for us */
    cgc_lock(&world.lock);
    return;
  }
  for (;;) {
    cgc_check(cgc_mutator_enter(self));
    if (cgc_trylock(&world.lock))
      return;
    cgc_mutator_leave(self);
    wait_for_list();
  }
}

void cgc_mutator_unlock_list(void) { cgc_unlock(&world.lock); }

/* ---- parking ------------------------------------------------------------- */

static bool is_wanted(struct cgc_mutator *m) {
  uint32_t epoch =
      atomic_load_explicit(&cgc_mutator_stop.epoch, memory_order_acquire);
  return (epoch & 1) &&
         atomic_load_explicit(&m->asked, memory_order_acquire) == epoch;
}

bool cgc_mutator_count_parked(struct cgc_mutator *m) {
  uint32_t asked = atomic_load_explicit(&m->asked, memory_order_relaxed);
  uint32_t parked = atomic_load_explicit(&m->parked, memory_order_relaxed);
  /* Release: what is in the record now; the stopper acquires `missing'. */
  if (parked == asked || !atomic_compare_exchange_strong_explicit(
                             &m->parked, &parked, asked, memory_order_acq_rel,
                             memory_order_relaxed))
    return false;
  if (atomic_fetch_sub_explicit(&cgc_mutator_stop.missing, 1,
                                memory_order_acq_rel) == 1)
    cgc_thread_futex_wake(&cgc_mutator_stop.missing, 1);
  return true;
}

/* Not for the moment in which a debugger passes a signal on. */
static bool stopper_is_held(void) {
  struct cgc_mutator_stop *s = &cgc_mutator_stop;
  _Atomic uint32_t never = 0;
  for (int i = 0; i < HELD_LOOKS; i++) {
    pid_t tid = (pid_t)atomic_load_explicit(&s->stopper, memory_order_relaxed);
    if (!cgc_thread_is_held(tid))
      return false;
    cgc_thread_futex_wait(&never, 0, HELD_LOOK_NS);
  }
  return true;
}

/*
 * A debugger holds the stopping thread and lets this one run (a call, with
 * scheduler-locking): it would be parked until the user gives up.  The stop is
 * called off, if it is not complete; its thread begins again when it is let go.
 */
static void look_at_stopper(uint32_t epoch) {
  struct cgc_mutator_stop *s = &cgc_mutator_stop;
  uint32_t open = CGC_STOP_OPEN;
  if (!stopper_is_held() || !atomic_compare_exchange_strong_explicit(
                                &s->verdict, &open, CGC_STOP_CALLED_OFF,
                                memory_order_acq_rel, memory_order_relaxed))
    return;
  /* Its thread may have seen that meanwhile, and begun the next stop. */
  if (atomic_compare_exchange_strong_explicit(&s->epoch, &epoch, epoch + 1,
                                              memory_order_acq_rel,
                                              memory_order_relaxed))
    cgc_thread_futex_wake(&s->epoch, INT_MAX);
}

bool cgc_mutator_set_parked(struct cgc_mutator *self, bool parked) {
  bool was = self->busy & CGC_MUTATOR_PARKED;
  if (parked)
    self->busy |= CGC_MUTATOR_PARKED;
  else
    self->busy &= (uint8_t)~CGC_MUTATOR_PARKED;
  return was;
}

/* The record's words are written.  All signals are blocked. */
static void park(struct cgc_mutator *m) {
  uint32_t epoch = atomic_load_explicit(&m->asked, memory_order_relaxed);
  cgc_mutator_count_parked(m);
  /* Acquire: what the collector changed; released by the start. */
  while (atomic_load_explicit(&cgc_mutator_stop.epoch, memory_order_acquire) ==
         epoch)
    if (!cgc_thread_futex_wait(&cgc_mutator_stop.epoch, epoch, PARK_LOOK_NS))
      look_at_stopper(epoch);
}

CGC_SCANS_MEMORY static void save_context(struct cgc_mutator *m, uintptr_t sp,
                                          void *context) {
  struct cgc_signal_frame frame;
  cgc_signal_frame(context, &frame);
  const uintptr_t *regs = (const uintptr_t *)frame.regs_lo;
  m->nregs = (frame.regs_hi - frame.regs_lo) / sizeof *regs;
  cgc_check(m->nregs <= CGC_MUTATOR_NREGS);
  for (size_t i = 0; i < m->nregs; i++)
    m->regs[i] = regs[i];
  m->vector_lo = frame.vector_lo;
  m->vector_hi = frame.vector_hi;
  m->sp = sp;
  m->alternate_stack = cgc_signal_alternate_stack();
  if (m->temporary)
    m->fs_base = cgc_thread_pointer();
}

/*
 * The call is made from the wait's frame, or by a function of libc's in
 * between.  A wait that was jumped out of is above or far away.
 */
static bool is_in_wait(const struct cgc_mutator *m, uintptr_t sp) {
  return m->wait_sp - sp < WAIT_DEPTH;
}

static void go_on(struct cgc_mutator *m, uintptr_t sp, void *context) {
  if (is_in_wait(m, sp) && cgc_signal_broke_call(context))
    m->wait_interrupted = 1;
  else
    cgc_signal_rewind(context);
}

/*
 * A signal to any thread came: find the record of this one, and send the next,
 * which can't come here, since the handler blocks it.  The list may be changing
 * under our eyes, but records stay records (I4).
 */
static struct cgc_mutator *take_any(void) {
  struct cgc_mutator_stop *stop = &cgc_mutator_stop;
  /* Acquire: the records, up to the asking. */
  if (!(atomic_load_explicit(&stop->epoch, memory_order_acquire) & 1))
    return NULL;
  uint32_t missing = atomic_load_explicit(&stop->missing, memory_order_relaxed);
  if (missing > 0 &&
      atomic_fetch_sub_explicit(&stop->passes, 1, memory_order_relaxed) > 0)
    cgc_signal_send_any(cgc_min(missing, PASS_ON_MAX));
  return cgc_mutator_find(cgc_thread_tid());
}

/* A temporary record may be another's as soon as the world is started. */
static void park_in_handler(struct cgc_mutator *m, uintptr_t sp,
                            void *context) {
  bool lasts = !m->temporary;
  if (lasts)
    cgc_mutator_set_parked(m, true);
  m->stop_asked = 0;
  if (!m->blind)
    save_context(m, sp, context);
  park(m);
  if (!lasts)
    return;
  cgc_mutator_forget_registers(m);
  cgc_mutator_set_parked(m, false);
}

/* The stop signal's handler, in any thread at any instruction: no TLS. */
CGC_SCANS_MEMORY static void on_signal(void *record, uintptr_t sp,
                                       void *context) {
  struct cgc_mutator *m = record ? record : take_any();
  if (!m || m->tid != cgc_thread_tid()) {
    cgc_signal_rewind(context);
    return;
  }
  if (!is_wanted(m)) {
    go_on(m, sp, context);
    return;
  }
  if (m->busy & CGC_MUTATOR_BUSY) {
    m->stop_asked = 1;
    return;
  }
  park_in_handler(m, sp, context);
  go_on(m, sp, context);
}

static void park_here(uintptr_t sp, void *ctx) {
  struct cgc_mutator *self = ctx;
  cgc_mutator_forget_registers(self);
  self->sp = sp;
  self->alternate_stack = cgc_signal_alternate_stack();
  park(self);
}

/*
 * Not in a handler: the program's own handlers are kept out by the mask, since
 * they would change memory under the collector's eyes.
 */
void cgc_mutator_leave_slow(struct cgc_mutator *self) {
  uint64_t mask = cgc_signal_block_all();
  cgc_mutator_set_parked(self, true);
  self->stop_asked = 0;
  if (is_wanted(self) && self->tid == cgc_thread_tid())
    cgc_regs_call(park_here, self, NULL);
  cgc_mutator_set_parked(self, false);
  cgc_signal_restore(mask);
}

void cgc_mutator_heed(struct cgc_mutator *self) {
  if (is_wanted(self))
    cgc_mutator_leave_slow(self);
  cgc_signal_unblock();
}

static void pass_gate(struct cgc_mutator *self) {
  if (gate_is_closed())
    cgc_mutator_heed(self);
  while (gate_is_closed())
    cgc_thread_futex_wait(&cgc_mutator_stop.gate, 1, 0);
  __asm__ volatile("andb %1, %0"
                   : "+m"(self->busy)
                   : "i"((uint8_t)~CGC_MUTATOR_GATE)
                   : "memory");
}

/*
 * The gate may be closed again just before its bit is cleared, but not once
 * the thread is busy: that takes a stop.
 */
bool cgc_mutator_enter_slow(struct cgc_mutator *self) {
  volatile uint8_t *busy = &self->busy;
  bool had_gate = false;
  for (;;) {
    cgc_mutator_give_up(self);
    if (*busy & (CGC_MUTATOR_BUSY | CGC_MUTATOR_PARKED))
      return false;
    if (had_gate || *busy & CGC_MUTATOR_GATE) {
      had_gate = true;
      pass_gate(self);
    }
    if (cgc_mutator_try_enter(self) && !(had_gate && gate_is_closed()))
      return true;
  }
}

/* ---- start, fork --------------------------------------------------------- */

void cgc_mutator_init(void) {
  cgc_list_init(&world.list);
  cgc_list_init(&world.unused[0]);
  cgc_list_init(&world.unused[1]);
  cgc_lock_register(&world.lock);
  cgc_signal_hook = on_signal;
  world.has_key = pthread_key_create(&world.key, finish) == 0;
}

static void forget_other(struct cgc_mutator *m, void *self) {
  if (m != self)
    cgc_mutator_reap(m);
}

void cgc_mutator_fork_child(void) {
  struct cgc_mutator *self = cgc_self;
  atomic_store_explicit(&cgc_mutator_stop.gate, 0, memory_order_relaxed);
  atomic_store_explicit(&cgc_mutator_stop.missing, 0, memory_order_relaxed);
  uint32_t epoch =
      atomic_load_explicit(&cgc_mutator_stop.epoch, memory_order_relaxed);
  atomic_store_explicit(&cgc_mutator_stop.epoch, (epoch + 1) & ~1u,
                        memory_order_relaxed);
  cgc_mutator_lock_list(NULL);
  cgc_mutator_each_thread(forget_other, self);
  if (self) {
    remove_from_bucket(self);
    self->tid = cgc_thread_tid();
    self->next_tid = *bucket(self->tid);
    *bucket(self->tid) = self;
  }
  cgc_mutator_unlock_list();
}

/* ---- check --------------------------------------------------------------- */

static void check_one(struct cgc_mutator *m, void *ctx) {
  uint32_t epoch =
      atomic_load_explicit(&cgc_mutator_stop.epoch, memory_order_acquire);
  cgc_check(m->tid != 0 && cgc_mutator_find(m->tid) == m); /* I1, I2 */
  ++*(size_t *)ctx;
  if (!(epoch & 1) || m == cgc_self)
    return;
  cgc_check(atomic_load_explicit(&m->parked, memory_order_acquire) == epoch);
  cgc_check((m->busy & CGC_MUTATOR_BUSY) == 0 && (m->sp || m->blind)); /* I3 */
  cgc_check(m->busy & CGC_MUTATOR_PARKED || m->temporary || m->blind);
}

void cgc_mutator_check(void) {
  size_t n = 0;
  cgc_list_check(&world.list);
  cgc_mutator_each_thread(check_one, &n);
  cgc_check(n == world.n);
}
