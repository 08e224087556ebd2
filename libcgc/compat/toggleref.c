/* SPDX-License-Identifier: MIT */
#include "compat/toggleref.h"

#include "front/init.h"
#include "mark/toggle.h"
#include "world/mutator.h"

#include <errno.h>

_Static_assert((int)GC_TOGGLE_REF_DROP == (int)CGC_TOGGLE_DROP &&
                   (int)GC_TOGGLE_REF_STRONG == (int)CGC_TOGGLE_STRONG &&
                   (int)GC_TOGGLE_REF_WEAK == (int)CGC_TOGGLE_WEAK,
               "both say the same");

static _Atomic(GC_toggleref_func) asked;

static enum cgc_toggle ask(void *obj) {
  GC_toggleref_func fn = atomic_load_explicit(&asked, memory_order_relaxed);
  return fn ? (enum cgc_toggle)fn(obj) : CGC_TOGGLE_STRONG;
}

void GC_set_toggleref_func(GC_toggleref_func fn) {
  atomic_store_explicit(&asked, fn, memory_order_relaxed);
  cgc_toggle_set(fn ? ask : NULL);
}

GC_toggleref_func GC_get_toggleref_func(void) {
  return atomic_load_explicit(&asked, memory_order_relaxed);
}

/* As in bdwgc nothing is done while there is no function. */
int GC_toggleref_add(void *obj, int is_strong) {
  struct cgc_mutator *self = cgc_init_thread();
  if (!GC_get_toggleref_func())
    return GC_SUCCESS;
  if (!self || !cgc_mutator_enter(self))
    return GC_NO_MEMORY;
  int err = cgc_toggle_add(obj, is_strong != 0);
  cgc_mutator_leave(self);
  return err == -ENOMEM ? GC_NO_MEMORY : GC_SUCCESS;
}
