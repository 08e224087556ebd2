/* SPDX-License-Identifier: MIT */
#include "world/stop.h"

#include "os/signal.h"
#include "os/thread.h"
#include "world/mailbox.h"
#include "world/mutator.h"

#include <errno.h>
#include <limits.h>

struct cgc_stop_counters cgc_stop_counters;

/* How long a silent thread is left alone before it is looked at. */
enum { FIRST_LOOK_NS = 250000, LAST_LOOK_NS = 20000000 };

/* So many looks in a row at a thread that a debugger holds: half a second. */
enum { HELD_LOOKS = 30, CALLED_OFF_MAX = 3 };

/* Of the stop under way; its thread alone uses it. */
static struct {
  struct cgc_mutator *self;
  uint64_t mask; /* signals that the caller had blocked */
  uint32_t epoch;
  bool on;
  bool refused; /* a signal could not be sent */
  bool resend;  /* for each that is still silent */
  bool some_dead;
  size_t nfound;    /* unknown threads, in one look at the task list */
  size_t nfinished; /* a main thread that others outlive: 0 or 1 */
  size_t nspared;   /* the collector's own thread: 0 or 1 */
  bool may_give_up;
  pid_t held;          /* seen held by a debugger, in the last look */
  unsigned held_looks; /* in a row that saw one */
} stop;

static const _Atomic uint32_t *spared;

void cgc_stop_spare(const _Atomic uint32_t *tid) { spared = tid; }

static pid_t spared_tid(void) {
  return spared ? (pid_t)atomic_load_explicit(spared, memory_order_relaxed) : 0;
}

static struct cgc_mutator_stop *const shared = &cgc_mutator_stop;

static void count_missing(int n) {
  atomic_fetch_add_explicit(&shared->missing, (uint32_t)n,
                            memory_order_acq_rel);
}

static bool is_silent(struct cgc_mutator *m) {
  return m != stop.self &&
         atomic_load_explicit(&m->asked, memory_order_relaxed) == stop.epoch &&
         atomic_load_explicit(&m->parked, memory_order_acquire) != stop.epoch;
}

/* ---- asking -------------------------------------------------------------- */

/* Only counted out; reaped when all the others are stopped. */
static void note_dead(struct cgc_mutator *m) {
  m->dead = true;
  stop.some_dead = true;
  cgc_mutator_count_parked(m);
}

static void send(struct cgc_mutator *m) {
  int err = cgc_signal_send(m->tid, m);
  cgc_stop_counters.nsent++;
  if (err == -ESRCH)
    note_dead(m);
  else if (err) /* the queue is full: sent again at the next look */
    stop.refused = true;
}

/*
 * To whom it may concern, and twice around, since some may be inside the
 * collector; not for ever, since who is interrupted all the time does not leave
 * it.
 */
static void send_any(void) {
  atomic_store_explicit(&shared->passes, 2 * (int)cgc_thread_count() + 2,
                        memory_order_relaxed);
  cgc_signal_send_any(1);
}

/* A record may come to its second thread in one stop, the first being dead. */
static void ask(struct cgc_mutator *m) {
  m->blind = false;
  atomic_store_explicit(&m->parked, stop.epoch - 1, memory_order_relaxed);
  /* Release: pairs with the handler's acquire. */
  atomic_store_explicit(&m->asked, stop.epoch, memory_order_release);
  count_missing(1);
  send(m);
}

static void ask_known(struct cgc_mutator *m, void *ctx) {
  (void)ctx;
  if (m != stop.self)
    ask(m);
}

/* ---- waiting ------------------------------------------------------------- */

/*
 * Without a record, our signal blocked, asleep: a thread being born that waits
 * for its creator, which we stopped, or one in posix_spawn.  It has never
 * allocated and can't begin to now.
 */
static bool is_blind(const struct cgc_mutator *m,
                     const struct cgc_thread_status *s) {
  uint64_t ours = 1ull << (cgc_signal_number() - 1);
  return m->temporary && (s->blocked & ours) && s->state != 'R';
}

static bool is_finished(const struct cgc_thread_status *s) {
  return s->state == 'Z' || s->state == 'X' || s->state == 'x';
}

static void count_blind(struct cgc_mutator *m, uintptr_t sp) {
  m->blind = true;
  m->sp = sp;
  cgc_stop_counters.nblind++;
  cgc_mutator_count_parked(m);
}

