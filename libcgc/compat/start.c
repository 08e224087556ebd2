/* SPDX-License-Identifier: MIT */
#include "compat/start.h"

#include "compat/collect.h"
#include "compat/environment.h"
#include "compat/event.h"
#include "compat/guard.h"
#include "compat/message.h"
#include "compat/pointer.h"
#include "compat/bottom.h"
#include "cycle/cycle.h"
#include "front/init.h"
#include "heap/heap.h"

static _Atomic bool called;

/*
 * All that the heap may grow to.  The variables are roots, so none of them has
 * the address of the first object.
 */
static void publish_bounds(void) {
  const struct cgc_arena *arena = &cgc_heap.arena;
  GC_least_plausible_heap_addr = (void *)(arena->base - 1);
  GC_greatest_plausible_heap_addr =
      (void *)cgc_arena_page_address(arena, arena->pages_limit);
}

void GC_init(void) {
  if (cgc_init_thread() && !GC_is_init_called()) {
    publish_bounds();
    atomic_store_explicit(&called, true, memory_order_relaxed);
  }
}

int GC_is_init_called(void) {
  return atomic_load_explicit(&called, memory_order_relaxed);
}

void GC_deinit(void) {
  atomic_store_explicit(&called, false, memory_order_relaxed);
}

unsigned GC_get_version(void) {
  return GC_VERSION_MAJOR << 16 | GC_VERSION_MINOR << 8 | GC_VERSION_MICRO;
}

void cgc_start_prepare(void) {
  cgc_environment_prepare();
  cgc_guard_init();
  cgc_bottom_init();
  cgc_pointer_init();
  cgc_event_init();
  cgc_collect_init();
}

void cgc_start_started(char *const *env) {
  (void)env;
  cgc_message_init();
  cgc_cycle_set_steady();
  cgc_environment_started();
}
