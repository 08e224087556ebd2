/* SPDX-License-Identifier: MIT */
#include "front/debug.h"

#include "base/lock.h"
#include "base/log.h"
#include "cycle/cycle.h"
#include "front/alloc.h"
#include "front/init.h"
#include "front/leak.h"
#include "os/thread.h"
#include "world/mailbox.h"
#include "world/mutator.h"
#include "world/stop.h"

#include <errno.h>
#include <sys/auxv.h>

enum {
  NEAR_BYTES = 4096, /* gdb's return address lies so near the frame */
  STEP_NS = 5000000,
  SETTLE_STEPS = 40,       /* until all that are let run do: 0.2 s */
  LOCK_STEPS = 100,        /* for a lock: 0.5 s */
  PATIENCE_NS = 1000000000 /* for another's collection */
};

static struct {
  _Atomic bool in_call;
  _Atomic unsigned asked;
  pid_t tid;    /* of the call under way */
  uintptr_t sp; /* of the call: in the program's data, so what it is in lives */
} debug;

bool cgc_debug_is_call(const void *return_address, const void *frame) {
  uintptr_t to = (uintptr_t)return_address;
  return to - (uintptr_t)frame < NEAR_BYTES || to == getauxval(AT_ENTRY);
}

static void wait_a_step(void) {
  _Atomic uint32_t never = 0;
  cgc_thread_futex_wait(&never, 0, STEP_NS);
}

/* ---- other threads ------------------------------------------------------- */

/* Threads that the debugger does not let run. */
struct held {
  pid_t self;
  unsigned n;
  pid_t untold; /* one whose registers are not told */
  pid_t busy;   /* one that is inside the collector */
};

static void look_at(pid_t tid, void *ctx) {
  struct held *held = ctx;
  struct cgc_thread_status status;
  struct cgc_mailbox_thread told;
  if (tid == held->self || cgc_thread_look(tid, &status) != 0 ||
      status.state != 't')
    return;
  held->n++;
  const struct cgc_mutator *m = cgc_mutator_find(tid);
  if (m && m->busy & CGC_MUTATOR_BUSY)
    held->busy = tid;
  if (!cgc_mailbox_find(tid, &told))
    held->untold = tid;
}

/* Those that are let run begin to a moment after the call. */
static void find_held(struct held *held) {
  for (int i = 0; i < SETTLE_STEPS; i++) {
    *held = (struct held){.self = cgc_thread_tid()};
    cgc_thread_each(look_at, held);
    if (held->n == 0 || !held->untold)
      return;
    wait_a_step();
  }
}

/* A lock that stays held though its holder may run; NULL: none. */
static const struct cgc_lock *find_lock(const struct held *held) {
  const struct cgc_lock *lock = NULL;
  for (int i = 0; i < LOCK_STEPS; i++) {
    lock = cgc_lock_find_held();
    if (!lock || held->busy)
      return lock;
    wait_a_step();
  }
  return lock;
}

/* ---- collect ------------------------------------------------------------- */

static int say(int code, const char *text) {
  cgc_log(CGC_LOG_WARNING, "%s", text);
  return code;
}

/* What the user calls to ask for it; in libgc.so.1 the names are bdwgc's. */
static const char *request(void) {
  return cgc_role.request ? cgc_role.request : "GC_request";
}

static int busy_self(void) {
  cgc_log(CGC_LOG_WARNING,
          "not collected: this thread stopped inside the allocator or the "
          "collector; say `finish' first, or `call (int)%s(1)' to have it done "
          "soon",
          request());
  return CGC_DEBUG_BUSY_SELF;
}

/* Threads inside the collector: one of them has the lock. */
struct inside {
  pid_t self;
  pid_t first;
  unsigned n;
};

static void count_inside(pid_t tid, void *ctx) {
  struct inside *inside = ctx;
  const struct cgc_mutator *m = cgc_mutator_find(tid);
  if (tid == inside->self || !m || !(m->busy & CGC_MUTATOR_BUSY))
    return;
  if (inside->n++ == 0)
    inside->first = tid;
}

