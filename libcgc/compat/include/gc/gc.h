/* SPDX-License-Identifier: MIT */
/*
 * gc.h - the interface of the Boehm-Demers-Weiser collector (bdwgc), version
 * 8.2.2, as libcgc serves it.
 *
 *   #include <gc.h>             cc prog.c $(pkg-config --cflags --libs bdw-gc)
 *
 * Programs that were built for libgc.so.1 run on this one unchanged, and those
 * that are compiled with this header run on the other.  What differs in
 * meaning stands in cgc-compat(7); new programs better use <cgc.h>.
 *
 *   sizes     bytes.  Objects are 16-byte aligned and zeroed.
 *   roots     registers, stacks and thread-local variables of all threads, and
 *             the data of the program and its libraries; no malloc'ed memory
 *   threads   every function may be called by any thread, but where it says
 *             otherwise; none by a signal handler, but for allocation
 *   variables may be read and written at any time; functions are better
 *
 * A program defines before this header: GC_THREADS, for threads at all;
 * GC_DEBUG, for the checking allocator behind the GC_MALLOC family;
 * GC_NO_THREAD_REDIRECTS, GC_I_HIDE_POINTERS, GC_REQUIRE_WCSDUP.
 */
#ifndef GC_H
#define GC_H

#include "gc_config_macros.h"
#include "gc_version.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef unsigned long GC_word;
typedef long GC_signed_word;
typedef unsigned int GC_word32;

/* Results of functions that have one. */
#define GC_SUCCESS 0
#define GC_DUPLICATE 1 /* was there already */
#define GC_NO_THREADS 2
#define GC_NO_MEMORY 2
#define GC_UNIMPLEMENTED 3
#define GC_NOT_FOUND 4

/* ---- Start ------------------------------------------------------------- */

/* Make the heap ready.  Call GC_INIT() in main; the first allocation does the
   same.  The environment variables of cgc-compat(7) are read now. */
GC_API void GC_CALL GC_init(void);
GC_API int GC_CALL GC_is_init_called(void);
/* Nothing remains to be done at the end; the heap stays as it is. */
GC_API void GC_CALL GC_deinit(void);
/* major << 16 | minor << 8 | micro, of the interface: 0x080202. */
GC_API unsigned GC_CALL GC_get_version(void);

/* ---- Allocate ---------------------------------------------------------- */

/* SIZE bytes that may hold pointers; GC_malloc_atomic: that hold none.  The
   out-of-memory function's result if there is no memory. */
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_CALL
    GC_malloc(size_t size);
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_CALL
    GC_malloc_atomic(size_t size);

/* The same, alive until GC_free without any pointer to it, as is what it
   points to. */
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_CALL
    GC_malloc_uncollectable(size_t size);
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_CALL
    GC_malloc_atomic_uncollectable(size_t size);

/* For large objects to which the program always keeps a pointer near their
   start.  Pointers further inside keep them alive too. */
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_CALL
    GC_malloc_ignore_off_page(size_t size);
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_CALL
    GC_malloc_atomic_ignore_off_page(size_t size);

/* At a multiple of ALIGN, a power of two.  GC_posix_memalign returns 0, EINVAL
   or ENOMEM. */
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(2) void *GC_CALL
    GC_memalign(size_t align, size_t size);
GC_API int GC_CALL GC_posix_memalign(void **result, size_t align, size_t size)
    GC_ATTR_NONNULL(1);

/* Change the size of OBJ, maybe by moving it; the kind of memory stays.  NULL
   allocates, a size of 0 frees. */
GC_API void *GC_CALL GC_realloc(void *obj, size_t size) GC_ATTR_ALLOC_SIZE(2);
/* Free OBJ, the start of an object or NULL, now. */
GC_API void GC_CALL GC_free(void *obj);

/* Copies in memory without pointers. */
GC_API GC_ATTR_MALLOC char *GC_CALL GC_strdup(const char *s);
GC_API GC_ATTR_MALLOC char *GC_CALL GC_strndup(const char *s, size_t max)
    GC_ATTR_NONNULL(1);

