/* SPDX-License-Identifier: MIT */
/*
 * libgccpp: the plain operator new and delete as uncollectable memory, so that
 * what containers hold is seen by the collector.
 */
#include "gc/gc.h"

#include <new>

#define EXPORT __attribute__((__visibility__("default")))

EXPORT void GC_throw_bad_alloc();

void GC_throw_bad_alloc() { throw std::bad_alloc(); }

static void *allocate(size_t size) {
  void *obj = GC_malloc_uncollectable(size);
  if (!obj)
    GC_throw_bad_alloc();
  return obj;
}

EXPORT void *operator new(size_t size) { return allocate(size); }
EXPORT void *operator new[](size_t size) { return allocate(size); }
EXPORT void operator delete(void *obj) noexcept { GC_free(obj); }
EXPORT void operator delete[](void *obj) noexcept { GC_free(obj); }
EXPORT void operator delete(void *obj, size_t) noexcept { GC_free(obj); }
EXPORT void operator delete[](void *obj, size_t) noexcept { GC_free(obj); }
