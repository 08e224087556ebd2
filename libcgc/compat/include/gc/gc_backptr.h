/* SPDX-License-Identifier: MIT */
/*
 * gc_backptr.h - who points to an object?
 *
 * Nothing is kept for that while the program runs: each question stops the
 * world and searches the objects and the roots, so it takes as long as a
 * collection does.  bdwgc's own library has these functions only where it was
 * built for them.
 */
#ifndef GC_BACKPTR_H
#define GC_BACKPTR_H

#ifndef GC_H
#include "gc.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  GC_UNREFERENCED,   /* found nowhere */
  GC_NO_SPACE,       /* DEST is no object */
  GC_REFD_FROM_ROOT, /* by the root at *BASE */
  GC_REFD_FROM_REG,  /* by a register */
  GC_REFD_FROM_HEAP, /* by the object at *BASE, at *OFFSET */
  GC_FINALIZER_REFD  /* it waits for its finalizer */
} GC_ref_kind;

/* Find a reference to the object that DEST points into. */
GC_API GC_ref_kind GC_CALL GC_get_back_ptr_info(void *dest, void **base,
                                                size_t *offset)
    GC_ATTR_NONNULL(1);

/* An address in the heap; in an object that is alive (NULL: none found). */
GC_API void *GC_CALL GC_generate_random_heap_address(void);
GC_API void *GC_CALL GC_generate_random_valid_address(void);

/* Collect, and print who points to an object chosen at random; or to that at
   OBJ. */
GC_API void GC_CALL GC_generate_random_backtrace(void);
GC_API void GC_CALL GC_print_backtrace(void *obj) GC_ATTR_NONNULL(1);

#ifdef __cplusplus
}
#endif

#endif
