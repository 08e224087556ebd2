/* SPDX-License-Identifier: MIT */
/*
 * heap/heap.h - arena, page heap and centrals put together: one heap.
 *
 * Caches take spans of small classes from here; large objects are made here.
 * Before pages are taken that nobody had, unswept spans of all classes are
 * swept in proportion, so that sweeping always ends long before the heap has
 * doubled.
 *
 *   in use = slots that caches were given or hold live, and large objects,
 *            less what was freed; after a cycle, what it marked.
 *
 * While a marker runs beside the program the heap is held: every page that
 * belongs to a span goes on belonging to it, so that what the marker looks up
 * is there, and no struct that it may use is freed.  Empty spans stay with
 * their central; large objects that are freed give their memory back, but keep
 * their addresses.
 *
 * Locks: none of its own.
 */
#ifndef CGC_HEAP_HEAP_H
#define CGC_HEAP_HEAP_H

#include "heap/central.h"

enum { CGC_CENTRAL_WORDS = (CGC_KIND_LIMIT * CGC_CLASS_LIMIT + 63) / 64 };

struct cgc_heap {
  struct cgc_arena arena;
  struct cgc_pageheap pageheap;
  _Atomic unsigned nkinds; /* in use, the lowest numbers; grows */
  struct cgc_central central[CGC_KIND_LIMIT][CGC_CLASS_LIMIT];
  _Atomic uint64_t used[CGC_CENTRAL_WORDS]; /* bit per central that is ready */
  _Atomic int64_t in_use_bytes;
  _Atomic uint64_t grown_bytes; /* ever given to clients */
  struct {
    _Atomic uint32_t central; /* where the search for unswept spans goes on */
    _Atomic bool done;        /* there are none */
  } sweep;
  struct cgc_link kept; /* freed while held; guard: pageheap.lock */
};

/* The process's heap; tests make their own. */
extern CGC_HIDDEN struct cgc_heap cgc_heap;

/**
 * Make HEAP, with up to RESERVE bytes; RETAIN bytes of free memory are kept
 * from the system at least.
 * returns  false when there is no address space or memory
 */
bool cgc_heap_init(struct cgc_heap *heap, size_t reserve, size_t retain);

/** For private instances: give all memory back. */
void cgc_heap_destroy(struct cgc_heap *heap);

/**
 * A kind of its own for the caller's objects.  Memory is touched for it only
 * where its objects are.
 * returns  its number, CGC_KIND_DESCRIBED or above; -1 if all are taken
 */
int cgc_heap_add_kind(struct cgc_heap *heap);

/** Number of kinds in use: those below it may have objects. */
CGC_INLINE unsigned cgc_heap_kinds(const struct cgc_heap *heap) {
  return atomic_load_explicit(&heap->nkinds, memory_order_relaxed);
}

/**
 * Up to N spans of CLASS and KIND with free slots, CACHED.
 * returns  how many; 0 without memory
 */
size_t cgc_heap_take_spans(struct cgc_heap *heap, enum cgc_kind kind,
                           unsigned class, struct cgc_span **spans, size_t n);
void cgc_heap_give_spans(struct cgc_heap *heap, enum cgc_kind kind,
                         unsigned class, struct cgc_span *const *spans,
                         size_t n);

/** Free N held slots of one class and kind. */
void cgc_heap_free_held(struct cgc_heap *heap, enum cgc_kind kind,
                        unsigned class, const struct cgc_held *held, size_t n);

/**
 * A large object of at least BYTES, LIVE, aligned to ALIGN (a power of two).
 * zeroed   out: all of it is zero
 * returns  its span, or NULL without memory
 */
struct cgc_span *cgc_heap_new_large(struct cgc_heap *heap, size_t bytes,
                                    size_t align, enum cgc_kind kind,
                                    bool *zeroed);
void cgc_heap_free_large(struct cgc_heap *heap, struct cgc_span *span);

/**
 * Make a large object BYTES long where it stands; new pages are not zeroed.
 * returns  false if the pages behind it are taken
 */
bool cgc_heap_resize_large(struct cgc_heap *heap, struct cgc_span *span,
                           size_t bytes);

/** Count DELTA bytes into what is in use. */
CGC_INLINE void cgc_heap_count(struct cgc_heap *heap, int64_t delta) {
  atomic_fetch_add_explicit(&heap->in_use_bytes, delta, memory_order_relaxed);
}

CGC_INLINE size_t cgc_heap_in_use(const struct cgc_heap *heap) {
  int64_t n = atomic_load_explicit(&heap->in_use_bytes, memory_order_relaxed);
  return n > 0 ? (size_t)n : 0;
}

typedef void (*cgc_span_fn)(struct cgc_span *span, void *ctx);

/**
 * Call FN for each span in address order.  World stopped, or nobody else uses
 * the heap.
 */
void cgc_heap_each_span(const struct cgc_heap *heap, cgc_span_fn fn, void *ctx);

/**
 * Call FN for each span that begins in pages [FIRST, END).  Beside the program
 * if the heap is held: spans made meanwhile may be missed.
 */
void cgc_heap_each_span_in(const struct cgc_heap *heap, size_t first,
                           size_t end, cgc_span_fn fn, void *ctx);

/** World stopped, caches flushed: set all mark lines for a new cycle. */
void cgc_heap_prepare_marks(struct cgc_heap *heap);

/**
 * Beside the program, all swept, the heap held: nothing in the spans that begin
 * in pages [FIRST, END) is marked, and what is allocated there is born white.
 */
void cgc_heap_whiten_some(struct cgc_heap *heap, size_t first, size_t end);

/**
 * World stopped, marking done: what is unmarked is garbage from here on, swept
 * lazily.  LIVE_BYTES is what the marker counted.
 */
void cgc_heap_flip(struct cgc_heap *heap, size_t live_bytes);

/** Sweep what is left; returns pages given back. */
size_t cgc_heap_sweep_all(struct cgc_heap *heap);

/** Sweep up to N spans.  returns  whether some are left */
bool cgc_heap_sweep_spans(struct cgc_heap *heap, size_t n);

/**
 * Give the memory of slots that are free back to the system, where they fill OS
 * pages, in up to *SPANS spans (cgc_central_thin).
 * returns  bytes
 */
size_t cgc_heap_thin(struct cgc_heap *heap, size_t *spans);

/** World stopped, all swept: from here on no span may go. */
void cgc_heap_hold(struct cgc_heap *heap);

/**
 * World stopped, no marker looks any more: spans may go, and those that should
 * have do.
 */
void cgc_heap_release(struct cgc_heap *heap);

#endif
