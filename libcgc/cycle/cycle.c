/* SPDX-License-Identifier: MIT */
#include "cycle/cycle.h"

#include "base/option.h"
#include "heap/meta.h"
#include "mark/toggle.h"
#include "os/regs.h"
#include "os/thread.h"
#include "world/mutator.h"

#include <errno.h>

enum { STACK_BYTES = 256 << 10 };

_Atomic size_t cgc_cycle_trigger_bytes = SIZE_MAX;
struct cgc_cycle_counters cgc_cycle_counters;
bool (*cgc_cycle_wanted_hook)(enum cgc_cycle_reason reason);
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
  _Atomic uint64_t number; /* cycles finished */
  _Atomic int disabled;    /* nesting depth */
  struct cgc_pacer pacer;  /* guard: lock */
  struct workplace *place; /* guard: lock */
} cycle = {.lock = {.rank = CGC_RANK_CYCLE, .wakes_all = true}};

const void *const cgc_cycle_view[1] = {&cycle.scope};

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

static void pace(const struct cgc_cycle_report *r) {
  cgc_pacer_update(&cycle.pacer, r->before_bytes, r->live_bytes);
  cgc_pacer_check(&cycle.pacer, r->live_bytes);
  publish_trigger();
}

static int run_phases(struct cgc_work *w) {
  cgc_phase_enter(CGC_PHASE_START);
  cgc_heap_sweep_all(&cgc_heap);
  int err = cgc_phase_try_stop_world(w);
  if (err)
    return err;
  cgc_phase_start(w);
  err = cgc_phase_mark(w);
  if (!err) {
    cgc_phase_enter(CGC_PHASE_REMARK); /* nothing can have changed */
    cgc_phase_weak(w);
    cgc_phase_flip(w, w->marker->marked_bytes);
    pace(w->report);
    cgc_phase_enter(CGC_PHASE_SWEEP);
  }
  cgc_phase_start_world(w);
  return err;
}

/* ---- One cycle -------------------------------------------------------- */

struct run {
  struct cgc_work *work;
  int err;
};

static void run_on_own_stack(uintptr_t sp, void *ctx) {
  struct run *run = ctx;
  cgc_self->sp = sp;
  run->err = run_phases(run->work);
}

static void count(const struct cgc_cycle_report *r) {
  struct cgc_cycle_counters *c = &cgc_cycle_counters;
  c->ncycles++;
  c->pause_ns += r->pause_ns;
  c->cpu_ns += r->cpu_ns;
  c->longest_ns = cgc_max(c->longest_ns, r->longest_ns);
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
  struct cgc_work work = {.scope = cycle.scope, .report = &report};
  struct run run = {&work, 0};
  if (!cycle.place && !make_place())
    return -ENOMEM;
  work.workers = &cycle.place->workers;
  cgc_toggle_ask();
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

/* ---- A survey --------------------------------------------------------- */

struct survey {
  cgc_survey_fn fn;
  void *ctx;
  int result;
};

static void survey_on_own_stack(uintptr_t sp, void *ctx) {
  struct survey *survey = ctx;
  struct cgc_cycle_report report = {0};
  struct cgc_work work = {.scope = cycle.scope,
                          .workers = &cycle.place->workers,
                          .report = &report};
  cgc_self->sp = sp;
  cgc_phase_enter(CGC_PHASE_START);
  cgc_heap_sweep_all(&cgc_heap);
  survey->result = cgc_phase_try_stop_world(&work);
  if (survey->result)
    return;
  cgc_phase_start(&work);
  survey->result = survey->fn(&work, survey->ctx);
  cgc_phase_start_world(&work);
}

static int run_survey(struct survey *survey) {
  if (!cycle.place && !make_place())
    return -ENOMEM;
  cgc_regs_call(survey_on_own_stack, survey, cycle.place->stack + STACK_BYTES);
  return survey->result;
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
  cgc_phase_enter(CGC_PHASE_IDLE);
  cgc_unlock(&cycle.lock);
  cgc_mutator_leave(self);
  return err;
}

int cgc_cycle_survey(cgc_survey_fn fn, void *ctx) {
  struct survey survey = {fn, ctx, 0};
  struct cgc_mutator *self = cgc_self;
  if (!self || !is_own_thread(self) || !lock_cycle(self))
    return -EBUSY;
  int err = run_survey(&survey);
  cgc_phase_enter(CGC_PHASE_IDLE);
  cgc_unlock(&cycle.lock);
  cgc_mutator_leave(self);
  return err;
}
