/* SPDX-License-Identifier: MIT */
/*
 * gc_disclaim.h - a function that is asked before objects of a kind go: less
 * work than a finalizer for each.
 *
 * In this collector it is called after the collection, by the thread that ran
 * it, without a lock: it may allocate and wait.
 */
#ifndef GC_DISCLAIM_H
#define GC_DISCLAIM_H

#include "gc.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Not 0: OBJ is kept this time. */
typedef int(GC_CALLBACK *GC_disclaim_proc)(void *obj);

/* Before the first object of KIND is made.  MARK_FROM_ALL: what objects of KIND
   point to is alive while they are there, dead or not; so of a chain one goes
   in each collection.  GC_free does not ask. */
GC_API void GC_CALL GC_register_disclaim_proc(int kind, GC_disclaim_proc proc,
                                              int mark_from_all)
    GC_ATTR_NONNULL(2);

struct GC_finalizer_closure {
  GC_finalization_proc proc;
  void *cd;
};

/* Before the first GC_finalized_malloc; again is harmless. */
GC_API void GC_CALL GC_init_finalized_malloc(void);

/* An object for which CLOSURE->proc(obj, CLOSURE->cd) is called when it dies.
   What it points to is intact then, and it does not come back.  It stands one
   word behind the start of its block: GC_base. */
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_CALL
    GC_finalized_malloc(size_t size, const struct GC_finalizer_closure *closure)
        GC_ATTR_NONNULL(2);

#ifdef __cplusplus
}
#endif

#endif
