/* SPDX-License-Identifier: MIT */
#include "cycle/cycle.h"

#include "base/option.h"
#include "heap/meta.h"
#include "heap/verify.h"
#include "mark/final.h"
#include "mark/link.h"
#include "mark/worker.h"
#include "os/page.h"
#include "os/regs.h"
#include "os/thread.h"
#include "world/kernel.h"
#include "world/mutator.h"
#include "world/range.h"
#include "world/stop.h"

#include <errno.h>

enum { STACK_BYTES = 256 << 10 };

_Atomic int cgc_phase;
_Atomic size_t cgc_cycle_trigger_bytes = SIZE_MAX;
struct cgc_cycle_counters cgc_cycle_counters;
bool (*cgc_cycle_wanted_hook)(enum cgc_cycle_reason reason);
void (*cgc_cycle_phase_hook)(enum cgc_phase phase);
void (*cgc_cycle_roots_hook)(struct cgc_marker *marker);
void (*cgc_cycle_marked_hook)(struct cgc_heap *heap);
void (*cgc_cycle_finished_hook)(const struct cgc_cycle_report *report);

/*
 * Where a cycle works: not in our .bss, which is scanned as a root like any
 * other, but in memory of the collector's own.
 */
struct workplace {
  struct cgc_workers workers;
  char stack[STACK_BYTES] CGC_ALIGNED(64);
};

static struct {
  struct cgc_lock lock;
  enum cgc_root_scope scope;
  _Atomic uint64_t number;   /* cycles finished */
  _Atomic int disabled;      /* nesting depth */
  struct cgc_pacer pacer;    /* guard: lock */
  struct workplace *place;   /* guard: lock */
  struct cgc_marker *marker; /* of the cycle that runs; guard: lock */
} cycle = {.lock = {.rank = CGC_RANK_CYCLE, .wakes_all = true}};

const void *const cgc_cycle_view[1] = {&cycle.scope};

static void set_phase(enum cgc_phase phase) {
  atomic_store_explicit(&cgc_phase, phase, memory_order_relaxed);
  if (cgc_cycle_phase_hook)
    cgc_cycle_phase_hook(phase);
}

static void publish_trigger(void) {
  atomic_store_explicit(&cgc_cycle_trigger_bytes, cycle.pacer.trigger_bytes,
                        memory_order_relaxed);
}

bool cgc_cycle_init(enum cgc_root_scope scope) {
  cgc_lock_register(&cycle.lock);
  cycle.scope = scope;
  cgc_pacer_init(&cycle.pacer, (uint64_t)cgc_options.percent,
                 (size_t)cgc_options.trigger, (size_t)cgc_options.memory_limit);
  publish_trigger();
  return true;
}

void cgc_cycle_fork_child(void) {
  atomic_store_explicit(&cgc_phase, CGC_PHASE_IDLE, memory_order_relaxed);
}

void cgc_cycle_disable(void) {
  atomic_fetch_add_explicit(&cycle.disabled, 1, memory_order_relaxed);
}

void cgc_cycle_enable(void) {
  atomic_fetch_sub_explicit(&cycle.disabled, 1, memory_order_relaxed);
}

bool cgc_cycle_is_disabled(void) {
  return atomic_load_explicit(&cycle.disabled, memory_order_relaxed) > 0;
}

void cgc_cycle_set_percent(uint64_t percent) {
  cgc_pacer_set_percent(&cycle.pacer, percent,
                        cgc_cycle_counters.last.live_bytes);
  publish_trigger();
}

/* ---- The phases ------------------------------------------------------- */

static void flush_mutator(struct cgc_mutator *m, void *ctx) {
  (void)ctx;
  cgc_cache_flush(&m->cache);
}

static void check_mutator(struct cgc_mutator *m, void *ctx) {
  (void)ctx;
  cgc_cache_check(&m->cache);
}

