/* SPDX-License-Identifier: MIT */
/*
 * gc_mark.h - for run times of languages: kinds of objects that say where
 * their pointers are, and what else looks inside the collector.
 *
 * A kind is a mark descriptor and an allocator's free lists.  A descriptor is
 * a word; its two lowest bits say what the others mean:
 *
 *   GC_DS_LENGTH      so many bytes from the object's start may be pointers
 *   GC_DS_BITMAP      bit 63 is the first word, bit 62 the second ... bit 2:
 *                     set where the word may be a pointer
 *   GC_DS_PROC        a mark procedure finds them: GC_MAKE_PROC
 *   GC_DS_PER_OBJECT  the descriptor stands in the object, at this offset; of
 *                     a negative one in what its first word points to
 *
 * In this collector a mark procedure is called for objects in use alone, never
 * for one that is free: what was just allocated is zero.
 */
#ifndef GC_MARK_H
#define GC_MARK_H

#ifndef GC_H
#include "gc.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Mark procedures ---------------------------------------------------- */

#ifdef GC_BUILD
struct GC_ms_entry;
#else
struct GC_ms_entry {
  void *opaque;
};
#endif

/*
 * Marks what ADDR, an object of its kind, points to, by GC_MARK_AND_PUSH, and
 * returns the mark stack pointer that this returned last.  It runs with all
 * other threads stopped, on several threads at once, and without thread-local
 * variables of its own: it reads objects, and neither allocates nor waits.
 * It finds no pointers where the object has none; it need not find all at
 * once, for it may push ADDR with another ENV.
 */
typedef struct GC_ms_entry *(*GC_mark_proc)(
    GC_word *addr, struct GC_ms_entry *mark_stack_ptr,
    struct GC_ms_entry *mark_stack_limit, GC_word env);

#define GC_PROC_BYTES 100 /* that a procedure should look at in one call */

#define GC_LOG_MAX_MARK_PROCS 6
#define GC_MAX_MARK_PROCS (1 << GC_LOG_MAX_MARK_PROCS)
#define GC_RESERVED_MARK_PROCS 8 /* numbers that compilers know */
#define GC_GCJ_RESERVED_MARK_PROC_INDEX 0

#define GC_DS_TAG_BITS 2
#define GC_DS_TAGS ((1 << GC_DS_TAG_BITS) - 1)
#define GC_DS_LENGTH 0
#define GC_DS_BITMAP 1
#define GC_DS_PROC 2
#define GC_DS_PER_OBJECT 3
#define GC_INDIR_PER_OBJ_BIAS 0x10
#define GC_MAKE_PROC(index, env)                                               \
  (((((env) << GC_LOG_MAX_MARK_PROCS) | (index)) << GC_DS_TAG_BITS) |          \
   GC_DS_PROC)

/* Between them lies the heap, what it may still grow to included. */
GC_API void *GC_least_plausible_heap_addr;
GC_API void *GC_greatest_plausible_heap_addr;

/* Mark what OBJ points into, if that is an object; SRC, where OBJ was read,
   may be NULL.  Returns the new mark stack pointer. */
GC_API struct GC_ms_entry *GC_CALL
GC_mark_and_push(void *obj, struct GC_ms_entry *mark_stack_ptr,
                 struct GC_ms_entry *mark_stack_limit, void **src);

#define GC_MARK_AND_PUSH(obj, msp, lim, src)                                   \
  ((GC_word)(obj) >= (GC_word)GC_least_plausible_heap_addr &&                  \
           (GC_word)(obj) <= (GC_word)GC_greatest_plausible_heap_addr          \
       ? GC_mark_and_push(obj, msp, lim, src)                                  \
       : (msp))

/* ---- Kinds -------------------------------------------------------------- */

/* What GC_new_kind takes as its first argument, and nothing else. */
GC_API void **GC_CALL GC_new_free_list(void);
GC_API void **GC_CALL GC_new_free_list_inner(void);

/* A kind of objects.  ADD_SIZE: the object's size is added to DESCRIPTOR.
   CLEAR: its objects are zero; in this collector they always are.  There are 28
   of them; one more ends the process. */
GC_API unsigned GC_CALL GC_new_kind(void **free_list, GC_word descriptor,
                                    int add_size, int clear) GC_ATTR_NONNULL(1);
GC_API unsigned GC_CALL GC_new_kind_inner(void **free_list, GC_word descriptor,
                                          int add_size, int clear)
    GC_ATTR_NONNULL(1);

/* A number for PROC, as GC_MAKE_PROC takes it. */
GC_API unsigned GC_CALL GC_new_proc(GC_mark_proc proc);
GC_API unsigned GC_CALL GC_new_proc_inner(GC_mark_proc proc);

/* ---- Allocation by kind ------------------------------------------------- */

