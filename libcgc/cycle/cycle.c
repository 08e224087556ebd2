/* SPDX-License-Identifier: MIT */
#include "cycle/cycle.h"
#include "cycle/trimmer.h"

#include "base/option.h"
#include "heap/meta.h"
#include "mark/toggle.h"
#include "os/cgroup.h"
#include "os/processor.h"
#include "os/regs.h"
#include "os/thread.h"
#include "world/mutator.h"
#include "world/stop.h"

#include <errno.h>

enum {
  STACK_BYTES = 256 << 10,
  MALLOC_MINIMUM = 32 << 20,
  FIRST_LOOK = 16 << 20,  /* in use: smaller processes read no file */
  LIMIT_INVERSE = 8,      /* of a container's limit, for all but the heap */
  MUCH_GARBAGE = 32 << 20 /* worth a thread that gives it back */
};

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
  struct cgc_beside beside;
  struct cgc_cgroup cgroup;
  char stack[STACK_BYTES] CGC_ALIGNED(64);
};

static struct {
  struct cgc_lock lock;
  enum cgc_root_scope scope; /* a word; read when a cycle begins */
  _Atomic uint64_t number;   /* cycles finished */
  _Atomic uint64_t nsteps;   /* taken, of cycles beside the program */
  _Atomic bool all_wait;     /* for the step that another thread takes */
  _Atomic int disabled;      /* nesting depth */
  struct cgc_pacer pacer;    /* guard: lock */
  size_t looked_bytes;       /* in use at the last look for a container's
                                limit; guard: lock */
  uint64_t cpu_ns;           /* of the process, after the last cycle; guard:
                                lock */
  struct workplace *place;   /* guard: lock */
} cycle = {.lock = {.rank = CGC_RANK_CYCLE, .wakes_all = true}};

const void *const cgc_cycle_view[1] = {&cycle.scope};

static void set_trigger(size_t bytes) {
  atomic_store_explicit(&cgc_cycle_trigger_bytes, bytes, memory_order_relaxed);
}

/* The first trigger comes early, and is there for a look at the limit only. */
static void publish_trigger(void) {
  size_t bytes = cycle.pacer.trigger_bytes;
  set_trigger(cycle.looked_bytes || bytes == SIZE_MAX
                  ? bytes
                  : cgc_min(bytes, FIRST_LOOK));
}

/*
 * A program whose malloc is replaced frees what it needs no more, so there is
 * little to find while it is small, and all its mappings to look through.
 */
static size_t minimum(enum cgc_root_scope scope) {
  if (cgc_options.trigger == 0 && scope == CGC_ROOTS_ALL_MAPPINGS)
    return MALLOC_MINIMUM;
  return (size_t)cgc_options.trigger;
}

bool cgc_cycle_init(enum cgc_root_scope scope) {
  cgc_lock_register(&cycle.lock);
  cycle.scope = scope;
  cgc_heap.arena.sticky =
      cgc_options.generational && cgc_options.mode != CGC_MODE_STW;
  cgc_pacer_init(&cycle.pacer, (uint64_t)cgc_options.percent, minimum(scope),
                 (size_t)cgc_options.memory_limit);
  publish_trigger();
  return true;
}