static void verify(void) {
  if (cgc_likely(!cgc_options.verify))
    return;
  cgc_page_check();
  cgc_mutator_check();
  cgc_mutator_each(check_mutator, NULL);
  cgc_verify_heap(&cgc_heap);
  cgc_range_check();
  cgc_kernel_check();
  cgc_link_check();
  cgc_final_check();
}

static void phase_start(struct cgc_cycle_report *r) {
  set_phase(CGC_PHASE_START);
  cgc_heap_sweep_all(&cgc_heap);
  cgc_stop_world();
  r->stop_ns = cgc_stop_counters.last_ns;
  verify();
  cgc_mutator_each(flush_mutator, NULL);
  cgc_heap_sweep_all(&cgc_heap); /* what came in until all stood still */
  r->before_bytes = cgc_heap_in_use(&cgc_heap);
  cgc_heap_prepare_marks(&cgc_heap);
  if (cgc_options.verify)
    cgc_verify_prepared(&cgc_heap);
}

static void scan_root(uintptr_t lo, uintptr_t hi, enum cgc_root_kind kind,
                      void *ctx) {
  bool packed = kind == CGC_ROOT_CODE || kind == CGC_ROOT_DATA ||
                kind == CGC_ROOT_MAPPING;
  if (cgc_options.unaligned && packed)
    cgc_marker_scan_unaligned(ctx, lo, hi);
  else
    cgc_marker_scan_range(ctx, lo, hi);
}

/* A stack that is a block of the heap is alive while somebody runs on it. */
static void mark_stack_block(struct cgc_mutator *m, void *ctx) {
  cgc_marker_mark_word(ctx, m->sp);
}

static int phase_mark(struct cgc_cycle_report *r) {
  uint64_t began = cgc_thread_now_ns();
  set_phase(CGC_PHASE_MARK);
  int err = cgc_root_visit(cycle.scope, scan_root, cycle.marker);
  cgc_mutator_each(mark_stack_block, cycle.marker);
  cgc_final_visit_roots(cycle.marker);
  cgc_marker_scan_pinned(cycle.marker);
  if (cgc_cycle_roots_hook)
    cgc_cycle_roots_hook(cycle.marker);
  r->roots_ns = cgc_thread_now_ns() - began;
  r->root_bytes = cgc_root_counters.bytes;
  cgc_workers_finish(&cycle.place->workers);
  return err;
}

/* The world has stood still since START: nothing can have changed. */
static void phase_remark(void) { set_phase(CGC_PHASE_REMARK); }

static void phase_weak(void) {
  set_phase(CGC_PHASE_WEAK);
  cgc_link_clear_dead(&cgc_heap, false);
  cgc_final_find(cycle.marker);
  cgc_link_clear_dead(&cgc_heap, true);
  if (cgc_cycle_marked_hook)
    cgc_cycle_marked_hook(&cgc_heap);
}

static void phase_flip(struct cgc_cycle_report *r) {
  set_phase(CGC_PHASE_FLIP);
  r->live_bytes = cycle.marker->marked_bytes;
  r->marked_objects = cycle.marker->marked_objects;
  r->scanned_bytes = cycle.marker->scanned_bytes;
  cgc_heap_flip(&cgc_heap, r->live_bytes);
  verify();
  cgc_pacer_update(&cycle.pacer, r->before_bytes, r->live_bytes);
  cgc_pacer_check(&cycle.pacer, r->live_bytes);
  publish_trigger();
  set_phase(CGC_PHASE_SWEEP);
}

static int run_phases(struct cgc_cycle_report *r) {
  int err = 0;
  phase_start(r);
  uint64_t stood_ns = cgc_thread_now_ns();
  uint64_t cpu_ns = cgc_thread_process_cpu_ns();
  cycle.marker =
      cgc_workers_open(&cycle.place->workers, &cgc_heap, r->before_bytes);
  err = phase_mark(r);
  if (!err) {
    phase_remark();
    phase_weak();
    phase_flip(r);
  }
  /* While the others stand the process's CPU time is ours. */
  r->cpu_ns = cgc_thread_process_cpu_ns() - cpu_ns;
  cgc_start_world();
  r->pause_ns = cgc_thread_now_ns() - stood_ns + r->stop_ns;
  return err;
}

