/* SPDX-License-Identifier: MIT */
/*
 * t/unit/private.h - a heap of the test's own, and objects in it.
 *
 * Heaps are never destroyed: their locks stay in the registry.  Threads that
 * may be stopped come in here while they are busy, so nothing here may wait for
 * libcheck's mutex: cgc_check in place of ck_assert.
 */
#ifndef T_UNIT_PRIVATE_H
#define T_UNIT_PRIVATE_H

#include "unit.h"

#include "heap/cache.h"
#include "heap/verify.h"
#include "os/page.h"

#include <string.h>

/* A heap that may grow to RESERVE bytes and keeps RETAIN free ones. */
static inline struct cgc_heap *private_heap(size_t reserve, size_t retain) {
  struct cgc_heap *heap = calloc(1, sizeof *heap);
  cgc_sizeclass_init();
  cgc_check(cgc_heap_init(heap, reserve, retain));
  return heap;
}

/* The process's own heap, for modules that know no other. */
static inline struct cgc_heap *private_process_heap(void) {
  cgc_sizeclass_init();
  cgc_check(cgc_heap_init(&cgc_heap, (size_t)256 << 20, 0) &&
            cgc_page_adopt(&cgc_heap, sizeof cgc_heap));
  return &cgc_heap;
}

static inline struct cgc_cache *private_cache(struct cgc_heap *heap) {
  struct cgc_cache *cache = calloc(1, sizeof *cache);
  cgc_cache_init(cache, heap);
  return cache;
}

/* One span. */
static inline struct cgc_span *
private_take_span(struct cgc_heap *heap, enum cgc_kind kind, unsigned class) {
  struct cgc_span *span = NULL;
  cgc_heap_take_spans(heap, kind, class, &span, 1);
  return span;
}

static inline void private_give_span(struct cgc_heap *heap,
                                     struct cgc_span *span) {
  cgc_heap_give_spans(heap, (enum cgc_kind)span->kind, span->class, &span, 1);
}

/* A LIVE slot of CLASS, or NULL when the heap is full. */
static inline void *private_slot(struct cgc_cache *cache, enum cgc_kind kind,
                                 unsigned class) {
  bool stale;
  void *obj = cgc_cache_pop(&cache->bin[kind][class], &stale);
  if (!obj && cgc_cache_refill(cache, kind, class, false))
    obj = cgc_cache_pop(&cache->bin[kind][class], &stale);
  return obj;
}

static inline struct cgc_object private_object(const struct cgc_heap *heap,
                                               const void *addr) {
  struct cgc_object obj;
  cgc_check(cgc_arena_find(&heap->arena, (uintptr_t)addr, &obj));
  return obj;
}

/* An object of SIZE bytes, small or large, all of it zero. */
static inline void *private_alloc(struct cgc_cache *cache, enum cgc_kind kind,
                                  size_t size) {
  void *obj;
  bool zeroed;
  if (size <= CGC_SMALL_MAX) {
    obj = private_slot(cache, kind, cgc_sizeclass_of(size));
  } else {
    struct cgc_span *span =
        cgc_heap_new_large(cache->heap, size, 1, kind, &zeroed);
    obj = span ? (void *)span->base : NULL;
  }
  if (obj)
    memset(obj, 0, private_object(cache->heap, obj).size);
  return obj;
}

static inline void private_free(struct cgc_cache *cache, void *addr) {
  struct cgc_object obj = private_object(cache->heap, addr);
  struct cgc_span *span = obj.span;
  cgc_check(obj.addr == (uintptr_t)addr);
  cgc_check(cgc_object_is_live(&obj));
  if (span->class == CGC_CLASS_LARGE) {
    span->slots[0] = CGC_SLOT_FREE;
    cgc_heap_free_large(cache->heap, span);
    return;
  }
  cgc_check(cgc_cache_make_room(cache, span->kind, span->class));
  cgc_check(cgc_cache_push(&cache->bin[span->kind][span->class], obj.addr,
                           &span->slots[obj.index]));
}

static inline void private_mark(const struct cgc_heap *heap,
                                const struct cgc_object *obj) {
  uint64_t *words = cgc_arena_mark_words(&heap->arena, obj->span);
  words[obj->index / 64] |= 1ULL << (obj->index % 64);
}

#endif