void cgc_cycle_fork_child(void) {
  cgc_background_fork_child(&cgc_trimmer.background);
  if (cycle.place)
    cgc_beside_fork_child(&cycle.place->beside);
  publish_trigger();
  atomic_store_explicit(&cycle.all_wait, false, memory_order_relaxed);
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

void cgc_cycle_set_scope(enum cgc_root_scope scope) { cycle.scope = scope; }

void cgc_cycle_set_room(size_t bytes) {
  cgc_pacer_set_room(&cycle.pacer, bytes, cgc_cycle_counters.last.live_bytes);
  publish_trigger();
}

void cgc_cycle_set_steady(void) { cgc_pacer_set_steady(&cycle.pacer); }

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

/* The world stands, nothing is marked; a cycle that ran beside is given up. */
static int start(struct cgc_work *w) {
  struct cgc_beside *beside = &cycle.place->beside;
  cgc_beside_cut_short(beside);
  cgc_phase_enter(CGC_PHASE_START);
  cgc_heap_sweep_all(&cgc_heap);
  int err = cgc_phase_try_stop_world(w);
  if (err)
    return err;
  if (beside->cut)
    cgc_beside_clean_up(beside);
  cgc_phase_start(w);
  return 0;
}

/* A cycle from its beginning to its end, while the world stands. */
static int run_phases(struct cgc_work *w) {
  int err = start(w);
  if (err)
    return err;
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
  struct cgc_work *work; /* NULL: a step of the cycle beside */
  int result;
};

static void run_on_own_stack(uintptr_t sp, void *ctx) {
  struct run *run = ctx;
  cgc_self->sp = sp;
  run->result =
      run->work ? run_phases(run->work) : cgc_beside_step(&cycle.place->beside);
}

static int run(struct cgc_work *work) {
  struct run run = {work, 0};
  cgc_regs_call(run_on_own_stack, &run, cycle.place->stack + STACK_BYTES);
  return run.result;
}

static void count(const struct cgc_cycle_report *r) {
  struct cgc_cycle_counters *c = &cgc_cycle_counters;
  c->ncycles++;
  c->pause_ns += r->pause_ns;
  c->cpu_ns += r->cpu_ns;
  c->longest_ns = cgc_max(c->longest_ns, r->longest.ns);
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
  cgc_pacer_set_cache(&cycle.pacer, cgc_processor_cache_bytes());
  cgc_stop_spare(&place->beside.background.tid);
  return true;
}

/* Nothing was reclaimed. */
static int fail(int err) {
  cgc_pacer_put_off(&cycle.pacer, cgc_heap_in_use(&cgc_heap));
  publish_trigger();
  return err;
}

static int finish(struct cgc_cycle_report *report) {
  uint64_t cpu_ns = cgc_thread_process_cpu_ns();
  uint64_t spent_ns = cpu_ns - cycle.cpu_ns;
  cycle.cpu_ns = cpu_ns;
  cgc_pacer_set_cost(&cycle.pacer, report->cpu_ns,
                     spent_ns - cgc_min(spent_ns, report->cpu_ns),
                     report->live_bytes);
  publish_trigger();
  report->number = cgc_cycle_counters.ncycles + 1;
  report->heap_bytes = cgc_arena_bytes(&cgc_heap.arena);
  report->trigger_bytes = cycle.pacer.trigger_bytes;
  count(report);
  if (report->before_bytes > report->live_bytes + MUCH_GARBAGE)
    cgc_trimmer_start(&cgc_trimmer, &cgc_heap);
  atomic_fetch_add_explicit(&cycle.number, 1, memory_order_relaxed);
  if (cgc_cycle_finished_hook)
    cgc_cycle_finished_hook(report);
  return 0;
}

/* Twice what the last cycle found; most of a full nursery is dead. */
static size_t expected_bytes(void) {
  size_t live = cgc_cycle_counters.last.live_bytes;
  return cgc_cycle_counters.ncycles ? live * 2 : SIZE_MAX;
}

static struct cgc_work new_work(void) {
  return (struct cgc_work){.scope = cycle.scope,
                           .workers = &cycle.place->workers,
                           .expected_bytes = expected_bytes()};
}

static int run_stopped(enum cgc_cycle_reason reason) {
  struct cgc_cycle_report report = {
      .reason = reason,
      .began_ns = cgc_thread_now_ns(),
  };
  struct cgc_work work = new_work();
  work.report = &report;
  cgc_toggle_ask();
  int err = run(&work);
  return err ? fail(err) : finish(&report);
}

/* ---- Beside the program ----------------------------------------------- */

static bool runs_beside(enum cgc_cycle_reason reason) {
  return cgc_options.mode != CGC_MODE_STW &&
         (reason == CGC_CYCLE_TRIGGER || reason == CGC_CYCLE_STRESS);
}

static void count_step(const struct cgc_beside *beside) {
  atomic_fetch_add_explicit(&cycle.nsteps, 1, memory_order_relaxed);
  atomic_store_explicit(&cycle.all_wait, cgc_beside_wants_all(beside),
                        memory_order_relaxed);
}

static int end_beside(struct cgc_beside *beside) {
  struct cgc_cycle_report *r = &beside->report;
  cgc_pacer_set_runway(&cycle.pacer, beside->born_bytes);
  if (!r->young)
    cgc_pacer_set_full(&cycle.pacer, r->live_bytes);
  pace(r);
  return finish(r);
}

/* The next step, of a new cycle if none is on. */
static int step_beside(enum cgc_cycle_reason reason) {
  struct cgc_beside *beside = &cycle.place->beside;
  struct cgc_work work = new_work();
  bool threaded = cgc_options.mode == CGC_MODE_CONCURRENT;
  if (!cgc_beside_is_on(beside) &&
      cgc_beside_begin(beside, &work, reason, threaded,
                       !cgc_pacer_wants_full(&cycle.pacer)) != 0)
    return run_stopped(reason);
  int result = run(NULL);
  count_step(beside);
  if (result == 0)
    return end_beside(beside);
  if (result < 0)
    return fail(result);
  set_trigger(cgc_heap_in_use(&cgc_heap) + cgc_beside_step_bytes(beside));
  return 0;
}

/* ---- The contract ----------------------------------------------------- */

/* What the user says and what the container allows, whichever is less. */
static size_t limit(void) {
  size_t own = (size_t)cgc_options.memory_limit;
  size_t its = cgc_cgroup_memory_limit(
      &cycle.place->cgroup, "/proc/thread-self/cgroup", "/sys/fs/cgroup");
  its -= its / LIMIT_INVERSE;
  return own == 0 || its == 0 ? cgc_max(own, its) : cgc_min(own, its);
}

/*
 * A container's limit is read when there is something to limit, and again
 * whenever the heap has doubled.
 * returns  whether the trigger is still reached
 */
static bool is_due_within_limit(void) {
  size_t in_use = cgc_heap_in_use(&cgc_heap);
  if (in_use / 2 >= cycle.looked_bytes) {
    cycle.looked_bytes = cgc_max(in_use, 1);
    cgc_pacer_set_limit(&cycle.pacer, limit(),
                        cgc_cycle_counters.last.live_bytes);
    publish_trigger();
  }
  return cgc_cycle_due();
}

static int run_cycle(enum cgc_cycle_reason reason) {
  if (!cycle.place && !make_place())
    return -ENOMEM;
  if (reason == CGC_CYCLE_TRIGGER && !is_due_within_limit())
    return 0;
  return runs_beside(reason) ? step_beside(reason) : run_stopped(reason);
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
  struct cgc_work work = new_work();
  work.report = &report;
  cgc_self->sp = sp;
  survey->result = start(&work);
  if (survey->result)
    return;
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
 * not busy, since its holder wants to stop it.  A step that somebody else takes
 * need not be waited for.
 */
static bool lock_cycle(struct cgc_mutator *self, bool wait) {
  for (;;) {
    if (!cgc_mutator_enter(self))
      return false;
    if (cgc_trylock(&cycle.lock)) {
      cgc_trimmer_end(&cgc_trimmer);
      return true;
    }
    cgc_mutator_leave(self);
    if (!wait)
      return false;
    cgc_mutator_heed(self);
    cgc_lock_await(&cycle.lock);
  }
}

/*
 * The same before all others, and not for ever: under a debugger threads that
 * collect all the time are slow, and the user waits.
 */
static int lock_cycle_by(struct cgc_mutator *self, uint64_t deadline_ns) {
  int err = 0;
  cgc_lock_want_all(true);
  for (;;) {
    if (!cgc_mutator_enter(self)) {
      err = -EBUSY;
      break;
    }
    if (cgc_trylock_wanted(&cycle.lock))
      break;
    cgc_mutator_leave(self);
    if (cgc_thread_now_ns() > deadline_ns) {
      err = -ETIMEDOUT;
      break;
    }
    cgc_thread_yield();
  }
  cgc_lock_want_all(false);
  return err;
}

static void unlock_cycle(struct cgc_mutator *self) {
  if (!cycle.place || !cgc_beside_is_on(&cycle.place->beside))
    cgc_phase_enter(CGC_PHASE_IDLE);
  cgc_unlock(&cycle.lock);
  cgc_mutator_leave(self);
}

/* A vfork child runs on its parent's record, but is another thread. */
static bool is_own_thread(const struct cgc_mutator *self) {
  return self->tid == cgc_thread_tid();
}

/* What another thread does while one waits for the lock. */
struct progress {
  uint64_t cycles, steps;
};

static struct progress progress(void) {
  return (struct progress){
      atomic_load_explicit(&cycle.number, memory_order_relaxed),
      atomic_load_explicit(&cycle.nsteps, memory_order_relaxed)};
}

static bool is_enough(const struct progress *before,
                      enum cgc_cycle_reason reason) {
  struct progress now = progress();
  return reason != CGC_CYCLE_ASKED &&
         (now.cycles != before->cycles ||
          (now.steps != before->steps && runs_beside(reason)));
}

static bool must_wait(enum cgc_cycle_reason reason) {
  return !runs_beside(reason) ||
         atomic_load_explicit(&cycle.all_wait, memory_order_relaxed);
}

int cgc_cycle_collect(enum cgc_cycle_reason reason) {
  struct progress before = progress();
  struct cgc_mutator *self = cgc_self;
  int err = 0;
  if (cgc_cycle_is_disabled() ||
      (cgc_cycle_wanted_hook && !cgc_cycle_wanted_hook(reason)))
    return -EAGAIN;
  if (!self || !is_own_thread(self) || !lock_cycle(self, must_wait(reason)))
    return -EBUSY;
  if (!is_enough(&before, reason))
    err = run_cycle(reason);
  unlock_cycle(self);
  return err;
}

int cgc_cycle_collect_by(uint64_t deadline_ns) {
  struct cgc_mutator *self = cgc_self;
  if (cgc_cycle_is_disabled())
    return -EAGAIN;
  if (!self || !is_own_thread(self))
    return -EBUSY;
  int err = lock_cycle_by(self, deadline_ns);
  if (err)
    return err;
  err = run_cycle(CGC_CYCLE_ASKED);
  unlock_cycle(self);
  return err;
}

/* Whoever has the lock ends it, and knows best whether it is wanted. */
void cgc_cycle_trim(void) {
  struct cgc_mutator *self = cgc_self;
  if (!self || !is_own_thread(self) || !cgc_mutator_enter(self))
    return;
  if (cgc_trylock(&cycle.lock)) {
    if (!cgc_heap.pageheap.held) /* no cycle is on beside the program */
      cgc_trimmer_start(&cgc_trimmer, &cgc_heap);
    cgc_unlock(&cycle.lock);
  }
  cgc_mutator_leave(self);
}

int cgc_cycle_survey(cgc_survey_fn fn, void *ctx) {
  struct survey survey = {fn, ctx, 0};
  struct cgc_mutator *self = cgc_self;
  if (!self || !is_own_thread(self) || !lock_cycle(self, true))
    return -EBUSY;
  int err = run_survey(&survey);
  publish_trigger();
  cgc_phase_enter(CGC_PHASE_IDLE);
  cgc_unlock(&cycle.lock);
  cgc_mutator_leave(self);
  return err;
}