/* A list of objects of SIZE bytes, linked by their first words: GC_NEXT. */
GC_API GC_ATTR_MALLOC void *GC_CALL GC_malloc_many(size_t size);
#define GC_NEXT(p) (*(void **)(p))

/* Objects that seldom change are no kind of their own any more. */
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_CALL
    GC_malloc_stubborn(size_t size);
GC_API void GC_CALL GC_change_stubborn(const void *obj);
GC_API void GC_CALL GC_end_stubborn_change(const void *obj) GC_ATTR_NONNULL(1);
/* *(void **)P = Q. */
GC_API void GC_CALL GC_ptr_store_and_dirty(void *p, const void *q);

/* ---- Allocate and check ------------------------------------------------ */

#define GC_EXTRAS __FILE__, __LINE__
#define GC_EXTRA_PARAMS const char *s, int i

/* The functions above for objects that know their size and the line I of file
   S that made them; what was written behind their end is told. */
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_CALL
    GC_debug_malloc(size_t size, GC_EXTRA_PARAMS);
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_CALL
    GC_debug_malloc_atomic(size_t size, GC_EXTRA_PARAMS);
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_CALL
    GC_debug_malloc_uncollectable(size_t size, GC_EXTRA_PARAMS);
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_CALL
    GC_debug_malloc_atomic_uncollectable(size_t size, GC_EXTRA_PARAMS);
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_CALL
    GC_debug_malloc_ignore_off_page(size_t size, GC_EXTRA_PARAMS);
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_CALL
    GC_debug_malloc_atomic_ignore_off_page(size_t size, GC_EXTRA_PARAMS);
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_CALL
    GC_debug_malloc_stubborn(size_t size, GC_EXTRA_PARAMS);
GC_API GC_ATTR_MALLOC char *GC_CALL GC_debug_strdup(const char *text,
                                                    GC_EXTRA_PARAMS);
GC_API GC_ATTR_MALLOC char *GC_CALL GC_debug_strndup(const char *text,
                                                     size_t max,
                                                     GC_EXTRA_PARAMS)
    GC_ATTR_NONNULL(1);
GC_API void *GC_CALL GC_debug_realloc(void *obj, size_t size, GC_EXTRA_PARAMS)
    GC_ATTR_ALLOC_SIZE(2);
GC_API void GC_CALL GC_debug_free(void *obj);
/* For sources that cannot name the caller's line. */
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_CALL
    GC_debug_malloc_replacement(size_t size);
GC_API GC_ATTR_ALLOC_SIZE(2) void *GC_CALL
    GC_debug_realloc_replacement(void *obj, size_t size);
GC_API void GC_CALL GC_debug_change_stubborn(const void *obj);
GC_API void GC_CALL GC_debug_end_stubborn_change(const void *obj)
    GC_ATTR_NONNULL(1);
GC_API void GC_CALL GC_debug_ptr_store_and_dirty(void *p, const void *q);
/* GC_register_displacement for objects of the functions above. */
GC_API void GC_CALL GC_debug_register_displacement(size_t offset);

/* ---- Ask about a pointer ----------------------------------------------- */

/* The start of the object that ADDR points into, or NULL. */
GC_API void *GC_CALL GC_base(void *addr);
GC_API int GC_CALL GC_is_heap_ptr(const void *addr);
/* Bytes of the object at OBJ, at least what was asked for. */
GC_API size_t GC_CALL GC_size(const void *obj) GC_ATTR_NONNULL(1);
/* Bytes that an object gets that asks for so many granules of 16. */
GC_API size_t GC_CALL GC_get_size_map_at(int granules);

/* With interior pointers off, a pointer OFFSET bytes behind an object's start
   keeps it alive, too. */
GC_API void GC_CALL GC_register_displacement(size_t offset);

/* Checks that return their (first) argument.  What fails is told the function
   in the variable, which ends the program at the start. */
