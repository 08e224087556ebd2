/* SPDX-License-Identifier: MIT */
#include "compat/start.h"

#include "compat/collect.h"
#include "compat/message.h"
#include "front/init.h"

static _Atomic bool called;

void GC_init(void) {
  if (cgc_init_thread())
    atomic_store_explicit(&called, true, memory_order_relaxed);
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
  cgc_message_init();
  cgc_collect_init();
}