static void say_lock_is_held(const struct cgc_lock *lock) {
  struct inside inside = {.self = cgc_thread_tid()};
  char who[32] = "another thread";
  cgc_thread_each(count_inside, &inside);
  if (inside.n == 1)
    cgc_log_format(who, sizeof who, "thread %d", (int)inside.first);
  else if (inside.n > 1)
    cgc_log_format(who, sizeof who, "one of %u threads", inside.n);
  cgc_log(CGC_LOG_WARNING,
          "not collected: %s keeps a lock (%s); let the program run a little, "
          "or `call (int)%s(1)'",
          who, lock ? cgc_lock_name(lock) : "cycle", request());
}

static int busy_other(const struct held *held, const struct cgc_lock *lock) {
  if (held->busy)
    cgc_log(CGC_LOG_WARNING,
            "not collected: the debugger holds thread %d inside the collector; "
            "say `set scheduler-locking off', or `call (int)%s(1)'",
            (int)held->busy, request());
  else
    say_lock_is_held(lock);
  return CGC_DEBUG_BUSY_OTHER;
}

static int held_still(pid_t tid) {
  cgc_log(CGC_LOG_WARNING,
          "not collected: the debugger holds thread %d; say `set "
          "scheduler-locking off', or `gc collect', which tells its registers",
          (int)tid);
  return CGC_DEBUG_HELD;
}

static int say_collected(void) {
  const struct cgc_cycle_report *r = &cgc_cycle_counters.last;
  cgc_log(CGC_LOG_INFO, "collected: %lu of %lu bytes are alive, pause %lu us",
          (unsigned long)r->live_bytes, (unsigned long)r->before_bytes,
          (unsigned long)(r->pause_ns / 1000));
  return 0;
}

/* The registers of this thread when it stopped are roots, too. */
static void take_own_registers(const struct cgc_mailbox_thread *own) {
  cgc_self->nregs = 0;
  cgc_self->vector_lo = own->lo;
  cgc_self->vector_hi = own->hi;
}

static int run_cycle(void) {
  bool parked = cgc_mutator_set_parked(cgc_self, false);
  int err = cgc_cycle_collect_by(cgc_thread_now_ns() + PATIENCE_NS);
  cgc_mutator_forget_registers(cgc_self);
  cgc_mutator_set_parked(cgc_self, parked);
  if (err == 0)
    return say_collected();
  if (err == -ETIMEDOUT)
    return busy_other(&(struct held){.n = 0}, cgc_lock_find_held());
  if (err == -EBUSY)
    return busy_self();
  if (err == -EDEADLK)
    return held_still(cgc_stop_held());
  errno = -err;
  return say(-1, err == -EAGAIN ? "not collected: GC_disable is in force"
                                : "not collected: no memory for it");
}

/* A thread of the collector's own, and a vfork child, use another's record. */
static bool is_inside(void) {
  const struct cgc_mutator *self = cgc_self;
  return self &&
         (self->busy & CGC_MUTATOR_BUSY || self->tid != cgc_thread_tid());
}

/*
 * gdb has replaced registers of this thread for the call, rax and rbp, and
 * keeps them to itself: an object that only they point to would be lost.
 */
static int ask_instead(void) {
  cgc_debug_ask(CGC_DEBUG_COLLECT);
  return say(CGC_DEBUG_HELD,
             "not collected: this thread's registers are not told (load "
             "libcgc-gdb.py); it is done when the program next allocates");
}

static int collect(void) {
  struct held held;
  struct cgc_mailbox_thread own;
  if (!cgc_init_is_ready())
    return say(0, "nothing to collect: there is no heap yet");
  if (is_inside())
    return busy_self();
  if (!cgc_mailbox_find(cgc_thread_tid(), &own))
    return ask_instead();
  find_held(&held);
  const struct cgc_lock *lock = find_lock(&held);
  if (lock || held.busy)
    return busy_other(&held, lock);
  if (held.untold)
    return held_still(held.untold);
  if (!cgc_init_thread())
    return busy_self();
  take_own_registers(&own);
  return run_cycle();
}

/*
 * The user has given up an earlier call in this thread: its frame is gone, for
 * a call's frame stands below those of the calls that are still under way.
 */
static bool is_abandoned(uintptr_t sp) {
  return debug.tid == cgc_thread_tid() && sp >= debug.sp;
}