GC_API void *GC_CALL GC_same_obj(void *p, void *q);
GC_API void *GC_CALL GC_is_visible(void *p);
GC_API void *GC_CALL GC_is_valid_displacement(void *p);
/* *P += BYTES, checked by GC_same_obj; returns the new, or the old, *P. */
GC_API void *GC_CALL GC_pre_incr(void **p, ptrdiff_t bytes) GC_ATTR_NONNULL(1);
GC_API void *GC_CALL GC_post_incr(void **p, ptrdiff_t bytes) GC_ATTR_NONNULL(1);
GC_API void(GC_CALLBACK *GC_same_obj_print_proc)(void *p, void *q);
GC_API void(GC_CALLBACK *GC_is_valid_displacement_print_proc)(void *p);
GC_API void(GC_CALLBACK *GC_is_visible_print_proc)(void *p);

/* ---- Collect ----------------------------------------------------------- */

/* Collect now, unless collections are disabled; GC_gcollect_and_unmap gives
   all that is free back to the system. */
GC_API void GC_CALL GC_gcollect(void);
GC_API void GC_CALL GC_gcollect_and_unmap(void);

/* A function that is asked before a collection: not 0 refuses it. */
typedef int(GC_CALLBACK *GC_stop_func)(void);
/* Collect unless FN refuses.  returns  1, or 0 when nothing was collected */
GC_API int GC_CALL GC_try_to_collect(GC_stop_func fn) GC_ATTR_NONNULL(1);
/* FN is asked before each collection that allocation starts. */
GC_API void GC_CALL GC_set_stop_func(GC_stop_func fn) GC_ATTR_NONNULL(1);
GC_API GC_stop_func GC_CALL GC_get_stop_func(void);

/* No collections between them; calls nest.  GC_dont_gc is the depth. */
GC_API void GC_CALL GC_disable(void);
GC_API void GC_CALL GC_enable(void);
GC_API int GC_CALL GC_is_disabled(void);
GC_API int GC_dont_gc;
/* Not 0: only GC_gcollect and the like collect. */
GC_API void GC_CALL GC_set_disable_automatic_collection(int value);
GC_API int GC_CALL GC_get_disable_automatic_collection(void);

/* From here on collections that allocation asks for run in slices, where the
   kernel keeps a record of written pages; others are whole. */
GC_API void GC_CALL GC_enable_incremental(void);
GC_API int GC_CALL GC_is_incremental_mode(void);
GC_API void GC_CALL GC_start_incremental_collection(void);
/* Do what is due of a collection, which may be nothing.
   returns  whether something remains to be done */
GC_API int GC_CALL GC_collect_a_little(void);
#define GC_PROTECTS_NONE 0
#define GC_PROTECTS_POINTER_HEAP 1
#define GC_PROTECTS_PTRFREE_HEAP 2
#define GC_PROTECTS_STATIC_DATA 4
#define GC_PROTECTS_STACK 8
GC_API int GC_CALL GC_incremental_protection_needs(void);
GC_API void GC_CALL GC_set_manual_vdb_allowed(int value);
GC_API int GC_CALL GC_get_manual_vdb_allowed(void);

/* Collections so far. */
GC_API GC_word GC_CALL GC_get_gc_no(void);
GC_API GC_word GC_gc_no;

/* ---- Size of the heap -------------------------------------------------- */

/* Bytes: of the heap, free in it, given back to the system; given to the
   program since the last collection, and ever; of the heap and what the
   collector needs beside it. */
GC_API size_t GC_CALL GC_get_heap_size(void);
GC_API size_t GC_CALL GC_get_free_bytes(void);
GC_API size_t GC_CALL GC_get_unmapped_bytes(void);
GC_API size_t GC_CALL GC_get_bytes_since_gc(void);
GC_API size_t GC_CALL GC_get_expl_freed_bytes_since_gc(void);
GC_API size_t GC_CALL GC_get_total_bytes(void);
GC_API size_t GC_CALL GC_get_obtained_from_os_bytes(void);
GC_API size_t GC_CALL GC_get_memory_use(void);
/* All at one moment; each pointer may be NULL. */
GC_API void GC_CALL GC_get_heap_usage_safe(GC_word *heap_size,
                                           GC_word *free_bytes,
                                           GC_word *unmapped_bytes,
                                           GC_word *bytes_since_gc,
                                           GC_word *total_bytes);