/* SIZE bytes of KIND, as GC_malloc and GC_malloc_ignore_off_page. */
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_CALL
    GC_generic_malloc(size_t size, int kind);
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_CALL
    GC_generic_malloc_ignore_off_page(size_t size, int kind);
/* Lives until it is freed, holds pointers unless kind 0 or 3 is asked for. */
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_CALL
    GC_generic_malloc_uncollectable(size_t size, int kind);
/* An object of the kind that another one has: GC_get_kind_and_size. */
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_CALL
    GC_generic_or_special_malloc(size_t size, int kind);
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_CALL
    GC_debug_generic_or_special_malloc(size_t size, int kind, GC_EXTRA_PARAMS);

#ifdef GC_DEBUG
#define GC_GENERIC_OR_SPECIAL_MALLOC(size, kind)                               \
  GC_debug_generic_or_special_malloc(size, kind, GC_EXTRAS)
#else
#define GC_GENERIC_OR_SPECIAL_MALLOC(size, kind)                               \
  GC_generic_or_special_malloc(size, kind)
#endif

/* The kind of the object that starts at OBJ, and its size in *SIZE unless that
   is NULL. */
GC_API int GC_CALL GC_get_kind_and_size(const void *obj, size_t *size)
    GC_ATTR_NONNULL(1);

/* FN writes what OBJ, of KIND, is into TEXT, of GC_TYPE_DESCR_LEN bytes; asked
   where an object is printed. */
#define GC_TYPE_DESCR_LEN 40
typedef void(GC_CALLBACK *GC_describe_type_fn)(void *obj, char *text);
GC_API void GC_CALL GC_register_describe_type_fn(int kind,
                                                 GC_describe_type_fn fn);

/* ---- The header of GC_debug_malloc -------------------------------------- */

/* Bytes between the start of an object of GC_debug_malloc, as GC_base tells
   it, and what the program got. */
GC_API GC_ATTR_CONST size_t GC_CALL GC_get_debug_header_size(void);
#define GC_USR_PTR_FROM_BASE(p)                                                \
  ((void *)((char *)(p) + GC_get_debug_header_size()))
#ifdef GC_BUILD
GC_API const size_t GC_debug_header_size;
#else
GC_API GC_ATTR_DEPRECATED size_t GC_debug_header_size;
#endif

/* ---- Marks -------------------------------------------------------------- */

/* The mark bit of the object that starts at OBJ: with the world stopped. */
GC_API int GC_CALL GC_is_marked(const void *obj) GC_ATTR_NONNULL(1);
GC_API void GC_CALL GC_clear_mark_bit(const void *obj) GC_ATTR_NONNULL(1);
GC_API void GC_CALL GC_set_mark_bit(const void *obj) GC_ATTR_NONNULL(1);

/* FN for each object that the last collection found reachable and for each
   that was made since. */
typedef void(GC_CALLBACK *GC_reachable_object_proc)(void *obj, size_t size,
                                                    void *client_data);
GC_API void GC_CALL GC_enumerate_reachable_objects_inner(
    GC_reachable_object_proc fn, void *client_data) GC_ATTR_NONNULL(1);

/* ---- Roots that a client finds ------------------------------------------ */

typedef void(GC_CALLBACK *GC_start_callback_proc)(void);
/* Called when a collection begins, the world still running; NULL: none. */
GC_API void GC_CALL GC_set_start_callback(GC_start_callback_proc fn);
GC_API GC_start_callback_proc GC_CALL GC_get_start_callback(void);

/* In a function of GC_set_push_other_roots: what [BOTTOM, TOP) points to is
   alive. */
GC_API void GC_CALL GC_push_all(void *bottom, void *top);
GC_API void GC_CALL GC_push_all_eager(void *bottom, void *top);
GC_API void GC_CALL GC_push_conditional(void *bottom, void *top, int all);
GC_API void GC_CALL GC_push_finalizer_structures(void);

typedef void(GC_CALLBACK *GC_push_other_roots_proc)(void);
/* Called in each collection, the world stopped, to push roots that only the
   program knows. */
GC_API void GC_CALL GC_set_push_other_roots(GC_push_other_roots_proc fn);
GC_API GC_push_other_roots_proc GC_CALL GC_get_push_other_roots(void);

/* ---- The rest ----------------------------------------------------------- */

/* Returns RESULT: no stack below the stack pointer is scanned.  No root is a
   temporary one, and no trace is kept. */
GC_API void *GC_CALL GC_clear_stack(void *result);
GC_API int GC_CALL GC_is_tmp_root(void *addr);
GC_API void GC_CALL GC_print_trace(GC_word gc_no);
GC_API void GC_CALL GC_print_trace_inner(GC_word gc_no);

#ifdef __cplusplus
}
#endif

#endif
