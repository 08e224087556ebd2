/* SPDX-License-Identifier: MIT */
#include "cycle/beside.h"

#include "base/log.h"
#include "base/option.h"
#include "mark/audit.h"
#include "mark/toggle.h"
#include "os/thread.h"

#include <errno.h>

enum {
  SWEEP_SPANS = 256,       /* swept in one step: about 50 us */
  CHUNK_PAGES = 2048,      /* armed or prepared in one slice: 16 MiB */
  PIECES = 64,             /* drained in one slice: 5 us, a list 500 */
  ROUNDS = 4,              /* of visits to written pages, at most ... */
  PAGES_FEW = 64,          /* ... or until so few are found */
  GROWTH_MIN = 64 << 20,   /* bytes allocated before patience ends, at least */
  THREAD_SLICE_NS = 200000 /* between two looks at whether to go on */
};

/* ---- Slices: bounded work, beside the program ------------------------- */

static size_t next_chunk(struct cgc_beside *b) {
  size_t first = b->at;
  b->at = cgc_min(first + CHUNK_PAGES, b->end);
  return first;
}

static bool arm_slice(struct cgc_beside *b) {
  size_t first = next_chunk(b);
  cgc_barrier_arm(&b->barrier, first, b->at);
  return b->at == b->end;
}

static bool prepare_slice(struct cgc_beside *b) {
  size_t first = next_chunk(b);
  cgc_heap_prepare_some(&cgc_heap, first, b->at);
  return b->at == b->end;
}

static void begin_round(struct cgc_beside *b) {
  b->at = 0;
  b->end = cgc_arena_pages(&cgc_heap.arena);
  b->nfound = 0;
}

static bool mark_slice(struct cgc_beside *b) {
  if (!cgc_marker_drain_some(b->work.marker, PIECES))
    return false;
  if (b->at < b->end) {
    size_t first = next_chunk(b);
    b->nfound += cgc_barrier_clean(&b->barrier, b->work.marker, first, b->at);
    return false;
  }
  if (++b->round == ROUNDS || b->nfound <= PAGES_FEW)
    return true;
  begin_round(b);
  return false;
}

static bool slice(struct cgc_beside *b) {
  switch (b->stage) {
  case CGC_BESIDE_ARMING:
    return arm_slice(b);
  case CGC_BESIDE_PREPARING:
    return prepare_slice(b);
  case CGC_BESIDE_MARKING:
    return mark_slice(b);
  case CGC_BESIDE_OFF:
  case CGC_BESIDE_SWEEPING:
    break;
  }
  return true;
}

static bool slices_until(struct cgc_beside *b, uint64_t deadline_ns) {
  while (!slice(b))
    if (cgc_thread_now_ns() >= deadline_ns)
      return false;
  return true;
}

static void set_over(struct cgc_beside *b, bool over) {
  /* Release: pairs with is_over's acquire. */
  atomic_store_explicit(&b->over, over, memory_order_release);
}

static bool is_over(const struct cgc_beside *b) {
  return atomic_load_explicit(&b->over, memory_order_acquire);
}

static void slices_in_background(void *arg) {
  struct cgc_beside *b = arg;
  while (cgc_background_is_wanted(&b->background))
    if (slices_until(b, cgc_thread_now_ns() + THREAD_SLICE_NS)) {
      set_over(b, true);
      break;
    }
}

/* ---- Stages ------------------------------------------------------------ */

/* Without a thread to give, the steps do it themselves. */
static void enter(struct cgc_beside *b, enum cgc_beside_stage stage) {
  cgc_background_end(&b->background);
  b->report.cpu_ns += b->background.cpu_ns;
  b->background.cpu_ns = 0;
  b->stage = stage;
  b->at = 0;
  b->end = cgc_arena_pages(&cgc_heap.arena);
  set_over(b, false);
  if (b->threaded && stage >= CGC_BESIDE_ARMING)
    b->threaded = cgc_background_start(&b->background, slices_in_background, b);
}

static uint64_t grown_bytes(void) {
  return atomic_load_explicit(&cgc_heap.grown_bytes, memory_order_relaxed);
}

static void stop_to_hold(struct cgc_beside *b) {
  cgc_phase_stop_world(&b->work);
  if (b->cut)
    cgc_beside_clean_up(b);
  cgc_heap_hold(&cgc_heap);
  cgc_phase_start_world(&b->work);
  enter(b, CGC_BESIDE_ARMING);
}

static int stop_for_roots(struct cgc_beside *b) {
  cgc_phase_stop_world(&b->work);
  int err = cgc_phase_first_roots(&b->work);
  cgc_phase_start_world(&b->work);
  b->round = 0;
  b->nfound = 0;
  enter(b, CGC_BESIDE_MARKING);
  return err;
}

/* ---- Remark ------------------------------------------------------------ */