/* ---- One cycle -------------------------------------------------------- */

struct run {
  struct cgc_cycle_report *report;
  int err;
};

static void run_on_own_stack(uintptr_t sp, void *ctx) {
  struct run *run = ctx;
  cgc_self->sp = sp;
  run->err = run_phases(run->report);
}

static void count(const struct cgc_cycle_report *r) {
  struct cgc_cycle_counters *c = &cgc_cycle_counters;
  c->ncycles++;
  c->pause_ns += r->pause_ns;
  c->cpu_ns += r->cpu_ns;
  c->longest_ns = cgc_max(c->longest_ns, r->pause_ns);
  if (r->before_bytes > r->live_bytes)
    c->reclaimed_bytes += r->before_bytes - r->live_bytes;
  c->last = *r;
}

static bool make_place(void) {
  struct workplace *place = cgc_meta_alloc(sizeof *place);
  if (!place ||
      !cgc_workers_init(&place->workers, (unsigned)cgc_options.markers))
    return false;
  cycle.place = place;
  return true;
}

static int run_cycle(enum cgc_cycle_reason reason) {
  struct cgc_cycle_report report = {
      .number = cgc_cycle_counters.ncycles + 1,
      .reason = reason,
      .began_ns = cgc_thread_now_ns(),
  };
  struct run run = {&report, 0};
  if (!cycle.place && !make_place())
    return -ENOMEM;
  cgc_regs_call(run_on_own_stack, &run, cycle.place->stack + STACK_BYTES);
  report.heap_bytes = cgc_arena_bytes(&cgc_heap.arena);
  report.trigger_bytes = cycle.pacer.trigger_bytes;
  if (run.err) {
    cgc_pacer_put_off(&cycle.pacer, cgc_heap_in_use(&cgc_heap));
    publish_trigger();
    return run.err;
  }
  count(&report);
  atomic_fetch_add_explicit(&cycle.number, 1, memory_order_relaxed);
  if (cgc_cycle_finished_hook)
    cgc_cycle_finished_hook(&report);
  return 0;
}

/*
 * Busy and with the lock, or not at all.  A thread that waits for the lock is
 * not busy, since its holder wants to stop it.
 */
static bool lock_cycle(struct cgc_mutator *self) {
  for (;;) {
    if (!cgc_mutator_enter(self))
      return false;
    if (cgc_trylock(&cycle.lock))
      return true;
    cgc_mutator_leave(self);
    cgc_lock_await(&cycle.lock);
  }
}

/* A vfork child runs on its parent's record, but is another thread. */
static bool is_own_thread(const struct cgc_mutator *self) {
  return self->tid == cgc_thread_tid();
}

int cgc_cycle_collect(enum cgc_cycle_reason reason) {
  uint64_t number = atomic_load_explicit(&cycle.number, memory_order_relaxed);
  struct cgc_mutator *self = cgc_self;
  int err = 0;
  if (cgc_cycle_is_disabled() ||
      (cgc_cycle_wanted_hook && !cgc_cycle_wanted_hook(reason)))
    return -EAGAIN;
  if (!self || !is_own_thread(self) || !lock_cycle(self))
    return -EBUSY;
  bool done =
      reason != CGC_CYCLE_ASKED &&
      number != atomic_load_explicit(&cycle.number, memory_order_relaxed);
  if (!done)
    err = run_cycle(reason);
  set_phase(CGC_PHASE_IDLE);
  cgc_unlock(&cycle.lock);
  cgc_mutator_leave(self);
  return err;
}