struct GC_prof_stats_s {
  GC_word heapsize_full; /* with what was given back to the system */
  GC_word free_bytes_full;
  GC_word unmapped_bytes;
  GC_word bytes_allocd_since_gc;
  GC_word allocd_bytes_before_gc; /* all that was allocated until then */
  GC_word non_gc_bytes;
  GC_word gc_no;
  GC_word markers_m1; /* markers besides the collecting thread */
  GC_word bytes_reclaimed_since_gc;
  GC_word reclaimed_bytes_before_gc;
  GC_word expl_freed_bytes_since_gc;
  GC_word obtained_from_os_bytes;
};
/* Fill in SIZE bytes of STATS; what is unknown is filled with -1.
   returns  bytes that were known */
GC_API size_t GC_CALL GC_get_prof_stats(struct GC_prof_stats_s *stats,
                                        size_t size);
/* The same, the caller holds the lock or stopped the world. */
GC_API size_t GC_CALL GC_get_prof_stats_unsafe(struct GC_prof_stats_s *stats,
                                               size_t size);

/* ---- Tune -------------------------------------------------------------- */

/* Let the heap grow by BYTES before it is collected again.  returns  1 or 0 */
GC_API int GC_CALL GC_expand_hp(size_t bytes);
/* The heap never gets larger; 0: no limit. */
GC_API void GC_CALL GC_set_max_heap_size(GC_word bytes);
/* Not 0: collect instead of growing, as long as that helps. */
GC_API void GC_CALL GC_set_dont_expand(int value);
GC_API int GC_CALL GC_get_dont_expand(void);
GC_API int GC_dont_expand;
GC_API int GC_use_entire_heap;
/* The more, the smaller the heap and the more collections; 3 at the start. */
GC_API void GC_CALL GC_set_free_space_divisor(GC_word value);
GC_API GC_word GC_CALL GC_get_free_space_divisor(void);
GC_API GC_word GC_free_space_divisor;
/* At least so many words are allocated between two collections. */
GC_API void GC_CALL GC_set_min_bytes_allocd(size_t words);
GC_API size_t GC_CALL GC_get_min_bytes_allocd(void);
/* Threads that mark, the collecting one included; before GC_init. */
GC_API void GC_CALL GC_set_markers_count(unsigned n);
/* Of these, how many besides the collecting one. */
GC_API int GC_CALL GC_get_parallel(void);
GC_API int GC_parallel;
GC_API void GC_CALL GC_start_mark_threads(void);

/* Not 0 (1 at the start): a pointer to any byte of an object keeps it alive.
   0, before GC_init: from the heap and from data only one to its start, or to
   a registered displacement. */
GC_API void GC_CALL GC_set_all_interior_pointers(int value);
GC_API int GC_CALL GC_get_all_interior_pointers(void);
GC_API int GC_all_interior_pointers;

/* The time limit is that of a slice. The others are kept and told, without
   effect on collections that are never partial and always full. */
#define GC_TIME_UNLIMITED 999999
GC_API void GC_CALL GC_set_full_freq(int value);
GC_API int GC_CALL GC_get_full_freq(void);
GC_API int GC_full_freq;
GC_API void GC_CALL GC_set_time_limit(unsigned long ms);
GC_API unsigned long GC_CALL GC_get_time_limit(void);
GC_API unsigned long GC_time_limit;
struct GC_timeval_s {
  unsigned long tv_ms;
  unsigned long tv_nsec;
};
GC_API void GC_CALL GC_set_time_limit_tv(struct GC_timeval_s value);
GC_API struct GC_timeval_s GC_CALL GC_get_time_limit_tv(void);
GC_API void GC_CALL GC_set_rate(int value);
GC_API int GC_CALL GC_get_rate(void);
GC_API void GC_CALL GC_set_max_prior_attempts(int value);
GC_API int GC_CALL GC_get_max_prior_attempts(void);
GC_API void GC_CALL GC_set_allocd_bytes_per_finalizer(GC_word value);
GC_API GC_word GC_CALL GC_get_allocd_bytes_per_finalizer(void);
GC_API void GC_CALL GC_set_non_gc_bytes(GC_word value);
GC_API GC_word GC_CALL GC_get_non_gc_bytes(void);
GC_API GC_word GC_non_gc_bytes;
GC_API void GC_CALL GC_set_max_retries(GC_word value);
GC_API GC_word GC_CALL GC_get_max_retries(void);
GC_API GC_word GC_max_retries;
GC_API void GC_CALL GC_set_dont_precollect(int value);
GC_API int GC_CALL GC_get_dont_precollect(void);
GC_API int GC_dont_precollect;
GC_API void GC_CALL GC_set_pages_executable(int value);
GC_API int GC_CALL GC_get_pages_executable(void);
/* Not 0: GC_gcollect gives all that is free back to the system. */
GC_API void GC_CALL GC_set_force_unmap_on_gcollect(int value);
GC_API int GC_CALL GC_get_force_unmap_on_gcollect(void);