/*
 * It stands still, and our signal waits for it: when it is let go it parks
 * before it executes anything.  Inside the collector it may hold a lock.
 */
static void look_at_held(struct cgc_mutator *m) {
  struct cgc_mailbox_thread told;
  stop.held = m->tid;
  if ((m->busy & CGC_MUTATOR_BUSY) || !cgc_mailbox_find(m->tid, &told))
    return;
  m->fs_base = told.fs_base;
  m->nregs = 0;
  m->vector_lo = told.lo;
  m->vector_hi = told.hi;
  count_blind(m, told.sp);
}

static void look_closer(struct cgc_mutator *m) {
  struct cgc_thread_status status;
  if (cgc_thread_look(m->tid, &status) != 0)
    return;
  if (is_finished(&status))
    note_dead(m);
  else if (is_blind(m, &status))
    count_blind(m, status.sp);
  else if (status.state == 't')
    look_at_held(m);
}

static void look_at(struct cgc_mutator *m, void *ctx) {
  (void)ctx;
  if (!is_silent(m))
    return;
  cgc_stop_counters.nlooks++;
  if (!cgc_thread_exists(m->tid))
    note_dead(m);
  else if (stop.resend)
    send(m);
  if (is_silent(m))
    look_closer(m);
}

/* A signal that comes twice does no harm. */
static void look_at_silent(void) {
  stop.resend = cgc_signal_install() == 1 || stop.refused;
  stop.refused = false;
  stop.held = 0;
  cgc_mutator_each_thread(look_at, NULL);
  stop.held_looks = stop.held ? stop.held_looks + 1 : 0;
  if (stop.refused)
    send_any();
}

static bool is_called_off(void) {
  return atomic_load_explicit(&shared->verdict, memory_order_acquire) ==
         CGC_STOP_CALLED_OFF;
}

static bool gives_up(void) {
  return stop.may_give_up && stop.held_looks >= HELD_LOOKS;
}

/* returns  false when this stop is given up */
static bool wait_for_all(void) {
  uint64_t patience = FIRST_LOOK_NS;
  uint32_t missing;
  /* Acquire: the records of those that parked. */
  while ((missing = atomic_load_explicit(&shared->missing,
                                         memory_order_acquire)) != 0) {
    if (is_called_off())
      return false;
    if (cgc_thread_futex_wait(&shared->missing, missing, patience))
      continue;
    look_at_silent();
    if (gives_up())
      return false;
    if (patience < LAST_LOOK_NS)
      patience *= 2;
  }
  return true;
}

/* ---- threads without a record -------------------------------------------- */

static bool main_has_finished(pid_t tid) {
  struct cgc_thread_status status;
  return tid == cgc_thread_pid() && cgc_thread_look(tid, &status) == 0 &&
         is_finished(&status);
}

static void ask_unknown(pid_t tid, void *ctx) {
  (void)ctx;
  if (cgc_mutator_find(tid))
    return;
  if (tid == spared_tid()) {
    stop.nspared = 1;
    return;
  }
  if (main_has_finished(tid)) {
    stop.nfinished = 1;
    return;
  }
  stop.nfound++;
  struct cgc_mutator *m = cgc_mutator_add(tid, true);
  if (!m)
    return; /* no memory for it: found again in the next look */
  cgc_stop_counters.nunknown++;
  ask(m);
}

static void reap_if_dead(struct cgc_mutator *m, void *ctx) {
  (void)ctx;
  if (m->dead)
    cgc_mutator_reap(m);
}

static void reap_dead(void) {
  if (stop.some_dead)
    cgc_mutator_each_thread(reap_if_dead, NULL);
  stop.some_dead = false;
}

/* The kernel's count agrees with the records: there is nobody else. */
static bool all_are_known(void) {
  size_t n = cgc_thread_count();
  return n == 0 || n == cgc_mutator_count() + stop.nfinished + stop.nspared;
}

/*
 * A thread may end or be born while the list is read, and another be missed
 * for that: only a list without news, twice in a row, is believed against the
 * count.
 */
static bool stop_unknown(void) {
  stop.nfinished = 0;
  stop.nspared = spared_tid() != 0;
  for (int quiet = 0; quiet < 2 && !all_are_known();) {
    stop.nfound = stop.nspared = 0;
    if (cgc_thread_each(ask_unknown, NULL) < 0)
      return true;
    if (!wait_for_all())
      return false;
    reap_dead();
    quiet = stop.nfound ? 0 : quiet + 1;
  }
  return true;
}

