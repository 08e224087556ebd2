/* SPDX-License-Identifier: MIT */
#include "cycle/phase.h"

#include "base/option.h"
#include "heap/verify.h"
#include "mark/bias.h"
#include "mark/disclaim.h"
#include "mark/final.h"
#include "mark/link.h"
#include "mark/toggle.h"
#include "os/page.h"
#include "os/thread.h"
#include "world/kernel.h"
#include "world/mutator.h"
#include "world/range.h"
#include "world/stop.h"

_Atomic int cgc_phase;
void (*cgc_cycle_phase_hook)(enum cgc_phase phase);
void (*cgc_cycle_roots_hook)(struct cgc_marker *marker);
void (*cgc_cycle_marked_hook)(struct cgc_heap *heap);

void cgc_phase_enter(enum cgc_phase phase) {
  atomic_store_explicit(&cgc_phase, phase, memory_order_relaxed);
  if (cgc_cycle_phase_hook)
    cgc_cycle_phase_hook(phase);
}

/* ---- Stops ------------------------------------------------------------ */

void cgc_phase_lap(struct cgc_work *w, enum cgc_part part) {
  uint64_t now = cgc_thread_now_ns();
  w->stand.part_ns[part] += now - w->lap_ns;
  w->lap_ns = now;
}

static void count_stop(struct cgc_work *w) {
  w->report->nstops++;
  w->report->stop_ns += cgc_stop_counters.last_ns;
  w->stood_ns = cgc_thread_now_ns() - cgc_stop_counters.last_ns;
  w->stand = (struct cgc_stand){0};
  w->lap_ns = w->stood_ns;
  cgc_phase_lap(w, CGC_PART_STOP);
  w->stood_cpu_ns = cgc_thread_process_cpu_ns();
}

void cgc_phase_stop_world(struct cgc_work *w) {
  cgc_stop_world();
  count_stop(w);
}

int cgc_phase_try_stop_world(struct cgc_work *w) {
  int err = cgc_stop_try();
  if (err == 0)
    count_stop(w);
  return err;
}

void cgc_phase_start_world(struct cgc_work *w) {
  struct cgc_cycle_report *r = w->report;
  /* While the others stand the process's CPU time is ours. */
  r->cpu_ns += cgc_thread_process_cpu_ns() - w->stood_cpu_ns;
  cgc_start_world();
  cgc_phase_lap(w, CGC_PART_FLIP);
  w->stand.ns = w->lap_ns - w->stood_ns;
  r->pause_ns += w->stand.ns;
  if (w->stand.ns > r->longest.ns)
    r->longest = w->stand;
  w->stood_ns = 0;
}

/* ---- Verify ----------------------------------------------------------- */

static void check_mutator(struct cgc_mutator *m, void *ctx) {
  (void)ctx;
  cgc_cache_check(&m->cache);
}

void cgc_phase_verify(void) {
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
  cgc_toggle_check();
  cgc_disclaim_check();
}

/* ---- The phases ------------------------------------------------------- */

static void flush_mutator(struct cgc_mutator *m, void *ctx) {
  (void)ctx;
  cgc_cache_flush(&m->cache);
}

void cgc_phase_flush(void) { cgc_mutator_each(flush_mutator, NULL); }

void cgc_phase_start(struct cgc_work *w) {
  cgc_phase_verify();
  cgc_phase_flush();
  cgc_heap_sweep_all(&cgc_heap); /* what came in until all stood still */
  w->report->before_bytes = cgc_heap_in_use(&cgc_heap);
  cgc_heap_prepare_marks(&cgc_heap);
  if (cgc_options.verify)
    cgc_verify_prepared(&cgc_heap);
  cgc_phase_lap(w, CGC_PART_FLUSH);
}

static bool is_data(enum cgc_root_kind kind) {
  return kind == CGC_ROOT_DATA || kind == CGC_ROOT_MAPPING;
}

static bool is_at_any_byte(enum cgc_root_kind kind) {
  return kind == CGC_ROOT_CODE || (cgc_options.unaligned && is_data(kind));
}