/* Milliseconds of all collections since the first of the two. */
GC_API void GC_CALL GC_start_performance_measurement(void);
GC_API unsigned long GC_CALL GC_get_full_gc_total_time(void);

/* ---- Roots ------------------------------------------------------------- */

/* Scan [LOW, HIGH); forget it; forget all ranges that were added. */
GC_API void GC_CALL GC_add_roots(void *low, void *high);
GC_API void GC_CALL GC_remove_roots(void *low, void *high);
GC_API void GC_CALL GC_clear_roots(void);
/* Never scan [LOW, HIGH) as data; forget all such ranges. */
GC_API void GC_CALL GC_exclude_static_roots(void *low, void *high);
GC_API void GC_CALL GC_clear_exclusion_table(void);
/* Not 0: the data of the program and its libraries are no roots. */
GC_API void GC_CALL GC_set_no_dls(int value);
GC_API int GC_CALL GC_get_no_dls(void);
GC_API int GC_no_dls;
/* FN is asked for each segment of data of a loaded object: 0 leaves it out.
   NULL at the start. */
typedef int(GC_CALLBACK *GC_has_static_roots_func)(const char *name,
                                                   void *start, size_t bytes);
GC_API void GC_CALL
GC_register_has_static_roots_callback(GC_has_static_roots_func fn);

/* ---- Finalizers and weak links ----------------------------------------- */

/* When OBJ, the start of an object, is unreachable, FN(OBJ, DATA) runs once.
   FN NULL: no more.  What was registered is stored in *OLD_FN, *OLD_DATA.
   Order, of objects that reach each other: as written here, the outer one
   first, a cycle never; _ignore_self, its pointers to itself do not count;
   _no_order, all of them; _unreachable, that also waits until no object that
   waits reaches it. */
typedef void(GC_CALLBACK *GC_finalization_proc)(void *obj, void *client_data);
GC_API void GC_CALL GC_register_finalizer(void *obj, GC_finalization_proc fn,
                                          void *data,
                                          GC_finalization_proc *old_fn,
                                          void **old_data) GC_ATTR_NONNULL(1);
GC_API void GC_CALL GC_register_finalizer_ignore_self(
    void *obj, GC_finalization_proc fn, void *data,
    GC_finalization_proc *old_fn, void **old_data) GC_ATTR_NONNULL(1);
GC_API void GC_CALL GC_register_finalizer_no_order(
    void *obj, GC_finalization_proc fn, void *data,
    GC_finalization_proc *old_fn, void **old_data) GC_ATTR_NONNULL(1);
GC_API void GC_CALL GC_register_finalizer_unreachable(
    void *obj, GC_finalization_proc fn, void *data,
    GC_finalization_proc *old_fn, void **old_data) GC_ATTR_NONNULL(1);
/* The same for objects of the checking allocator. */
GC_API void GC_CALL GC_debug_register_finalizer(
    void *obj, GC_finalization_proc fn, void *data,
    GC_finalization_proc *old_fn, void **old_data) GC_ATTR_NONNULL(1);
GC_API void GC_CALL GC_debug_register_finalizer_ignore_self(
    void *obj, GC_finalization_proc fn, void *data,
    GC_finalization_proc *old_fn, void **old_data) GC_ATTR_NONNULL(1);
