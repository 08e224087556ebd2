/* SPDX-License-Identifier: MIT */
/*
 * gc_inline.h - allocation from free lists of the client's own, without a
 * call.
 *
 * The lists are an array of GC_TINY_FREELISTS pointers, each the head of a
 * list that is linked through the objects' first words.  They lie where the
 * collector finds them, one array for each thread.  For objects without
 * pointers, and of kinds whose first word is not scanned, each list holds one
 * object, since nothing else would keep the next one alive.
 *
 * An object has the size that was asked for and no byte more.
 */
#ifndef GC_INLINE_H
#define GC_INLINE_H

#include "gc.h"
#include "gc_tiny_fl.h"

#define GC_EXPECT(expr, outcome) __builtin_expect(expr, outcome)

#ifndef GC_ASSERT
#ifdef NDEBUG
#define GC_ASSERT(expr) /* nothing */
#else
#include <assert.h>
#define GC_ASSERT(expr) assert(expr)
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

#ifndef GC_PREFETCH_FOR_WRITE
#ifdef GC_NO_PREFETCH_FOR_WRITE
#define GC_PREFETCH_FOR_WRITE(x) (void)0
#else
#define GC_PREFETCH_FOR_WRITE(x) __builtin_prefetch((x), 1)
#endif
#endif

/* Kinds that are always there. */
#define GC_I_PTRFREE 0
#define GC_I_NORMAL 1

/* Put a list of one or more objects of SIZE bytes and of KIND into *RESULT, or
   NULL without memory.  *RESULT is a place that is scanned. */
GC_API void GC_CALL GC_generic_malloc_many(size_t size, int kind,
                                           void **result);

/* An object of KIND, as GC_malloc and GC_malloc_atomic are of 1 and 0. */
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_CALL
    GC_malloc_kind(size_t size, int kind);
#ifdef GC_THREADS
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_CALL
    GC_malloc_kind_global(size_t size, int kind);
#else
#define GC_malloc_kind_global GC_malloc_kind
#endif

#if defined(GC_THREADS) && defined(AO_HAVE_store)
#define GC_FAST_M_AO_STORE(list, next)                                         \
  AO_store((volatile AO_t *)(list), (AO_t)(next))
#else
#define GC_FAST_M_AO_STORE(list, next) (void)(*(list) = (next))
#endif

/*
 * RESULT becomes an object of GRANULES granules.  Where LISTS has none for
 * that size DEFAULT_EXPR makes it.  INIT is done with each object of a list,
 * whose first word is the link.  A list that begins as (void *)1 counts
 * granules until NUM_DIRECT of them came from DEFAULT_EXPR.
 */
#define GC_FAST_MALLOC_GRANS(result, granules, lists, num_direct, kind,        \
                             default_expr, init)                               \
  do {                                                                         \
    void **gc_list = (lists) + (granules);                                     \
    void *gc_first;                                                            \
    if (GC_EXPECT((granules) >= GC_TINY_FREELISTS, 0)) {                       \
      result = (default_expr);                                                 \
      break;                                                                   \
    }                                                                          \
    gc_first = *gc_list;                                                       \
    if (gc_first != 0 && (GC_word)gc_first <= (GC_word)(num_direct)) {         \
      GC_FAST_M_AO_STORE(gc_list, (char *)gc_first + (granules) + 1);          \
      result = (default_expr);                                                 \
      break;                                                                   \
    }                                                                          \
    if (GC_EXPECT((GC_word)gc_first <=                                         \
                      (GC_word)(num_direct) + GC_TINY_FREELISTS + 1,           \
                  0)) {                                                        \
      GC_generic_malloc_many((granules) == 0                                   \
                                 ? GC_GRANULE_BYTES                            \
                                 : GC_RAW_BYTES_FROM_INDEX(granules),          \
                             kind, gc_list);                                   \
      gc_first = *gc_list;                                                     \
    }                                                                          \
    if (gc_first == 0) {                                                       \
      result = (*GC_get_oom_fn())((granules)*GC_GRANULE_BYTES);                \
    } else {                                                                   \
      void *gc_next = *(void **)gc_first;                                      \
      result = gc_first;                                                       \
      GC_FAST_M_AO_STORE(gc_list, gc_next);                                    \
      init;                                                                    \
      GC_PREFETCH_FOR_WRITE(gc_next);                                          \
      if ((kind) != GC_I_PTRFREE) {                                            \
        GC_end_stubborn_change(gc_list);                                       \
        GC_reachable_here(gc_next);                                            \
      }                                                                        \
      GC_ASSERT(GC_size(result) >= (granules)*GC_GRANULE_BYTES);               \
    }                                                                          \
  } while (0)

#define GC_WORDS_TO_WHOLE_GRANULES(n)                                          \
  GC_WORDS_TO_GRANULES((n) + GC_GRANULE_WORDS - 1)

/* N words, not bytes. */
#define GC_MALLOC_WORDS_KIND(result, n, lists, kind, init)                     \
  do {                                                                         \
    size_t gc_granules = GC_WORDS_TO_WHOLE_GRANULES(n);                        \
    GC_FAST_MALLOC_GRANS(result, gc_granules, lists, 0, kind,                  \
                         GC_malloc_kind(gc_granules *GC_GRANULE_BYTES, kind),  \
                         init);                                                \
  } while (0)

#define GC_MALLOC_WORDS(result, n, lists)                                      \
  GC_MALLOC_WORDS_KIND(result, n, lists, GC_I_NORMAL, *(void **)(result) = 0)

#define GC_MALLOC_ATOMIC_WORDS(result, n, lists)                               \
  GC_MALLOC_WORDS_KIND(result, n, lists, GC_I_PTRFREE, (void)0)

/* Two words with FIRST and SECOND in them. */
#define GC_CONS(result, first, second, lists)                                  \
  do {                                                                         \
    void *gc_car = (void *)(first);                                            \
    void *gc_cdr = (void *)(second);                                           \
    GC_MALLOC_WORDS_KIND(result, 2, lists, GC_I_NORMAL, (void)0);              \
    if ((result) != 0) {                                                       \
      *(void **)(result) = gc_car;                                             \
      GC_PTR_STORE_AND_DIRTY((void **)(result) + 1, gc_cdr);                   \
      GC_reachable_here(gc_car);                                               \
    }                                                                          \
  } while (0)

/* Print how many objects of KIND and of so many granules are free. */
GC_API void GC_CALL GC_print_free_list(int kind, size_t granules);

#ifdef __cplusplus
}
#endif

#endif
