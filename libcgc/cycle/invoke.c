/* SPDX-License-Identifier: MIT */
#include "cycle/invoke.h"

#include "mark/final.h"
#include "world/mutator.h"

#include <errno.h>

static struct {
  _Atomic bool on_demand;
  _Atomic(cgc_invoke_notifier) notifier;
  _Atomic uint64_t notified; /* the last batch that the notifier heard of */
  _Atomic uint64_t ran;
} invoke;

/* Finalizers of this thread that have not returned. */
static __thread unsigned depth;

/* One call out of the queue.  CALL stands on our stack, which is scanned. */
static bool take(struct cgc_mutator *self, struct cgc_final_call *call) {
  if (cgc_final_ready() == 0 || !cgc_mutator_enter(self))
    return false;
  bool taken = cgc_final_take(call);
  cgc_mutator_leave(self);
  return taken;
}

static struct cgc_mutator *own_record(void) {
  return cgc_self ? cgc_self : cgc_mutator_register();
}

/* A finalizer may end this thread's registration: the record is read anew. */
int cgc_invoke_all(void) {
  struct cgc_final_call call;
  struct cgc_mutator *self;
  int n = 0;
  while (cgc_final_ready() > 0 && (self = own_record()) && take(self, &call)) {
    depth++;
    call.fn(call.obj, call.data);
    depth--;
    atomic_fetch_add_explicit(&invoke.ran, 1, memory_order_relaxed);
    n++;
  }
  return n;
}

/* One of the threads that see a new batch tells it. */
static void notify(void) {
  uint64_t batch = cgc_final_batches();
  cgc_invoke_notifier notifier = cgc_invoke_get_notifier();
  if (notifier &&
      atomic_load_explicit(&invoke.notified, memory_order_relaxed) != batch &&
      atomic_exchange_explicit(&invoke.notified, batch, memory_order_relaxed) !=
          batch)
    notifier();
}

void cgc_invoke_automatic(void) {
  if (cgc_likely(cgc_final_ready() == 0))
    return;
  int saved = errno;
  if (cgc_invoke_is_on_demand())
    notify();
  else if (depth == 0)
    cgc_invoke_all();
  errno = saved;
}

bool cgc_invoke_is_due(void) { return cgc_final_ready() > 0; }

void cgc_invoke_set_on_demand(bool on_demand) {
  atomic_store_explicit(&invoke.on_demand, on_demand, memory_order_relaxed);
}

bool cgc_invoke_is_on_demand(void) {
  return atomic_load_explicit(&invoke.on_demand, memory_order_relaxed);
}

/* pairs with the acquire below: what the caller made for it is seen */
void cgc_invoke_set_notifier(cgc_invoke_notifier notifier) {
  atomic_store_explicit(&invoke.notifier, notifier, memory_order_release);
}

cgc_invoke_notifier cgc_invoke_get_notifier(void) {
  return atomic_load_explicit(&invoke.notifier, memory_order_acquire);
}

uint64_t cgc_invoke_count(void) {
  return atomic_load_explicit(&invoke.ran, memory_order_relaxed);
}