/*
 * A second call while the first is under way: in another thread, or nested.
 * On the stack that it comes on: from an alternate one no other can be gone to,
 * since the kernel would take it for free, and a signal's frame overwrite ours.
 */
int cgc_debug_collect(void) {
  int saved = errno;
  int code = CGC_DEBUG_BUSY_SELF;
  if (atomic_exchange_explicit(&debug.in_call, true, memory_order_acq_rel) &&
      !is_abandoned((uintptr_t)__builtin_frame_address(0)))
    return say(code, "not collected: another call of the debugger's has not "
                     "come to its end");
  debug.tid = cgc_thread_tid();
  debug.sp = (uintptr_t)__builtin_frame_address(0);
  code = collect();
  cgc_mailbox_clear();
  atomic_store_explicit(&debug.in_call, false, memory_order_release);
  if (code != -1)
    errno = saved;
  return code;
}

/* ---- dump ---------------------------------------------------------------- */

/* Pages by class, read from the page table, which changes page by page. */
static void dump_classes(void) {
  const struct cgc_arena *arena = &cgc_heap.arena;
  unsigned pages[CGC_CLASS_LIMIT] = {0};
  for (size_t page = 0; page < cgc_arena_pages(arena); page++)
    pages[cgc_desc_class(arena->desc[page]) % CGC_CLASS_LIMIT]++;
  for (unsigned class = 1; class < CGC_CLASS_LIMIT; class ++)
    if (pages[class])
      cgc_log_raw("cgc:   %8u pages of %s%u bytes\n", pages[class],
                  class == CGC_CLASS_LARGE ? "objects above " : "slots of ",
                  class == CGC_CLASS_LARGE ? CGC_SMALL_MAX
                                           : cgc_size_classes[class].size);
}

void cgc_debug_dump(void) {
  const struct cgc_cycle_counters *c = &cgc_cycle_counters;
  const struct cgc_lock *lock = cgc_lock_find_held();
  if (!cgc_init_is_ready()) {
    say(0, "there is no heap yet");
    return;
  }
  cgc_log(CGC_LOG_INFO,
          "heap %p, %lu bytes, %lu in use, %lu threads, %lu cycles, last live "
          "%lu, pause %lu us, lock held: %s",
          (void *)cgc_heap.arena.base,
          (unsigned long)cgc_arena_bytes(&cgc_heap.arena),
          (unsigned long)cgc_heap_in_use(&cgc_heap),
          (unsigned long)cgc_mutator_count(), (unsigned long)c->ncycles,
          (unsigned long)c->last.live_bytes,
          (unsigned long)(c->last.pause_ns / 1000),
          lock ? cgc_lock_name(lock) : "none");
  dump_classes();
}

/* ---- requests ------------------------------------------------------------ */

static void serve(void) {
  unsigned what =
      atomic_exchange_explicit(&debug.asked, 0, memory_order_relaxed);
  if (what & CGC_DEBUG_COLLECT && cgc_alloc_collect(CGC_CYCLE_ASKED) == 0)
    say_collected();
  if (what & CGC_DEBUG_DUMP)
    cgc_debug_dump();
}

bool cgc_debug_ask(unsigned what) {
  if (what == 0 || what & ~(unsigned)(CGC_DEBUG_COLLECT | CGC_DEBUG_DUMP |
                                      CGC_DEBUG_LEAK_CHECK))
    return false;
  if (what & CGC_DEBUG_LEAK_CHECK)
    cgc_leak_ask();
  what &= ~(unsigned)CGC_DEBUG_LEAK_CHECK;
  if (what == 0)
    return true;
  atomic_fetch_or_explicit(&debug.asked, what, memory_order_relaxed);
  atomic_store_explicit(&cgc_alloc_asked_hook, serve, memory_order_release);
  return true;
}

int cgc_debug_leak_check(void) {
  if (!cgc_leak_is_ours())
    return say(-ENOTSUP, "leaks are not looked for: run the program by cgc "
                         "leak; `gc leaks' says what nothing reaches");
  cgc_debug_ask(CGC_DEBUG_LEAK_CHECK);
  return say(0, "asked for: leaks are reported when the program next "
                "allocates");
}
