/* SPDX-License-Identifier: MIT */
/*
 * front/alloc.h - THE allocation: every malloc and GC_malloc comes through.
 *
 *   cgc_alloc   busy? ─► class ─► the bin's held or window ─► done
 *      └ rest   pay what is due (a cycle) ─► refill from the heap
 *               nothing? ─► a cycle, memory given back ─► again ─► NULL
 *
 * Only here is a cycle asked for.  A call that finds its thread busy is in a
 * signal handler that interrupted another call: it allocates from the reserve,
 * and its free is left to the collector.
 *
 * One byte is added to each request, so that a pointer one past the end
 * points into the block (cgc_options.past_end).
 *
 * Who comes in: front/api, front/malloc.  Calls: everything below.
 * Locks: none here; the thread is busy inside.
 */
#ifndef CGC_FRONT_ALLOC_H
#define CGC_FRONT_ALLOC_H

#include "base/option.h"
#include "cycle/cycle.h"
#include "front/init.h"
#include "world/mutator.h"

#include <emmintrin.h>
#include <string.h>

/* How many bytes at most are cleared without a call. */
enum { CGC_CLEAR_INLINE = 128 };

/**
 * SIZE bytes of KIND, 16-byte aligned, if the thread's cache has a slot.
 * zero     all of the slot is zero, else it may hold old contents; slots of
 *          kinds from CGC_KIND_DESCRIBED on are always zero but for large ones
 * obj      out: the object; NULL if there was none
 * returns  false when cgc_alloc_rest must follow, with the same arguments
 * threads  any, signal handlers too
 */
CGC_INLINE bool cgc_alloc_fast(size_t size, enum cgc_kind kind, bool zero,
                               void **obj);

/**
 * What cgc_alloc_fast left to do.
 * returns  NULL and ENOMEM when there is no memory; else errno is kept
 * pauses   may sweep for its debt; may run a cycle
 */
CGC_NOINLINE void *cgc_alloc_rest(size_t size, enum cgc_kind kind, bool zero,
                                  void *obj);

/** Both. */
CGC_INLINE void *cgc_alloc(size_t size, enum cgc_kind kind, bool zero) {
  void *obj;
  if (cgc_likely(cgc_alloc_fast(size, kind, zero, &obj)))
    return obj;
  return cgc_alloc_rest(size, kind, zero, obj);
}

/**
 * Free the block at *PTR, if CGC_FREE honours that and the thread's cache has
 * room.
 * returns  false when cgc_alloc_free_rest must follow, with what is in *PTR
 * threads  any, signal handlers too
 */
CGC_INLINE bool cgc_alloc_free_fast(void **ptr);

/**
 * What cgc_alloc_free_fast left to do.  A wrong pointer into the heap is
 * reported (front/misuse).
 * frame    of a function that frees, where the noted stack begins; NULL: here
 * returns  false if PTR is not in the heap: nothing was done
 * errors   errno is kept
 */
CGC_NOINLINE bool cgc_alloc_free_rest(void *ptr, const void *frame);

/** Both. */
CGC_INLINE bool cgc_alloc_free(void *ptr) {
  return cgc_likely(cgc_alloc_free_fast(&ptr)) ||
         cgc_alloc_free_rest(ptr, NULL);
}

/**
 * SIZE bytes at a multiple of ALIGN, a power of two; else as cgc_alloc.
 */
void *cgc_alloc_aligned(size_t align, size_t size, enum cgc_kind kind,
                        bool zero);

/**
 * Make the block at PTR, not NULL, SIZE bytes long; it may move.
 * zero     what is added is zero
 * returns  NULL and ENOMEM, the block as it was, when there is no memory;
 *          NULL and EINVAL if PTR is no live block (reported as misuse)
 */
void *cgc_alloc_resize(void *ptr, size_t size, bool zero);

/** Bytes that the client may use at PTR, the start of a live block; else 0. */
size_t cgc_alloc_usable(const void *ptr);

/**
 * A cycle, and the finalizers that it made ready.
 * returns  as cgc_cycle_collect
 * caller   has a record, is not busy
 */
int cgc_alloc_collect(enum cgc_cycle_reason reason);

/**
 * Give all free memory of the heap back to the system.
 * returns  bytes
 */
size_t cgc_alloc_release(void);

/**
 * Called once, not busy, by the next thread that comes to a slow path: a
 * debugger's request (front/debug).
 */
extern _Atomic(void (*)(void)) cgc_alloc_asked_hook;

/* Called at slow paths, nothing held, the thread not busy; or NULL. */
extern void (*cgc_alloc_slow_hook)(void);

/** Slow paths taken since the start, under CGC_STRESS. */
extern _Atomic uint64_t cgc_alloc_nslow;

