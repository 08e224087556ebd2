/* SPDX-License-Identifier: MIT */
/*
 * heap/cache.h - a thread's own slots: allocation and free without a lock.
 *
 * For each kind and class a bin:
 *
 *   held[]   slots that the thread has just freed, last in, first out
 *   window   up to 64 neighbouring slots of a span that the bin owns; the free
 *            ones are bits of `free`
 *
 *   pop:  held, else the lowest bit of `free`, else (slow) the span's next
 *         window, else another span
 *   push: held, else (slow) the older half goes back to the spans
 *
 *   I1  A slot in held is HELD, a slot of a bit in free is FREE, and both
 *       belong to this bin alone.
 *   I2  span->where == CGC_SPAN_CACHED for the bin's span, and no other bin
 *       has it.
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
  uint64_t free;    /* slots of the window not yet handed out */
  uintptr_t window; /* address of the window's slot 0 */
  uint8_t *slot;    /* state byte of the window's slot 0 */
  uint32_t size;    /* bytes of a slot */
  uint16_t nheld;
  uint16_t held_max;
  struct cgc_held *held;
  struct cgc_span *span; /* NULL: none */
  uint32_t word;         /* of the window */
  bool needs_zero;       /* slots of the window may hold old contents */
};

struct cgc_cache {
  struct cgc_heap *heap;
  int64_t grown_bytes; /* not yet counted in the heap's in_use_bytes */
  /* Of the kinds in use; the memory of others is never touched. */
  struct cgc_bin bin[CGC_KIND_LIMIT][CGC_CLASSES + 1];
};

void cgc_cache_init(struct cgc_cache *cache, struct cgc_heap *heap);

/** Give every slot and span back to the heap. */
void cgc_cache_flush(struct cgc_cache *cache);

/** Flush, and free the lists. */
void cgc_cache_destroy(struct cgc_cache *cache);

/**
 * Go on to the next window with free slots of the span that the bin has.
 * returns  false if there is none: refill
 */
bool cgc_cache_advance(struct cgc_cache *cache, enum cgc_kind kind,
                       unsigned class);

/**
 * Make sure that cgc_cache_pop finds a slot.
 * returns  false when the heap has no memory
 */
bool cgc_cache_refill(struct cgc_cache *cache, enum cgc_kind kind,
                      unsigned class);

/** Make sure that cgc_cache_push has room, if there is memory for a list. */
bool cgc_cache_make_room(struct cgc_cache *cache, enum cgc_kind kind,
                         unsigned class);

/**
 * Free a LIVE slot of this kind and class where there is no room to hold it:
 * what is freed at the limit of memory must become free memory.
 */
void cgc_cache_free_unheld(struct cgc_cache *cache, enum cgc_kind kind,
                           unsigned class, struct cgc_held held);

/**
 * A slot from BIN, LIVE now.
 * stale    out: it may hold old contents
 * returns  NULL if the bin is empty: refill
 */
CGC_INLINE void *cgc_cache_pop(struct cgc_bin *bin, bool *stale) {
  if (cgc_likely(bin->nheld > 0)) {
    struct cgc_held *held = &bin->held[--bin->nheld];
    *held->slot = CGC_SLOT_LIVE;
    *stale = true;
    return (void *)held->addr;
  }
  if (cgc_unlikely(bin->free == 0))
    return NULL;
  uint32_t i = (uint32_t)__builtin_ctzl(bin->free);
  bin->free &= bin->free - 1;
  bin->slot[i] = CGC_SLOT_LIVE;
  *stale = bin->needs_zero;
  return (void *)(bin->window + (uintptr_t)i * bin->size);
}

/**
 * Take the slot at ADDR, whose state byte is SLOT, out of the client's hands.
 * returns  false if the bin is full: make room
 */
CGC_INLINE bool cgc_cache_push(struct cgc_bin *bin, uintptr_t addr,
                               uint8_t *slot) {
  if (cgc_unlikely(bin->nheld == bin->held_max))
    return false;
  *slot = CGC_SLOT_HELD;
  bin->held[bin->nheld++] = (struct cgc_held){addr, slot};
  return true;
}

/** Count what the cache took into the heap's in_use_bytes. */
void cgc_cache_publish(struct cgc_cache *cache);

/** Assert I1 to I3. */
void cgc_cache_check(const struct cgc_cache *cache);

#endif
