/* SPDX-License-Identifier: MIT */
#define GC_THREADS
#define GC_NO_THREAD_REDIRECTS
#include "compat/guard.h"

#include "base/lock.h"
#include "front/init.h"
#include "world/mutator.h"
#include "world/stop.h"

static struct cgc_lock lock = {.rank = CGC_RANK_GUARD, .wakes_all = true};

void cgc_guard_init(void) { cgc_lock_register(&lock); }

bool cgc_guard_take(void) {
  struct cgc_mutator *self;
  while ((self = cgc_init_enter())) {
    if (cgc_trylock(&lock))
      return true;
    cgc_mutator_leave(self);
    cgc_lock_await(&lock);
  }
  return false;
}

void cgc_guard_give(void) {
  cgc_unlock(&lock);
  cgc_mutator_leave(cgc_self);
}

void *GC_call_with_alloc_lock(GC_fn_type fn, void *data) {
  bool taken = cgc_guard_take();
  void *result = fn(data);
  if (taken)
    cgc_guard_give();
  return result;
}

void GC_alloc_lock(void) { cgc_guard_take(); }

void GC_alloc_unlock(void) { cgc_guard_give(); }

void GC_stop_world_external(void) {
  if (cgc_guard_take())
    cgc_stop_world();
}

void GC_start_world_external(void) {
  cgc_start_world();
  cgc_guard_give();
}