GC_API void GC_CALL GC_debug_register_finalizer_no_order(
    void *obj, GC_finalization_proc fn, void *data,
    GC_finalization_proc *old_fn, void **old_data) GC_ATTR_NONNULL(1);
GC_API void GC_CALL GC_debug_register_finalizer_unreachable(
    void *obj, GC_finalization_proc fn, void *data,
    GC_finalization_proc *old_fn, void **old_data) GC_ATTR_NONNULL(1);

/* Run what is ready, in this thread.  returns  how many ran */
GC_API int GC_CALL GC_invoke_finalizers(void);
GC_API int GC_CALL GC_should_invoke_finalizers(void);
/* Not 0: only GC_invoke_finalizers runs them. */
GC_API void GC_CALL GC_set_finalize_on_demand(int value);
GC_API int GC_CALL GC_get_finalize_on_demand(void);
GC_API int GC_finalize_on_demand;
/* Called after a collection that made some ready, if they run on demand. */
typedef void(GC_CALLBACK *GC_finalizer_notifier_proc)(void);
GC_API void GC_CALL GC_set_finalizer_notifier(GC_finalizer_notifier_proc fn);
GC_API GC_finalizer_notifier_proc GC_CALL GC_get_finalizer_notifier(void);
GC_API GC_finalizer_notifier_proc GC_finalizer_notifier;
/* Not 0: what a finalizer can reach is kept for it.  Kept and told; it is. */
GC_API void GC_CALL GC_set_java_finalization(int value);
GC_API int GC_CALL GC_get_java_finalization(void);
GC_API int GC_java_finalization;
/* FN is called with each object whose finalizer becomes ready, the world
   stopped. */
typedef void(GC_CALLBACK *GC_await_finalize_proc)(void *obj);
GC_API void GC_CALL GC_set_await_finalize_proc(GC_await_finalize_proc fn);
GC_API GC_await_finalize_proc GC_CALL GC_get_await_finalize_proc(void);

/* *LINK becomes NULL when OBJ is unreachable, before its finalizer is called;
   of a long link, when not even a waiting finalizer reaches OBJ.  The first
   form is for a link inside of OBJ.
   returns  GC_SUCCESS, GC_DUPLICATE or GC_NO_MEMORY */
GC_API int GC_CALL GC_register_disappearing_link(void **link)
    GC_ATTR_NONNULL(1);
GC_API int GC_CALL GC_general_register_disappearing_link(void **link,
                                                         const void *obj)
    GC_ATTR_NONNULL(1) GC_ATTR_NONNULL(2);
GC_API int GC_CALL GC_register_long_link(void **link, const void *obj)
    GC_ATTR_NONNULL(1) GC_ATTR_NONNULL(2);
/* returns  GC_SUCCESS, GC_DUPLICATE or GC_NOT_FOUND */
GC_API int GC_CALL GC_move_disappearing_link(void **link, void **new_link)
    GC_ATTR_NONNULL(2);
GC_API int GC_CALL GC_move_long_link(void **link, void **new_link)
    GC_ATTR_NONNULL(2);
/* returns  1, or 0 when it was not registered */
GC_API int GC_CALL GC_unregister_disappearing_link(void **link);
GC_API int GC_CALL GC_unregister_long_link(void **link);

/* An object is held strongly or weakly as FN says before each collection. */
typedef enum {
  GC_TOGGLE_REF_DROP,
  GC_TOGGLE_REF_STRONG,
  GC_TOGGLE_REF_WEAK
} GC_ToggleRefStatus;
typedef GC_ToggleRefStatus(GC_CALLBACK *GC_toggleref_func)(void *obj);
GC_API void GC_CALL GC_set_toggleref_func(GC_toggleref_func fn);
GC_API GC_toggleref_func GC_CALL GC_get_toggleref_func(void);
/* returns  GC_SUCCESS or GC_NO_MEMORY */
GC_API int GC_CALL GC_toggleref_add(void *obj, int is_strong)
    GC_ATTR_NONNULL(1);

