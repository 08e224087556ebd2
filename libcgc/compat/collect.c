/* SPDX-License-Identifier: MIT */
#include "compat/collect.h"

#include "base/log.h"
#include "base/option.h"
#include "compat/finalizer.h"
#include "compat/growth.h"
#include "compat/segment.h"
#include "front/alloc.h"
#include "front/debug.h"
#include "front/init.h"

#include <errno.h>

static _Atomic(GC_stop_func) stop_func;
static _Atomic int manual;
static _Atomic int force_unmap;

static int GC_CALLBACK never_stop(void) { return 0; }

static GC_stop_func stop_function(void) {
  GC_stop_func fn = atomic_load_explicit(&stop_func, memory_order_acquire);
  return fn ? fn : never_stop;
}

static bool is_allowed(enum cgc_cycle_reason reason) {
  if (GC_dont_gc)
    return false;
  if (reason == CGC_CYCLE_ASKED)
    return true;
  return !atomic_load_explicit(&manual, memory_order_relaxed) &&
         !stop_function()();
}

/* cycle/cycle's hook: whether REASON gets its cycle. */
static bool is_wanted(enum cgc_cycle_reason reason) {
  if (!is_allowed(reason))
    return false;
  cgc_finalizer_take_over();
  cgc_segment_take_over();
  cgc_growth_take_over();
  return true;
}

void cgc_collect_init(void) { cgc_cycle_wanted_hook = is_wanted; }

static bool collect(void) {
  return cgc_init_thread() && cgc_alloc_collect(CGC_CYCLE_ASKED) == 0;
}

/* ---- a debugger's calls ------------------------------------------------ */

/* Without what a collection takes over first: that asks the loader. */
int cgc_debug_gcollect(void) {
  if (!GC_dont_gc)
    return cgc_debug_collect();
  errno = EAGAIN;
  cgc_log(CGC_LOG_WARNING, "not collected: GC_disable is in force");
  return -1;
}

int cgc_debug_request(int what) {
  return cgc_debug_ask((unsigned)what) ? 0 : -1;
}

/* ---- asking ------------------------------------------------------------ */

#define IS_DEBUGGERS                                                           \
  cgc_debug_is_call(__builtin_return_address(0), __builtin_frame_address(0))

static void collect_and_unmap(bool unmap) {
  collect();
  if (unmap)
    cgc_alloc_release();
}

void GC_gcollect(void) {
  if (IS_DEBUGGERS)
    cgc_debug_gcollect();
  else
    collect_and_unmap(force_unmap);
}

void GC_gcollect_and_unmap(void) {
  if (IS_DEBUGGERS)
    cgc_debug_gcollect();
  else
    collect_and_unmap(true);
}

void GC_set_force_unmap_on_gcollect(int value) { force_unmap = value != 0; }

int GC_get_force_unmap_on_gcollect(void) { return force_unmap; }

/* gdb can't hand in a function: it may be NULL then. */
int GC_try_to_collect(GC_stop_func fn) {
  if (IS_DEBUGGERS)
    return cgc_debug_gcollect() == 0;
  return !fn() && collect();
}

/* ---- refusing ---------------------------------------------------------- */

/* pairs with the acquire above: what the program made for it is seen */
void GC_set_stop_func(GC_stop_func fn) {
  atomic_store_explicit(&stop_func, fn, memory_order_release);
}

GC_stop_func GC_get_stop_func(void) { return stop_function(); }

void GC_disable(void) { __atomic_fetch_add(&GC_dont_gc, 1, __ATOMIC_RELAXED); }

void GC_enable(void) { __atomic_fetch_sub(&GC_dont_gc, 1, __ATOMIC_RELAXED); }

int GC_is_disabled(void) { return GC_dont_gc != 0; }

void GC_set_disable_automatic_collection(int value) { manual = value != 0; }

int GC_get_disable_automatic_collection(void) { return manual; }

/* ---- incremental mode -------------------------------------------------- */

static _Atomic int incremental;

/* Unless the user has chosen a way beside the program already. */
void cgc_collect_be_incremental(void) {
  incremental = 1;
  if (cgc_options.mode == CGC_MODE_STW)
    cgc_options.mode = CGC_MODE_INCREMENTAL;
}

void GC_enable_incremental(void) {
  cgc_init_thread();
  cgc_collect_be_incremental();
}

int GC_is_incremental_mode(void) { return incremental; }

int GC_incremental_protection_needs(void) { return GC_PROTECTS_NONE; }

void GC_start_incremental_collection(void) {
  if (incremental)
    collect();
}

static bool is_on(void) {
  return atomic_load_explicit(&cgc_phase, memory_order_relaxed) !=
         CGC_PHASE_IDLE;
}

/* Guile calls it whenever a thread ends: only what is due is done. */
int GC_collect_a_little(void) {
  if (!cgc_init_thread())
    return 0;
  if (is_on() || cgc_cycle_due())
    cgc_alloc_collect(CGC_CYCLE_TRIGGER);
  return is_on();
}

/* ---- the count ---------------------------------------------------------- */

GC_word GC_get_gc_no(void) { return GC_gc_no; }
