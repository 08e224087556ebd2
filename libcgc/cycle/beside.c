/* SPDX-License-Identifier: MIT */
#include "cycle/beside.h"

#include "base/log.h"
#include "base/option.h"
#include "mark/audit.h"
#include "mark/toggle.h"
#include "os/thread.h"

#include <errno.h>

enum {
  STEP_BYTES = 64 << 10, /* allocated between two steps */
  SWEEP_SPANS = 256,     /* swept in one step: about 50 us */
  CHUNK_PAGES = 2048,    /* armed or prepared in one slice: 16 MiB */
  PIECES = 64,           /* drained in one slice: 5 us, a list 500 */
  PAGES = 64,            /* written ones visited in one slice: 100 us */
  ROUNDS = 6,            /* of visits to written pages by the thread, ... */
  SHRINK = 4,            /* ... that find less by a 4th than the one before */
  FINISHES = 8,   /* rounds by the steps, until the world stands for all */
  PAGES_MIN = 64, /* written ones are few, whatever they cost */
  PAGES_MAX = 4096,
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

static bool disarm_slice(struct cgc_beside *b) {
  size_t first = next_chunk(b);
  cgc_barrier_disarm(&b->barrier, first, b->at);
  return b->at == b->end;
}

static bool prepare_slice(struct cgc_beside *b) {
  size_t first = next_chunk(b);
  cgc_heap_whiten_some(&cgc_heap, first, b->at);
  return b->at == b->end;
}

/* Written pages that a remark can visit within the pause target. */
static size_t pages_in_target(const struct cgc_beside *b) {
  uint64_t target = (uint64_t)cgc_options.pause_target;
  size_t n = (size_t)(target / cgc_max(cgc_barrier_page_ns(&b->barrier), 1));
  return cgc_min(cgc_max(n, PAGES_MIN), PAGES_MAX);
}

/* What it visits at the most: there is no use in less than rounds come to. */
static size_t pages_in_remark(const struct cgc_beside *b) {
  size_t left = (size_t)cgc_min(b->barrier.nround, PAGES_MAX / 2) * 2;
  return cgc_max(pages_in_target(b), left);
}

/* The first visit of the cycle tells which blocks to arm in the next ones. */
static void rewind_round(struct cgc_beside *b) {
  cgc_barrier_rewind(&b->barrier, b->report.nrounds == 0 && !b->young);
}

static void begin_rounds(struct cgc_beside *b, bool counts) {
  b->counts = counts;
  b->nfound = UINT64_MAX;
  b->round = 0;
  rewind_round(b);
}

static void begin_round(struct cgc_beside *b) {
  b->counts = b->stage == CGC_BESIDE_MARKING;
  b->nfound = b->barrier.nround;
  rewind_round(b);
}

/*
 * Another round pays while each finds less than the one before.  Those of the
 * steps find less and less: the program, which takes the steps, cannot write
 * more pages than they visit, until what a round costs at least is left.
 */
static bool rounds_are_over(const struct cgc_beside *b) {
  uint64_t found = b->barrier.nround;
  return found <= pages_in_target(b) / 2 || b->round >= ROUNDS ||
         found > b->nfound - b->nfound / SHRINK;
}

/*
 * Whether a round by the thread pays, to which the program need not wait: it
 * leaves what is written as long as it takes.  The pages to visit were written
 * in the time since the last round began, so that much has to be shorter.
 */
static bool round_pays(const struct cgc_beside *b) {
  uint64_t since_ns = cgc_thread_now_ns() - b->since_ns;
  uint64_t ns = b->barrier.nround * cgc_barrier_page_ns(&b->barrier);
  return b->threaded && ns < since_ns / 8;
}

static bool count_slice(struct cgc_beside *b) {
  if (!cgc_barrier_count(&b->barrier, b->work.marker))
    return false;
  if (!round_pays(b))
    return true;
  b->counts = false;
  b->since_ns = cgc_thread_now_ns();
  rewind_round(b);
  return false;
}

static bool visit_slice(struct cgc_beside *b) {
  if (b->counts)
    return count_slice(b);
  if (!cgc_barrier_clean(&b->barrier, b->work.marker, PAGES))
    return false;
  b->round++;
  b->report.nrounds++;
  if (rounds_are_over(b))
    return true;
  begin_round(b);
  return false;
}

static bool mark_slice(struct cgc_beside *b) {
  if (!cgc_marker_drain_some(b->work.marker, PIECES))
    return false;
  if (b->at == b->end)
    return visit_slice(b);
  size_t first = next_chunk(b);
  cgc_marker_queue_pinned(b->work.marker, first, b->at);
  return false;
}

static bool slice(struct cgc_beside *b) {
  switch (b->stage) {
  case CGC_BESIDE_ARMING:
    return arm_slice(b);
  case CGC_BESIDE_PREPARING:
    return prepare_slice(b);
  case CGC_BESIDE_MARKING:
  case CGC_BESIDE_FINISHING:
    return mark_slice(b);
  case CGC_BESIDE_DISARMING:
    return disarm_slice(b);
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

/* Without a thread to give, the steps do it themselves.  They do what is left
 * at the end, so that the program cannot run away from it. */
static void enter(struct cgc_beside *b, enum cgc_beside_stage stage) {
  cgc_background_end(&b->background);
  b->report.cpu_ns += b->background.cpu_ns;
  b->background.cpu_ns = 0;
  b->stage = stage;
  b->at = 0;
  b->end = cgc_arena_pages(&cgc_heap.arena);
  set_over(b, false);
  if (b->threaded && CGC_BESIDE_ARMING <= stage && stage <= CGC_BESIDE_MARKING)
    b->threaded = cgc_background_start(&b->background, slices_in_background, b);
}

static uint64_t grown_bytes(void) {
  return atomic_load_explicit(&cgc_heap.grown_bytes, memory_order_relaxed);
}

static void begin_finishing(struct cgc_beside *b) {
  begin_rounds(b, false);
  enter(b, CGC_BESIDE_FINISHING);
  b->at = b->end; /* pinned objects are scanned */
}

/* returns  0, or -errno of the roots */
static int stop_for_roots(struct cgc_beside *b) {
  cgc_phase_stop_world(&b->work);
  int err = cgc_phase_first_roots(&b->work);
  cgc_phase_start_world(&b->work);
  begin_rounds(b, true);
  enter(b, CGC_BESIDE_MARKING);
  return err;
}

/* Of a young cycle the marks are there, and the record of what was written. */
static int stop_to_hold(struct cgc_beside *b) {
  cgc_phase_stop_world(&b->work);
  if (b->cut)
    cgc_beside_clean_up(b);
  cgc_heap_hold(&cgc_heap);
  cgc_phase_start_world(&b->work);
  if (b->young)
    return stop_for_roots(b);
  b->since_ns = cgc_thread_now_ns();
  enter(b, CGC_BESIDE_ARMING);
  return 0;
}

/* The program allocates faster than the thread marks: the steps mark, too.  It
 * does so still: it has to wait. */
static bool is_pressed(const struct cgc_beside *b) {
  return cgc_heap_in_use(&cgc_heap) > b->limit_bytes;
}

static bool is_hard_pressed(const struct cgc_beside *b) {
  return cgc_heap_in_use(&cgc_heap) / 2 > b->limit_bytes;
}

/* ---- Remark ------------------------------------------------------------ */

/*
 * I2.  The counts of the marking that is judged stay.  Distances are left out:
 * a number that was looked at may name what was allocated since, which an
 * address seldom does.
 */
static void audit(struct cgc_beside *b) {
  struct cgc_audit audit;
  struct cgc_marker *m = b->work.marker;
  uint64_t bytes = m->marked_bytes, objects = m->marked_objects;
  if (!cgc_options.verify || !cgc_audit_begin(&audit, &cgc_heap))
    return;
  cgc_workers_open(b->work.workers, &cgc_heap, 0);
  m->relative = false;
  cgc_phase_roots(&b->work);
  cgc_marker_scan_pinned(m);
  cgc_marker_drain(m);
  uintptr_t lost = cgc_audit_end(&audit);
  if (lost)
    cgc_fatal("a cycle beside the program lost the object at %p", (void *)lost);
  m->marked_bytes = bytes;
  m->marked_objects = objects;
}

/* A young cycle does not count what the ones before it have marked. */
static size_t live_bytes(struct cgc_beside *b) {
  size_t old = b->young ? b->live_bytes : 0;
  b->born_bytes = (size_t)(grown_bytes() - b->grown_bytes);
  return cgc_min(b->report.before_bytes,
                 old + (size_t)b->work.marker->marked_bytes);
}

static uint64_t deadline_of(const struct cgc_beside *b) {
  return b->work.stood_ns + (uint64_t)cgc_options.pause_target;
}

/* returns  whether nothing is left */
static bool drain_until(struct cgc_marker *m, uint64_t deadline_ns) {
  while (!cgc_marker_drain_some(m, PIECES))
    if (cgc_thread_now_ns() > deadline_ns)
      return false;
  return true;
}

/*
 * Roots, pages written since, and what they lead to.  In time, or the world
 * goes on and comes back to it; what was marked stays marked.
 * returns  1: there is too much left; 0, or -errno of the roots
 */
static int remark(struct cgc_beside *b, bool in_time) {
  struct cgc_marker *m = b->work.marker;
  size_t max = in_time ? pages_in_remark(b) : 0;
  cgc_marker_extend(m);
  bool done = cgc_barrier_finish(&b->barrier, m, max);
  cgc_phase_lap(&b->work, CGC_PART_WRITTEN);
  if (!done)
    return 1;
  cgc_phase_flush();
  cgc_phase_lap(&b->work, CGC_PART_FLUSH);
  int err = cgc_phase_roots(&b->work);
  if (err)
    return err;
  done = drain_until(m, in_time ? deadline_of(b) : UINT64_MAX);
  cgc_phase_lap(&b->work, CGC_PART_MARK);
  return !done;
}

static void reclaim(struct cgc_beside *b) {
  b->report.before_bytes = cgc_heap_in_use(&cgc_heap);
  b->report.rescanned = b->barrier.npages;
  audit(b);
  cgc_phase_weak(&b->work);
  cgc_heap_release(&cgc_heap);
  b->live_bytes = live_bytes(b);
  cgc_phase_flip(&b->work, b->live_bytes);
  cgc_phase_enter(CGC_PHASE_SWEEP);
  b->remembers = cgc_heap.arena.sticky;
  b->since_ns = cgc_thread_now_ns();
}

/* returns  as remark */
static int stop_to_remark(struct cgc_beside *b) {
  bool in_time = b->ntries++ < FINISHES && !is_hard_pressed(b);
  b->report.all_at_once = !in_time;
  cgc_toggle_ask();
  cgc_phase_stop_world(&b->work);
  cgc_phase_enter(CGC_PHASE_REMARK);
  int result = remark(b, in_time);
  if (result == 0) {
    reclaim(b);
    enter(b, CGC_BESIDE_DISARMING);
  } else if (result > 0) {
    cgc_phase_enter(CGC_PHASE_MARK);
    begin_finishing(b);
  }
  cgc_phase_start_world(&b->work);
  return result;
}

/* ---- The contract ------------------------------------------------------ */

static bool must_stand_still(void) {
  return cgc_heap_kinds(&cgc_heap) > CGC_KIND_DESCRIBED;
}

int cgc_beside_begin(struct cgc_beside *b, const struct cgc_work *work,
                     enum cgc_cycle_reason reason, bool threaded, bool young) {
  size_t in_use = cgc_heap_in_use(&cgc_heap);
  cgc_check(!cgc_beside_is_on(b));
  if (must_stand_still() || cgc_barrier_open(&b->barrier, &cgc_heap) != 0)
    return -ENOSYS;
  b->report = (struct cgc_cycle_report){.reason = reason,
                                        .began_ns = cgc_thread_now_ns()};
  b->work = *work;
  b->work.report = &b->report;
  b->threaded = threaded;
  b->young = b->report.young = young && b->remembers;
  b->remembers = false;
  b->grown_bytes = grown_bytes();
  b->limit_bytes = in_use + cgc_max(in_use, GROWTH_MIN);
  b->ntries = 0;
  cgc_phase_enter(CGC_PHASE_START);
  enter(b, CGC_BESIDE_SWEEPING);
  return 0;
}

/* Slices by this step, or a look at how far the thread is. */
static bool stage_is_over(struct cgc_beside *b) {
  uint64_t began = cgc_thread_cpu_ns();
  if (is_pressed(b))
    cgc_background_end(&b->background);
  if (cgc_background_runs(&b->background))
    return false;
  if (!is_over(b)) {
    uint64_t target = (uint64_t)cgc_options.pause_target;
    uint64_t now = cgc_thread_now_ns();
    set_over(b,
             slices_until(b, is_hard_pressed(b) ? UINT64_MAX : now + target));
    b->report.slice_ns = cgc_max(b->report.slice_ns, cgc_thread_now_ns() - now);
  }
  b->report.cpu_ns += cgc_thread_cpu_ns() - began;
  return is_over(b);
}

int cgc_beside_step(struct cgc_beside *b) {
  int err = 0;
  switch (b->stage) {
  case CGC_BESIDE_SWEEPING:
    if (!cgc_heap_sweep_spans(&cgc_heap, SWEEP_SPANS))
      err = stop_to_hold(b);
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
      begin_finishing(b);
    break;
  case CGC_BESIDE_FINISHING:
    if (stage_is_over(b))
      err = stop_to_remark(b);
    break;
  case CGC_BESIDE_DISARMING:
    if (b->remembers || stage_is_over(b))
      enter(b, CGC_BESIDE_OFF);
    if (!cgc_beside_is_on(b))
      return 0;
    break;
  case CGC_BESIDE_OFF:
    return 0;
  }
  if (err >= 0)
    return 1;
  cgc_beside_cut_short(b);
  return err;
}

/* A round over a heap takes some steps even where nothing was written; what the
 * program writes meanwhile is left for the remark. */
size_t cgc_beside_step_bytes(const struct cgc_beside *b) {
  if (b->stage != CGC_BESIDE_FINISHING)
    return STEP_BYTES;
  return b->nfound > PAGES_MAX ? STEP_BYTES / 4 : STEP_BYTES / 16;
}

bool cgc_beside_wants_all(const struct cgc_beside *b) {
  return b->stage == CGC_BESIDE_FINISHING ||
         (cgc_beside_is_on(b) && is_pressed(b));
}

void cgc_beside_cut_short(struct cgc_beside *b) {
  b->remembers = false;
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
  b->remembers = false;
  cgc_barrier_close(&b->barrier);
  if (cgc_beside_is_on(b) || b->cut)
    cgc_beside_clean_up(b);
  b->stage = CGC_BESIDE_OFF;
}
