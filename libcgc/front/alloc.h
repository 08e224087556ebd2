/* SPDX-License-Identifier: MIT */
/*
 * front/alloc.h - THE allocation: every malloc and GC_malloc comes through.
 *
 *   cgc_alloc   busy? ─► class ─► the bin's held or window ─► done
 *      └ slow   pay what is due (a cycle) ─► refill from the heap
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

#include <string.h>

/** The rest of cgc_alloc; SELF is NULL or not busy. */
CGC_NOINLINE void *cgc_alloc_slow(struct cgc_mutator *self, size_t size,
                                  enum cgc_kind kind, bool zero);

/** The rest of cgc_alloc_free. returns  false if PTR is not in the heap */
CGC_NOINLINE bool cgc_alloc_free_slow(struct cgc_mutator *self, void *ptr);

/**
 * SIZE bytes of KIND, 16-byte aligned.
 * zero     all of the slot is zero, else it may hold old contents
 * returns  NULL and ENOMEM when there is no memory; else errno is kept
 * threads  any, signal handlers too
 * pauses   may sweep for its debt; may run a cycle
 */
CGC_INLINE void *cgc_alloc(size_t size, enum cgc_kind kind, bool zero) {
  struct cgc_mutator *self = cgc_self;
  size_t bytes = size + (size_t)cgc_options.past_end;
  if (cgc_likely(self && bytes - 1 < CGC_SMALL_MAX &&
                 cgc_mutator_enter(self))) {
    struct cgc_bin *bin = &self->cache.bin[kind][cgc_sizeclass_of(bytes)];
    size_t slot_size = bin->size;
    bool stale = true;
    void *obj = cgc_cache_pop(bin, &stale);
    cgc_keep_visible(obj);
    cgc_mutator_leave(self);
    if (cgc_likely(obj != NULL))
      return zero && stale ? memset(obj, 0, slot_size) : obj;
  }
  return cgc_alloc_slow(self, size, kind, zero);
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

/**
 * Free the block at PTR, if CGC_FREE honours that.  A wrong pointer into the
 * heap is reported (front/misuse).
 * returns  false if PTR is not in the heap: nothing was done
 * errors   errno is kept
 */
CGC_INLINE bool cgc_alloc_free(void *ptr) {
  struct cgc_mutator *self = cgc_self;
  uintptr_t addr = (uintptr_t)ptr;
  struct cgc_object obj;
  if (cgc_likely(self && cgc_arena_find(&cgc_heap.arena, addr, &obj) &&
                 obj.addr == addr && obj.span->class != CGC_CLASS_LARGE &&
                 obj.span->slots[obj.index] == CGC_SLOT_LIVE &&
                 cgc_options.free == CGC_FREE_HONOUR &&
                 cgc_mutator_enter(self))) {
    struct cgc_bin *bin = &self->cache.bin[obj.span->kind][obj.span->class];
    bool done = cgc_cache_push(bin, addr, &obj.span->slots[obj.index]);
    cgc_mutator_leave(self);
    if (cgc_likely(done))
      return true;
  }
  return cgc_alloc_free_slow(self, ptr);
}

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

/** Slow paths taken since the start: what CGC_STRESS counts. */
extern _Atomic uint64_t cgc_alloc_nslow;

#endif