static void scan_bias(uintptr_t lo, uintptr_t hi, enum cgc_root_kind kind,
                      struct cgc_marker *m) {
  if (cgc_options.biased && is_data(kind))
    cgc_bias_scan(m, lo, hi);
}

static void scan_root(uintptr_t lo, uintptr_t hi, enum cgc_root_kind kind,
                      void *ctx) {
  bool stack = kind == CGC_ROOT_STACK || kind == CGC_ROOT_REGISTERS;
  if (stack)
    cgc_marker_scan_stack(ctx, lo, hi);
  else if (is_at_any_byte(kind))
    cgc_marker_scan_unaligned(ctx, lo, hi);
  else
    cgc_marker_scan_range(ctx, lo, hi);
  scan_bias(lo, hi, kind, ctx);
}

/* A stack that is a block of the heap is alive while somebody runs on it. */
static void mark_stack_block(struct cgc_mutator *m, void *ctx) {
  cgc_marker_scan_stack(ctx, (uintptr_t)&m->sp, (uintptr_t)(&m->sp + 1));
}

static void queue_root(uintptr_t lo, uintptr_t hi, enum cgc_root_kind kind,
                       void *ctx) {
  (void)kind;
  cgc_marker_scan_words(ctx, lo, hi);
}

int cgc_phase_first_roots(struct cgc_work *w) {
  cgc_phase_enter(CGC_PHASE_MARK);
  w->marker = cgc_workers_open(w->workers, &cgc_heap, 0);
  cgc_marker_set_bounded(w->marker);
  int err = cgc_root_visit(w->scope, queue_root, w->marker);
  cgc_phase_lap(w, CGC_PART_ROOTS);
  return err;
}

int cgc_phase_roots(struct cgc_work *w) {
  uint64_t began = cgc_thread_now_ns();
  cgc_disclaim_keep(w->marker);
  int err = cgc_options.biased ? cgc_bias_open(&cgc_heap) : 0;
  if (!err)
    err = cgc_root_visit(w->scope, scan_root, w->marker);
  cgc_mutator_each(mark_stack_block, w->marker);
  cgc_toggle_visit_roots(w->marker);
  cgc_final_visit_roots(w->marker);
  cgc_disclaim_scan(w->marker);
  if (cgc_cycle_roots_hook)
    cgc_cycle_roots_hook(w->marker);
  w->report->roots_ns += cgc_thread_now_ns() - began;
  w->report->root_bytes = cgc_root_counters.bytes;
  cgc_phase_lap(w, CGC_PART_ROOTS);
  return err;
}

int cgc_phase_mark(struct cgc_work *w) {
  cgc_phase_enter(CGC_PHASE_MARK);
  w->marker =
      cgc_workers_open(w->workers, &cgc_heap,
                       cgc_min(w->report->before_bytes, w->expected_bytes));
  w->report->nmarkers = w->workers->n;
  int err = cgc_phase_roots(w);
  cgc_marker_scan_pinned(w->marker);
  cgc_phase_lap(w, CGC_PART_PINNED);
  cgc_workers_finish(w->workers);
  cgc_phase_lap(w, CGC_PART_MARK);
  return err;
}

void cgc_phase_weak(struct cgc_work *w) {
  cgc_phase_enter(CGC_PHASE_WEAK);
  cgc_link_clear_dead(&cgc_heap, false);
  cgc_final_find(w->marker);
  cgc_link_clear_dead(&cgc_heap, true);
  cgc_toggle_clear_dead(&cgc_heap);
  cgc_disclaim_find(w->marker);
  if (cgc_cycle_marked_hook)
    cgc_cycle_marked_hook(&cgc_heap);
  cgc_phase_lap(w, CGC_PART_WEAK);
}

void cgc_phase_flip(struct cgc_work *w, size_t live) {
  struct cgc_cycle_report *r = w->report;
  cgc_phase_enter(CGC_PHASE_FLIP);
  r->live_bytes = live;
  r->marked_objects = w->marker->marked_objects;
  r->scanned_bytes = w->marker->scanned_bytes;
  cgc_heap_flip(&cgc_heap, live);
  cgc_phase_verify();
}
