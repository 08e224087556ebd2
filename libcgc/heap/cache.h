/* SPDX-License-Identifier: MIT */
/*
 * heap/cache.h - a thread's own slots: allocation and free without a lock.
 *
 * For each kind and class a bin:
 *
 *   held[]   slots that the thread has just freed, last in, first out
 *   window   up to 64 neighbouring slots of a span that the bin owns; the free
 *            ones are bits of `free`
 *   stock    (beside the bin) that span, those used up before it, and the ones
 *            that come next: they come from central and go back together
 *
 *   pop:  held, else the lowest bit of `free`, else (slow) the span's next
 *         window, else another span
 *   push: held, else (slow) the older half goes back to the spans
 *
 *   I1  A slot in held is HELD, a slot of a bit in free is FREE, and both
 *       belong to this bin alone.
 *   I2  span->where == CGC_SPAN_CACHED for the spans of the stock, and no other
 *       bin has them; the bin's span is the last of those begun.
 *   I3  window == address of slot 64 * word of the span, slot == its state.
 *
 * Who comes in: the owning thread, busy; the collector and fork when that
 * thread is stopped or gone.  Locks: none; refills take those of the heap.
 * Source: Go's mcache; the held list is what mimalloc and tcmalloc keep in
 * the objects themselves.
 */
#ifndef CGC_HEAP_CACHE_H
#define CGC_HEAP_CACHE_H

#include "heap/heap.h"

struct cgc_bin {
  struct cgc_held *top;  /* behind the youngest that is held */
  struct cgc_held *held; /* the oldest; == top: none */
  uint64_t free;         /* slots of the window not yet handed out */
  uintptr_t window;      /* address of the window's slot 0 */
  uint8_t *slot;         /* state byte of the window's slot 0 */
  uint32_t size;         /* bytes of a slot */
  uint8_t word;          /* of the window */
  bool needs_zero;       /* slots of the window may hold old contents */
  struct cgc_held *end;  /* of the list */
  struct cgc_span *span; /* NULL: none */
} CGC_ALIGNED(64);

_Static_assert(sizeof(struct cgc_bin) == 64, "a bin is one cache line");

/*
 * What one visit to central gives: the lock and its lines are those of all
 * threads.  It grows while a thread comes back for more.
 */
enum { CGC_STOCK_MAX = 7 };

struct cgc_stock {
  struct cgc_span *span[CGC_STOCK_MAX];
  uint8_t begun; /* of them */
  uint8_t n;
  uint8_t wanted; /* by the next visit, less 1 */
};

_Static_assert(sizeof(struct cgc_stock) == 64, "a stock is one cache line");

/* A bin's place is what desc says of its slots: class and kind. */
enum { CGC_CACHE_ROW = 1 << CGC_DESC_KIND_SHIFT };

struct cgc_cache {
  struct cgc_heap *heap;
  int64_t grown_bytes; /* not yet counted in the heap's in_use_bytes */
  /* Of the kinds in use; the memory of others is never touched. */
  struct cgc_bin bin[CGC_KIND_LIMIT][CGC_CACHE_ROW];
  struct cgc_stock stock[CGC_KIND_LIMIT][CGC_CLASS_LIMIT];
};

void cgc_cache_init(struct cgc_cache *cache, struct cgc_heap *heap);

/** Give every slot and span back to the heap. */
void cgc_cache_flush(struct cgc_cache *cache);

/** Flush, and free the lists. */
void cgc_cache_destroy(struct cgc_cache *cache);

/**
 * Go on to the next window with free slots of the span that the bin has.
 * zero     small slots are cleared, all at once: they are not stale
 * returns  false if there is none: refill
 */
bool cgc_cache_advance(struct cgc_cache *cache, enum cgc_kind kind,
                       unsigned class, bool zero);

/**
 * Make sure that cgc_cache_pop finds a slot; ZERO as above.
 * returns  false when the heap has no memory
 */
bool cgc_cache_refill(struct cgc_cache *cache, enum cgc_kind kind,
                      unsigned class, bool zero);

/**
 * Make sure that cgc_cache_push has room.
 * returns  false when there is no memory for a list
 */
bool cgc_cache_make_room(struct cgc_cache *cache, enum cgc_kind kind,
                         unsigned class);

CGC_INLINE bool cgc_cache_is_empty(const struct cgc_bin *bin) {
  return bin->top == bin->held && bin->free == 0;
}

/** The bin of slots whose page's desc is DESC. */
CGC_INLINE struct cgc_bin *cgc_cache_bin(struct cgc_cache *cache,
                                         uint32_t desc) {
  return (struct cgc_bin *)cache->bin + cgc_desc_bin(desc);
}

/**
 * Free a LIVE slot of this kind and class where there is no room to hold it:
 * what is freed at the limit of memory must become free memory.
 */
void cgc_cache_free_unheld(struct cgc_cache *cache, enum cgc_kind kind,
                           unsigned class, struct cgc_held held);

/** The slot of BIN that was freed last, LIVE now; there is one. */
CGC_INLINE void *cgc_cache_pop_held(struct cgc_bin *bin) {
  struct cgc_held *held = --bin->top;
  *held->slot = CGC_SLOT_LIVE;
  return (void *)held->addr;
}

/**
 * The first free slot of BIN's window, LIVE now; there is one.
 * stale    out: it may hold old contents
 */
CGC_INLINE void *cgc_cache_pop_window(struct cgc_bin *bin, bool *stale) {
  uint64_t i = (unsigned)__builtin_ctzl(bin->free);
  bin->free &= bin->free - 1;
  bin->slot[i] = CGC_SLOT_LIVE;
  *stale = bin->needs_zero;
  return (void *)(bin->window + i * bin->size);
}

/**
 * A slot from BIN, LIVE now.
 * stale    out: it may hold old contents
 * returns  NULL if the bin is empty: refill
 */
CGC_INLINE void *cgc_cache_pop(struct cgc_bin *bin, bool *stale) {
  *stale = true;
  if (bin->top != bin->held)
    return cgc_cache_pop_held(bin);
  return bin->free ? cgc_cache_pop_window(bin, stale) : NULL;
}

/**
 * Take the slot at ADDR, whose state byte is SLOT, out of the client's hands.
 * returns  false if the bin is full: make room
 */
CGC_INLINE bool cgc_cache_push(struct cgc_bin *bin, uintptr_t addr,
                               uint8_t *slot) {
  struct cgc_held *top = bin->top;
  if (cgc_unlikely(top == bin->end))
    return false;
  *slot = CGC_SLOT_HELD;
  *top = (struct cgc_held){addr, slot};
  bin->top = top + 1;
  return true;
}

/** Count what the cache took into the heap's in_use_bytes. */
void cgc_cache_publish(struct cgc_cache *cache);

/** Assert I1 to I3. */
void cgc_cache_check(const struct cgc_cache *cache);

#endif