/* I2.  The counts of the marking that is judged stay. */
static void audit(struct cgc_beside *b) {
  struct cgc_audit audit;
  struct cgc_marker *m = b->work.marker;
  uint64_t bytes = m->marked_bytes, objects = m->marked_objects;
  if (!cgc_options.verify || !cgc_audit_begin(&audit, &cgc_heap))
    return;
  cgc_workers_open(b->work.workers, &cgc_heap, 0);
  cgc_phase_roots(&b->work);
  cgc_marker_scan_pinned(m);
  cgc_marker_drain(m);
  uintptr_t lost = cgc_audit_end(&audit);
  if (lost)
    cgc_fatal("a cycle beside the program lost the object at %p", (void *)lost);
  m->marked_bytes = bytes;
  m->marked_objects = objects;
}

/* What was allocated since the marks were prepared is born marked. */
static size_t live_bytes(struct cgc_beside *b) {
  b->born_bytes = (size_t)(grown_bytes() - b->grown_bytes);
  return cgc_min(b->report.before_bytes,
                 (size_t)b->work.marker->marked_bytes + b->born_bytes);
}

static int remark(struct cgc_beside *b) {
  cgc_phase_enter(CGC_PHASE_REMARK);
  cgc_phase_flush();
  b->report.before_bytes = cgc_heap_in_use(&cgc_heap);
  int err = cgc_phase_roots(&b->work);
  cgc_marker_scan_pinned(b->work.marker);
  cgc_barrier_finish(&b->barrier, b->work.marker);
  cgc_marker_drain(b->work.marker);
  b->report.rescanned = b->barrier.npages;
  if (err)
    return err;
  audit(b);
  cgc_phase_weak(&b->work);
  cgc_heap_release(&cgc_heap);
  cgc_phase_flip(&b->work, live_bytes(b));
  return 0;
}

static int stop_to_remark(struct cgc_beside *b) {
  enter(b, CGC_BESIDE_OFF);
  cgc_toggle_ask();
  cgc_phase_stop_world(&b->work);
  int err = remark(b);
  if (err)
    cgc_beside_clean_up(b);
  else
    cgc_phase_enter(CGC_PHASE_SWEEP);
  cgc_phase_start_world(&b->work);
  return err;
}

/* ---- The contract ------------------------------------------------------ */

static bool must_stand_still(void) {
  return cgc_heap_kinds(&cgc_heap) > CGC_KIND_DESCRIBED;
}

int cgc_beside_begin(struct cgc_beside *b, const struct cgc_work *work,
                     enum cgc_cycle_reason reason, bool threaded) {
  size_t in_use = cgc_heap_in_use(&cgc_heap);
  cgc_check(!cgc_beside_is_on(b));
  if (must_stand_still() || cgc_barrier_open(&b->barrier, &cgc_heap) != 0)
    return -ENOSYS;
  b->report = (struct cgc_cycle_report){.reason = reason,
                                        .began_ns = cgc_thread_now_ns()};
  b->work = *work;
  b->work.report = &b->report;
  b->threaded = threaded;
  b->grown_bytes = grown_bytes();
  b->limit_bytes = in_use + cgc_max(in_use, GROWTH_MIN);
  cgc_phase_enter(CGC_PHASE_START);
  enter(b, CGC_BESIDE_SWEEPING);
  return 0;
}

/* Slices by this step, or a look at how far the thread is. */
static bool stage_is_over(struct cgc_beside *b) {
  uint64_t began = cgc_thread_cpu_ns();
  bool hurry = cgc_heap_in_use(&cgc_heap) > b->limit_bytes;
  uint64_t target = hurry ? UINT64_MAX / 2 : (uint64_t)cgc_options.pause_target;
  if (hurry)
    cgc_background_end(&b->background);
  if (cgc_background_runs(&b->background))
    return false;
  if (!is_over(b))
    set_over(b, slices_until(b, cgc_thread_now_ns() + target));
  b->report.cpu_ns += cgc_thread_cpu_ns() - began;
  return is_over(b);
}

int cgc_beside_step(struct cgc_beside *b) {
  int err = 0;
  switch (b->stage) {
  case CGC_BESIDE_SWEEPING:
    if (!cgc_heap_sweep_spans(&cgc_heap, SWEEP_SPANS))
      stop_to_hold(b);
    break;
  case CGC_BESIDE_ARMING:
    if (stage_is_over(b))
      enter(b, CGC_BESIDE_PREPARING);
    break;
  case CGC_BESIDE_PREPARING:
    if (stage_is_over(b))
      err = stop_for_roots(b);
    break;
  case CGC_BESIDE_MARKING:
    if (stage_is_over(b))
      return stop_to_remark(b);
    break;
  case CGC_BESIDE_OFF:
    return 0;
  }
  if (!err)
    return 1;
  cgc_beside_cut_short(b);
  return err;
}

void cgc_beside_cut_short(struct cgc_beside *b) {
  if (!cgc_beside_is_on(b))
    return;
  enter(b, CGC_BESIDE_OFF);
  b->cut = true;
}

void cgc_beside_clean_up(struct cgc_beside *b) {
  if (b->work.workers)
    cgc_pool_clear(&b->work.workers->pool);
  cgc_heap_release(&cgc_heap);
  b->cut = false;
}

void cgc_beside_fork_child(struct cgc_beside *b) {
  cgc_background_fork_child(&b->background);
  cgc_barrier_close(&b->barrier);
  if (cgc_beside_is_on(b) || b->cut)
    cgc_beside_clean_up(b);
  b->stage = CGC_BESIDE_OFF;
}
