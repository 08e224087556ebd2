/* SPDX-License-Identifier: MIT */
#include "compat/finalizer.h"

#include "cycle/invoke.h"
#include "gc/javaxfc.h"
#include "mark/final.h"

void cgc_finalizer_take_over(void) {
  cgc_invoke_set_on_demand(GC_finalize_on_demand != 0);
  cgc_invoke_set_notifier(GC_finalizer_notifier);
}

void GC_set_finalize_on_demand(int value) {
  GC_finalize_on_demand = value;
  cgc_finalizer_take_over();
}

int GC_get_finalize_on_demand(void) { return GC_finalize_on_demand; }

void GC_set_finalizer_notifier(GC_finalizer_notifier_proc fn) {
  GC_finalizer_notifier = fn;
  cgc_finalizer_take_over();
}

GC_finalizer_notifier_proc GC_get_finalizer_notifier(void) {
  return GC_finalizer_notifier;
}

void GC_set_await_finalize_proc(GC_await_finalize_proc fn) {
  cgc_final_ready_hook = fn;
}

GC_await_finalize_proc GC_get_await_finalize_proc(void) {
  return cgc_final_ready_hook;
}

int GC_register_disappearing_link(void **link) {
  return GC_general_register_disappearing_link(link, GC_base(link));
}

void GC_finalize_all(void) {
  while (cgc_final_ready_all() > 0)
    if (GC_invoke_finalizers() == 0)
      return;
}
