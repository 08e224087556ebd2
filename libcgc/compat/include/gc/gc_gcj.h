/* SPDX-License-Identifier: MIT */
/*
 * gc_gcj.h - objects whose first word points to their type's description, with
 * a mark descriptor (gc_mark.h) as that description's second word.
 */
#ifndef GC_GCJ_H
#define GC_GCJ_H

#ifndef GC_H
#include "gc.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Before the first allocation, once.  PROC, a GC_mark_proc, is called mark
   procedure INDEX, below GC_RESERVED_MARK_PROCS, from here on; objects of
   GC_debug_gcj_malloc are marked by it with 1 as its environment. */
GC_API void GC_CALL GC_init_gcj_malloc(int index, void *proc);

/* A zeroed object with TYPE in its first word. */
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_CALL
    GC_gcj_malloc(size_t size, void *type);
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_CALL
    GC_gcj_malloc_ignore_off_page(size_t size, void *type);
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_CALL
    GC_debug_gcj_malloc(size_t size, void *type, GC_EXTRA_PARAMS);

/* The kinds of these objects; 0 until GC_init_gcj_malloc. */
GC_API int GC_gcj_kind;
GC_API int GC_gcj_debug_kind;

#ifdef GC_DEBUG
#define GC_GCJ_MALLOC(size, type) GC_debug_gcj_malloc(size, type, GC_EXTRAS)
#define GC_GCJ_MALLOC_IGNORE_OFF_PAGE(size, type)                              \
  GC_debug_gcj_malloc(size, type, GC_EXTRAS)
#else
#define GC_GCJ_MALLOC(size, type) GC_gcj_malloc(size, type)
#define GC_GCJ_MALLOC_IGNORE_OFF_PAGE(size, type)                              \
  GC_gcj_malloc_ignore_off_page(size, type)
#endif

#ifdef __cplusplus
}
#endif

#endif