/* ---- the fast paths ------------------------------------------------------ */

/* BYTES, a multiple of 16 up to CGC_CLEAR_INLINE: few stores, that overlap. */
CGC_INLINE void cgc_alloc_clear_few(char *obj, size_t bytes) {
  const __m128i zero = _mm_setzero_si128();
  char *end = obj + bytes;
  _mm_store_si128((__m128i *)obj, zero);
  _mm_store_si128((__m128i *)(end - 16), zero);
  if (bytes > 32) {
    _mm_store_si128((__m128i *)(obj + 16), zero);
    _mm_store_si128((__m128i *)(end - 32), zero);
  }
  if (bytes > 64) {
    _mm_store_si128((__m128i *)(obj + 32), zero);
    _mm_store_si128((__m128i *)(obj + 48), zero);
    _mm_store_si128((__m128i *)(end - 48), zero);
    _mm_store_si128((__m128i *)(end - 64), zero);
  }
}

CGC_INLINE void *cgc_alloc_clear(void *obj, size_t bytes) {
  if (cgc_unlikely(bytes > CGC_CLEAR_INLINE))
    return memset(obj, 0, bytes);
  cgc_alloc_clear_few(obj, bytes);
  return obj;
}

/* The class for SIZE bytes and what is added to them; CLASS_NONE: large. */
CGC_INLINE unsigned cgc_alloc_class(size_t size) {
  size_t more = (size_t)cgc_options.past_end;
  if (cgc_likely(size < CGC_CLASS_TABLE_MAX))
    return cgc_size_to_class[(size + more + CGC_GRAIN - 1) / CGC_GRAIN];
  return size <= CGC_SMALL_MAX - more ? cgc_sizeclass_by_steps(size + more)
                                      : CGC_CLASS_NONE;
}

/* No call on the way through, so that nothing has to be saved. */
CGC_INLINE bool cgc_alloc_fast(size_t size, enum cgc_kind kind, bool zero,
                               void **obj) {
  struct cgc_mutator *self = cgc_self;
  unsigned class = cgc_alloc_class(size);
  bool stale = true;
  *obj = NULL;
  if (cgc_unlikely(!self || class == CGC_CLASS_NONE))
    return false;
  if (cgc_unlikely(!cgc_mutator_try_enter(self))) {
    cgc_mutator_give_up(self);
    return false;
  }
  struct cgc_bin *bin = &self->cache.bin[kind][class];
  size_t slot_size = bin->size;
  void *slot;
  if (bin->top != bin->held) {
    slot = cgc_cache_pop_held(bin);
  } else if (cgc_likely(bin->free != 0)) {
    slot = cgc_cache_pop_window(bin, &stale);
  } else {
    cgc_mutator_try_leave(self); /* the rest sees whether a stop was asked */
    return false;
  }
  if (cgc_kind_is_described(kind) && stale) {
    memset(slot, 0, slot_size); /* before its scan function sees it */
    stale = false;
  }
  cgc_keep_visible(slot);
  *obj = slot;
  if (cgc_unlikely(cgc_mutator_try_leave(self)))
    return false;
  if (zero && stale)
    *obj = cgc_alloc_clear(slot, slot_size);
  return true;
}

/* What desc says of the page is enough; of the span only the state is read. */
CGC_INLINE bool cgc_alloc_free_fast(void **ptr) {
  const struct cgc_arena *arena = &cgc_heap.arena;
  struct cgc_mutator *self = cgc_self;
  uintptr_t addr = (uintptr_t)*ptr;
  uint32_t index;
  if (cgc_unlikely(!self || !cgc_arena_contains(arena, addr)))
    return false;
  size_t page = cgc_arena_page_of(arena, addr);
  uint32_t desc = arena->desc[page];
  size_t offset = cgc_desc_offset(desc) << CGC_PAGE_SHIFT | addr % CGC_PAGE;
  if (cgc_unlikely(!cgc_sizeclass_start(cgc_desc_class(desc), offset, &index)))
    return false;
  uint8_t *slot = &arena->spans[page]->slots[index];
  if (cgc_unlikely(*slot != CGC_SLOT_LIVE ||
                   cgc_options.free != CGC_FREE_HONOUR))
    return false;
  if (cgc_unlikely(!cgc_mutator_try_enter(self))) {
    cgc_mutator_give_up(self);
    return false;
  }
  bool done = cgc_cache_push(cgc_cache_bin(&self->cache, desc), addr, slot);
  if (done)
    *ptr = NULL; /* for the rest: only a stop is left */
  return !cgc_unlikely(cgc_mutator_try_leave(self)) && done;
}

#endif