/* A pointer that the collector does not see. */
typedef GC_word GC_hidden_pointer;
#define GC_HIDE_POINTER(p) (~(GC_hidden_pointer)(p))
#define GC_REVEAL_POINTER(p) ((void *)GC_HIDE_POINTER(p))
#if defined(I_HIDE_POINTERS) || defined(GC_I_HIDE_POINTERS)
#define HIDE_POINTER(p) GC_HIDE_POINTER(p)
#define REVEAL_POINTER(p) GC_REVEAL_POINTER(p)
#endif
/* X is used here, so its object is alive until here. */
GC_API void GC_CALL GC_noop1(GC_word x);
#define GC_reachable_here(ptr)                                                 \
  __asm__ volatile("" : : "X"((void *)(ptr)) : "memory")

/* ---- Out of memory, warnings, the end ---------------------------------- */

/* What allocation returns if there is no memory; at the start: NULL. */
typedef void *(GC_CALLBACK *GC_oom_func)(size_t bytes);
GC_API void GC_CALL GC_set_oom_fn(GC_oom_func fn) GC_ATTR_NONNULL(1);
GC_API GC_oom_func GC_CALL GC_get_oom_fn(void);
GC_API GC_oom_func GC_oom_fn;
/* "Out of memory", and the abort function. */
GC_API void GC_CALL GC_abort_on_oom(void);

/* FORMAT takes ARG.  At the start warnings are lines on stderr. */
typedef void(GC_CALLBACK *GC_warn_proc)(char *format, GC_word arg);
GC_API void GC_CALL GC_set_warn_proc(GC_warn_proc fn) GC_ATTR_NONNULL(1);
GC_API GC_warn_proc GC_CALL GC_get_warn_proc(void);
GC_API void GC_CALL GC_ignore_warn_proc(char *format, GC_word arg);
GC_API void GC_CALL GC_set_log_fd(int fd);
/* Called before the program is aborted; MESSAGE NULL: it exits after a line
   that was printed. */
typedef void(GC_CALLBACK *GC_abort_func)(const char *message);
GC_API void GC_CALL GC_set_abort_func(GC_abort_func fn) GC_ATTR_NONNULL(1);
GC_API GC_abort_func GC_CALL GC_get_abort_func(void);

/* ---- Observe ----------------------------------------------------------- */

typedef enum {
  GC_EVENT_START,
  GC_EVENT_MARK_START,
  GC_EVENT_MARK_END,
  GC_EVENT_RECLAIM_START,
  GC_EVENT_RECLAIM_END,
  GC_EVENT_END,
  GC_EVENT_PRE_STOP_WORLD,
  GC_EVENT_POST_STOP_WORLD,
  GC_EVENT_PRE_START_WORLD,
  GC_EVENT_POST_START_WORLD,
  GC_EVENT_THREAD_SUSPENDED,
  GC_EVENT_THREAD_UNSUSPENDED
} GC_EventType;

/* FN must not allocate. */
typedef void(GC_CALLBACK *GC_on_collection_event_proc)(GC_EventType event);
GC_API void GC_CALL GC_set_on_collection_event(GC_on_collection_event_proc fn);
GC_API GC_on_collection_event_proc GC_CALL GC_get_on_collection_event(void);
typedef void(GC_CALLBACK *GC_on_thread_event_proc)(GC_EventType event,
                                                   void *thread);
GC_API void GC_CALL GC_set_on_thread_event(GC_on_thread_event_proc fn);
GC_API GC_on_thread_event_proc GC_CALL GC_get_on_thread_event(void);
/* Called with the new size of the heap. */
typedef void(GC_CALLBACK *GC_on_heap_resize_proc)(GC_word bytes);
GC_API void GC_CALL GC_set_on_heap_resize(GC_on_heap_resize_proc fn);
GC_API GC_on_heap_resize_proc GC_CALL GC_get_on_heap_resize(void);
GC_API GC_on_heap_resize_proc GC_on_heap_resize;

/* Not 0: collections, and the end of the program, report what was never freed
   and cannot be reached. */
GC_API void GC_CALL GC_set_find_leak(int value);
GC_API int GC_CALL GC_get_find_leak(void);
GC_API int GC_find_leak;

/* What there is, on the log. */
GC_API void GC_CALL GC_dump(void);
GC_API void GC_CALL GC_dump_named(const char *name);
GC_API void GC_CALL GC_dump_regions(void);
GC_API void GC_CALL GC_dump_finalization(void);

