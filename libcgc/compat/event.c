/* SPDX-License-Identifier: MIT */
#include "compat/event.h"

#include "compat/finalizer.h"
#include "compat/segment.h"
#include "compat/bottom.h"
#include "cycle/cycle.h"
#include "front/alloc.h"
#include "world/mutator.h"

static _Atomic(GC_on_collection_event_proc) on_event;
static _Atomic(GC_on_thread_event_proc) on_thread;
static _Atomic(GC_start_callback_proc) on_start;
static struct cgc_marker *pushing; /* guard: the world stands */
static bool under_way;             /* guard: the cycle's lock */
static bool complete;              /* guard: the cycle's lock */

/* ---- telling ------------------------------------------------------------- */

static void tell(GC_EventType event) {
  GC_on_collection_event_proc fn = atomic_load(&on_event);
  if (fn)
    fn(event);
}

struct thread_event {
  GC_on_thread_event_proc fn;
  GC_EventType event;
};

static void tell_of_thread(struct cgc_mutator *m, void *ctx) {
  const struct thread_event *e = ctx;
  if (m != cgc_self)
    e->fn(e->event, (void *)m->fs_base); /* glibc's pthread_t */
}

static void tell_of_threads(GC_EventType event) {
  struct thread_event e = {atomic_load(&on_thread), event};
  if (e.fn)
    cgc_mutator_each(tell_of_thread, &e);
}

static void before_stop(void) {
  GC_start_callback_proc start = atomic_load(&on_start);
  under_way = true;
  complete = false;
  tell(GC_EVENT_START);
  if (start)
    start();
  tell(GC_EVENT_PRE_STOP_WORLD);
}

static void after_stop(void) {
  tell_of_threads(GC_EVENT_THREAD_SUSPENDED);
  tell(GC_EVENT_POST_STOP_WORLD);
  tell(GC_EVENT_MARK_START);
  cgc_bottom_take_over();
}

static void before_restart(void) {
  GC_gc_no++;
  complete = true;
  tell(GC_EVENT_PRE_START_WORLD);
  tell_of_threads(GC_EVENT_THREAD_UNSUSPENDED);
}

static void after_restart(void) {
  if (!under_way)
    return;
  under_way = false;
  if (!complete) { /* the roots could not be read */
    tell(GC_EVENT_MARK_END);
    tell(GC_EVENT_PRE_START_WORLD);
  }
  tell(GC_EVENT_POST_START_WORLD);
  tell(GC_EVENT_RECLAIM_START);
  tell(GC_EVENT_RECLAIM_END);
  tell(GC_EVENT_END);
}

static void on_phase(enum cgc_phase phase) {
  if (phase == CGC_PHASE_START)
    before_stop();
  else if (phase == CGC_PHASE_MARK)
    after_stop();
  else if (phase == CGC_PHASE_FLIP)
    tell(GC_EVENT_MARK_END);
  else if (phase == CGC_PHASE_SWEEP)
    before_restart();
  else if (phase == CGC_PHASE_IDLE)
    after_restart();
}

/* ---- the program's roots ------------------------------------------------- */

/* Stacks are no business of the program's function here. */
static void GC_CALLBACK push_nothing(void) {}

void(GC_CALLBACK *GC_push_other_roots)(void) = push_nothing;

static void push_roots(struct cgc_marker *marker) {
  pushing = marker;
  if (GC_push_other_roots)
    GC_push_other_roots();
  pushing = NULL;
}

struct cgc_marker *cgc_event_marker(void) {
  return pushing;
}

void GC_push_all(void *bottom, void *top) {
  if (pushing && bottom < top)
    cgc_marker_scan_range(pushing, (uintptr_t)bottom, (uintptr_t)top);
}

void GC_push_all_eager(void *bottom, void *top) { GC_push_all(bottom, top); }

void GC_push_conditional(void *bottom, void *top, int all) {
  (void)all;
  GC_push_all(bottom, top);
}

void GC_push_finalizer_structures(void) {} /* they are no secret of ours */

void GC_set_push_other_roots(GC_push_other_roots_proc fn) {
  GC_push_other_roots = fn;
}

GC_push_other_roots_proc GC_get_push_other_roots(void) {
  return GC_push_other_roots;
}

/* Roots of libraries are found anew in each collection and kept nowhere. */
int GC_is_tmp_root(void *addr) {
  (void)addr;
  return 0;
}

/* Dead words of a stack are not scanned: they need no clearing. */
void *GC_clear_stack(void *result) { return result; }

/* ---- the heap's size ----------------------------------------------------- */

static void tell_growth(void) {
  static _Atomic size_t told;
  size_t now = cgc_arena_bytes(&cgc_heap.arena);
  GC_on_heap_resize_proc fn = GC_on_heap_resize;
  if (cgc_likely(now == told))
    return;
  told = now;
  if (fn)
    fn(now);
}

/* ---- setting ------------------------------------------------------------- */

void GC_set_on_collection_event(GC_on_collection_event_proc fn) {
  atomic_store(&on_event, fn);
}
GC_on_collection_event_proc GC_get_on_collection_event(void) {
  return atomic_load(&on_event);
}

void GC_set_on_thread_event(GC_on_thread_event_proc fn) {
  atomic_store(&on_thread, fn);
}
GC_on_thread_event_proc GC_get_on_thread_event(void) {
  return atomic_load(&on_thread);
}

void GC_set_start_callback(GC_start_callback_proc fn) {
  atomic_store(&on_start, fn);
}
GC_start_callback_proc GC_get_start_callback(void) {
  return atomic_load(&on_start);
}

void cgc_event_init(void) {
  cgc_cycle_phase_hook = on_phase;
  cgc_cycle_roots_hook = push_roots;
  cgc_alloc_slow_hook = tell_growth;
}
