/* SPDX-License-Identifier: MIT */
/*
 * t/unit/collector.h - a whole collector without its front: for tests of
 * cycle/ and look/.
 */
#ifndef T_UNIT_COLLECTOR_H
#define T_UNIT_COLLECTOR_H

#include "private.h"
#include "threads.h"

#include "base/option.h"
#include "cycle/cycle.h"
#include "mark/disclaim.h"
#include "mark/final.h"
#include "mark/link.h"
#include "mark/toggle.h"

/* Everything that front/init makes, verified after each phase. */
static inline void collector_setup(void) {
  cgc_options.verify = 1;
  cgc_options.trigger = CGC_MIB;
  threads_setup();
  cgc_link_init();
  cgc_final_init();
  cgc_toggle_init();
  cgc_disclaim_init();
  cgc_check(cgc_cycle_init(CGC_ROOTS_DATA));
}

static inline void *collector_alloc_once(enum cgc_kind kind, size_t size) {
  cgc_check(cgc_mutator_enter(cgc_self));
  void *obj = private_alloc(&cgc_self->cache, kind, size);
  cgc_mutator_leave(cgc_self);
  return obj;
}

/* Collects when the heap is full, and only then. */
static inline void *collector_alloc(enum cgc_kind kind, size_t size) {
  void *obj = collector_alloc_once(kind, size);
  for (int i = 0; !obj && i < 10; i++) {
    cgc_check(cgc_cycle_collect(CGC_CYCLE_MEMORY) == 0);
    obj = collector_alloc_once(kind, size);
  }
  cgc_check(obj);
  return obj;
}

static inline bool collector_is_live(uintptr_t addr) {
  struct cgc_object obj;
  return cgc_arena_find(&cgc_heap.arena, addr, &obj) &&
         cgc_object_is_live(&obj);
}

static inline void collector_collect(void) {
  cgc_check(cgc_cycle_collect(CGC_CYCLE_ASKED) == 0);
  cgc_check(cgc_mutator_enter(cgc_self));
  cgc_heap_sweep_all(&cgc_heap);
  cgc_mutator_leave(cgc_self);
}

#endif