/* ---- Threads ----------------------------------------------------------- */

/* FN(DATA) while no collection starts and no other thread is in such a call;
   FN must not allocate. */
typedef void *(GC_CALLBACK *GC_fn_type)(void *client_data);
GC_API void *GC_CALL GC_call_with_alloc_lock(GC_fn_type fn, void *data)
    GC_ATTR_NONNULL(1);

/* The cold end of a stack: the first byte behind it. */
struct GC_stack_base {
  void *mem_base;
};
typedef void *(GC_CALLBACK *GC_stack_base_func)(struct GC_stack_base *base,
                                                void *data);
/* FN with the base of a stack that ends in this call. */
GC_API void *GC_CALL GC_call_with_stack_base(GC_stack_base_func fn, void *data)
    GC_ATTR_NONNULL(1);
/* returns  GC_SUCCESS or GC_UNIMPLEMENTED */
GC_API int GC_CALL GC_get_stack_base(struct GC_stack_base *base)
    GC_ATTR_NONNULL(1);
/* The base that is in use for the calling thread.
   returns  a handle of the thread for GC_set_stackbottom */
GC_API void *GC_CALL GC_get_my_stackbottom(struct GC_stack_base *base)
    GC_ATTR_NONNULL(1);
/* The thread (NULL: the caller) is on the stack that ends at BASE from now. */
GC_API void GC_CALL GC_set_stackbottom(void *handle,
                                       const struct GC_stack_base *base)
    GC_ATTR_NONNULL(2);
/* That of the main thread, for programs that switch stacks: it is looked at in
   each collection. */
GC_API char *GC_stackbottom;

/* FN(DATA), which does not touch the heap; and inside of such a call, one that
   does again. */
GC_API void *GC_CALL GC_do_blocking(GC_fn_type fn, void *data)
    GC_ATTR_NONNULL(1);
GC_API void *GC_CALL GC_call_with_gc_active(GC_fn_type fn, void *data)
    GC_ATTR_NONNULL(1);

#ifdef GC_THREADS
/* The lock that GC_call_with_alloc_lock takes. */
GC_API void GC_CALL GC_alloc_lock(void);
GC_API void GC_CALL GC_alloc_unlock(void);

/* Nothing has to be allowed: threads are found by themselves. */
GC_API void GC_CALL GC_allow_register_threads(void);
/* returns  GC_SUCCESS, or GC_DUPLICATE when the thread is known */
GC_API int GC_CALL GC_register_my_thread(const struct GC_stack_base *base)
    GC_ATTR_NONNULL(1);
GC_API int GC_CALL GC_unregister_my_thread(void);
GC_API int GC_CALL GC_thread_is_registered(void);
/* Where the calling thread's stacks are. */
GC_API void GC_CALL GC_register_altstack(void *stack, GC_word stack_bytes,
                                         void *altstack,
                                         GC_word altstack_bytes);
/* Stop all other threads, and let them go; no allocation meanwhile. */
GC_API void GC_CALL GC_stop_world_external(void);
GC_API void GC_CALL GC_start_world_external(void);

/* Kept and told: threads are stopped by a signal of glibc's own. */
GC_API void GC_CALL GC_set_suspend_signal(int number);
GC_API int GC_CALL GC_get_suspend_signal(void);
GC_API void GC_CALL GC_set_thr_restart_signal(int number);
GC_API int GC_CALL GC_get_thr_restart_signal(void);
#else
#define GC_alloc_lock() ((void)0)
#define GC_alloc_unlock() ((void)0)
#endif

/* fork is looked after by itself; the calls around it are not needed. */
GC_API void GC_CALL GC_set_handle_fork(int value);
GC_API void GC_CALL GC_atfork_prepare(void);
GC_API void GC_CALL GC_atfork_parent(void);
GC_API void GC_CALL GC_atfork_child(void);

#ifdef __cplusplus
}
#endif

#ifdef GC_THREADS
#include "gc_pthread_redirects.h"
#endif

#include "gc_macros.h"

#endif
