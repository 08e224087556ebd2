/* SPDX-License-Identifier: MIT */
/*
 * gc_typed.h - objects whose layout is told: only the words that a bitmap names
 * may be pointers.
 *
 *   GC_word bitmap[GC_BITMAP_SIZE(struct t)] = {0};
 *   GC_set_bit(bitmap, GC_WORD_OFFSET(struct t, next));
 *   GC_descr d = GC_make_descriptor(bitmap, GC_WORD_LEN(struct t));
 *   struct t *p = GC_malloc_explicitly_typed(sizeof *p, d);
 */
#ifndef GC_TYPED_H
#define GC_TYPED_H

#ifndef GC_H
#include "gc.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef GC_word *GC_bitmap; /* bit 0 of the first word is the first word's */
typedef GC_word GC_descr;

#define GC_WORDSZ (8 * sizeof(GC_word))
#define GC_get_bit(bm, index)                                                  \
  (((bm)[(index) / GC_WORDSZ] >> ((index) % GC_WORDSZ)) & 1)
#define GC_set_bit(bm, index)                                                  \
  ((bm)[(index) / GC_WORDSZ] |= (GC_word)1 << ((index) % GC_WORDSZ))
#define GC_WORD_OFFSET(type, field) (offsetof(type, field) / sizeof(GC_word))
#define GC_WORD_LEN(type) (sizeof(type) / sizeof(GC_word))
#define GC_BITMAP_SIZE(type) ((GC_WORD_LEN(type) + GC_WORDSZ - 1) / GC_WORDSZ)

/* The descriptor of a type with NBITS words of which those of the bits that
   are set may be pointers; words behind them are none.  Once for each type:
   it is never given back.  Without memory all words of the type count. */
GC_API GC_descr GC_CALL GC_make_descriptor(const GC_word *bitmap, size_t nbits);

/* A zeroed object of SIZE bytes, not fewer than D has words.  It may not be
   given to GC_realloc. */
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_CALL
    GC_malloc_explicitly_typed(size_t size, GC_descr d);
GC_API GC_ATTR_MALLOC GC_ATTR_ALLOC_SIZE(1) void *GC_CALL
    GC_malloc_explicitly_typed_ignore_off_page(size_t size, GC_descr d);

/* A zeroed array of COUNT elements of SIZE bytes, a multiple of 8. */
GC_API GC_ATTR_MALLOC GC_ATTR_CALLOC_SIZE(1, 2) void *GC_CALL
    GC_calloc_explicitly_typed(size_t count, size_t size, GC_descr d);

/* The same in two steps: prepared once, DESCR makes any number of arrays.
   prepare returns 0 if there can be no such array, which is then the
   out-of-memory function's business at each making.  (bdwgc 8.3) */
struct GC_calloc_typed_descr_s {
  GC_word opaque[8];
};
GC_API int GC_CALL GC_calloc_prepare_explicitly_typed(
    struct GC_calloc_typed_descr_s *descr, size_t descr_size, size_t count,
    size_t size, GC_descr d);
GC_API GC_ATTR_MALLOC void *GC_CALL GC_calloc_do_explicitly_typed(
    const struct GC_calloc_typed_descr_s *descr, size_t descr_size);

#ifdef GC_DEBUG
#define GC_MALLOC_EXPLICITLY_TYPED(size, d) ((void)(d), GC_MALLOC(size))
#define GC_MALLOC_EXPLICITLY_TYPED_IGNORE_OFF_PAGE(size, d)                    \
  GC_MALLOC_EXPLICITLY_TYPED(size, d)
#define GC_CALLOC_EXPLICITLY_TYPED(n, size, d)                                 \
  ((void)(d), GC_MALLOC((n) * (size)))
#else
#define GC_MALLOC_EXPLICITLY_TYPED(size, d) GC_malloc_explicitly_typed(size, d)
#define GC_MALLOC_EXPLICITLY_TYPED_IGNORE_OFF_PAGE(size, d)                    \
  GC_malloc_explicitly_typed_ignore_off_page(size, d)
#define GC_CALLOC_EXPLICITLY_TYPED(n, size, d)                                 \
  GC_calloc_explicitly_typed(n, size, d)
#endif

#ifdef __cplusplus
}
#endif

#endif