static bool complete(void) {
  uint32_t open = CGC_STOP_OPEN;
  return atomic_compare_exchange_strong_explicit(
      &shared->verdict, &open, CGC_STOP_COMPLETE, memory_order_acq_rel,
      memory_order_relaxed);
}

static bool stop_others(void) {
  if (cgc_mutator_count() == 1 && cgc_thread_count() == 1)
    return true;
  cgc_signal_install();
  cgc_mutator_each_thread(ask_known, NULL);
  if (!wait_for_all())
    return false;
  reap_dead();
  return stop_unknown();
}

/* ---- the contract -------------------------------------------------------- */

static void count_time(uint64_t ns) {
  cgc_stop_counters.nstops++;
  cgc_stop_counters.last_ns = ns;
  if (ns > cgc_stop_counters.longest_ns)
    cgc_stop_counters.longest_ns = ns;
}

static void drop_temporary(struct cgc_mutator *m, void *ctx) {
  (void)ctx;
  if (m->temporary)
    cgc_mutator_drop(m);
}

/* Who parked goes on; whom our signal still waits for sees the epoch. */
static void let_go(void) {
  uint64_t mask = stop.mask;
  stop.on = false;
  cgc_mutator_each_thread(drop_temporary, NULL);
  /* Release: all that the collector did. */
  atomic_store_explicit(&shared->epoch, stop.epoch + 1, memory_order_release);
  cgc_thread_futex_wake(&shared->epoch, INT_MAX);
  cgc_mutator_unlock_list();
  cgc_signal_restore(mask);
}

static bool stop_world(bool may_give_up) {
  uint64_t start = cgc_thread_now_ns();
  cgc_check(cgc_self && cgc_self->busy & CGC_MUTATOR_BUSY);
  cgc_mutator_lock_list(NULL);
  stop.self = cgc_self;
  stop.self->alternate_stack = cgc_signal_alternate_stack();
  /* No handler of the program runs in this thread while the others stand. */
  stop.mask = cgc_signal_block_all();
  atomic_store_explicit(&shared->verdict, CGC_STOP_OPEN, memory_order_relaxed);
  atomic_store_explicit(&shared->stopper, (uint32_t)cgc_thread_tid(),
                        memory_order_relaxed);
  stop.epoch =
      atomic_fetch_add_explicit(&shared->epoch, 1, memory_order_acq_rel) + 1;
  cgc_check(stop.epoch & 1);
  atomic_store_explicit(&shared->missing, 0, memory_order_relaxed);
  stop.may_give_up = may_give_up;
  stop.held_looks = 0;
  stop.some_dead = false;
  if (!stop_others() || !complete()) {
    let_go();
    return false;
  }
  stop.on = true;
  count_time(cgc_thread_now_ns() - start);
  return true;
}

/* One that was called off begins again: whoever did it has gone on. */
void cgc_stop_world(void) {
  while (!stop_world(false))
    cgc_thread_yield();
}

int cgc_stop_try(void) {
  for (int tries = 0; tries < CALLED_OFF_MAX; tries++) {
    if (stop_world(true))
      return 0;
    if (!is_called_off())
      return -EDEADLK;
    cgc_thread_yield();
  }
  return -EDEADLK;
}

pid_t cgc_stop_held(void) { return stop.held; }

void cgc_start_world(void) {
  cgc_check(stop.on);
  let_go();
}

bool cgc_stop_is_on(void) { return stop.on && stop.self == cgc_self; }

/* ---- the gate ------------------------------------------------------------ */

static void close_for(struct cgc_mutator *m, void *ctx) {
  (void)ctx;
  if (m != stop.self)
    m->busy |= CGC_MUTATOR_GATE;
}

void cgc_stop_close_gate(void) {
  cgc_stop_world();
  atomic_store_explicit(&shared->gate, 1, memory_order_relaxed);
  cgc_mutator_each(close_for, NULL);
  cgc_start_world();
}

/* Each thread clears its own bit when it next enters. */
void cgc_stop_open_gate(void) {
  atomic_store_explicit(&shared->gate, 0, memory_order_release);
  cgc_thread_futex_wake(&shared->gate, INT_MAX);
}
