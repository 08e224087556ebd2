/* SPDX-License-Identifier: MIT */
/*
 * heap/central.h - the spans of one class and kind that no thread's cache has.
 *
 *   partial   swept, with free slots      <- taken first
 *   empty     swept, with nothing else    <- taken next
 *   lean      as partial, but OS pages without a live slot have been given back
 *             to the system               <- taken then
 *   unswept   as the last cycle left them <- swept and taken last
 *   full      swept, nothing free
 *
 * Of the spans without a live slot a few stay here, and all of them while the
 * heap is held (heap/heap.h); the others go back to the page heap.  Large
 * objects have a central of their own per kind (class CGC_CLASS_LARGE); their
 * spans are full or unswept.
 *
 * A flip is two splices, however many spans there are: which of them are still
 * to be swept is told by their epoch.
 *
 *   I1  where of a swept span names the list that it stands in.
 *   I2  A span in empty has nfree == nslots, another one in partial or lean
 *       nfree > 0, one in full nfree == 0; empty_pages are those of empty.
 *   I3  A span is in unswept exactly if its epoch is not the central's.
 *
 * Locks: one each, all of one rank; never two at a time.
 */
#ifndef CGC_HEAP_CENTRAL_H
#define CGC_HEAP_CENTRAL_H

#include "heap/pageheap.h"

struct cgc_central {
  struct cgc_lock lock;
  struct cgc_link partial; /* guard: lock */
  struct cgc_link lean;    /* guard: lock */
  struct cgc_link full;    /* guard: lock */
  struct cgc_link empty;   /* guard: lock */
  size_t empty_pages;      /* guard: lock */
  struct cgc_link unswept; /* guard: lock */
  uint8_t epoch;           /* of the last flip; guard: lock */
  _Atomic bool ready;      /* the lists are made */
};

/* A slot just freed, in a cache's held list. */
struct cgc_held {
  uintptr_t addr;
  uint8_t *slot;
};

/** Make CENTRAL ready; again is harmless, from several threads too. */
void cgc_central_init(struct cgc_central *central);

CGC_INLINE bool cgc_central_is_ready(const struct cgc_central *central) {
  /* Acquire: the lists; released by cgc_central_init. */
  return atomic_load_explicit(&central->ready, memory_order_acquire);
}

/**
 * Swept spans with a free slot, up to N; they belong to the caller (CACHED).
 * More than one only of those that had to be swept: what threads free is for
 * all of them.
 * returns  how many: 0 if there is none, or none among the next unswept ones,
 *          since who waits for a slot does not sweep a whole heap of full spans
 */
size_t cgc_central_take(struct cgc_central *central, struct cgc_pageheap *ph,
                        struct cgc_span **spans, size_t n);

/** Give CACHED spans back; empty ones go on to the page heap. */
void cgc_central_give(struct cgc_central *central, struct cgc_pageheap *ph,
                      struct cgc_span *const *spans, size_t n);

/** Enter a new large span, or one that is full. */
void cgc_central_enter(struct cgc_central *central, struct cgc_span *span);

/**
 * Take a large span out of its list, whichever it is; the caller owns it.
 * returns  false if it stands in none: a sweep found it dead
 */
bool cgc_central_leave(struct cgc_central *central, struct cgc_span *span);

/**
 * Free N slots of this class and kind that the caller's cache held.
 */
void cgc_central_free(struct cgc_central *central, struct cgc_pageheap *ph,
                      const struct cgc_held *held, size_t n);

/** World stopped, caches flushed: every span waits to be swept. */
void cgc_central_flip(struct cgc_central *central);

/**
 * Give empty spans to the page heap and sweep unswept ones, up to *SPANS of
 * them, until NPAGES pages went back.
 * spans    in: the most to sweep; out: those left of them
 * returns  pages given back
 */
size_t cgc_central_sweep(struct cgc_central *central, struct cgc_pageheap *ph,
                         size_t npages, size_t *spans);

/**
 * Give the memory of up to *SPANS partial spans back to the system, as far as
 * no OS page of it has a slot in use.
 * spans    in: the most to look at; out: those left of them
 * returns  bytes
 */
size_t cgc_central_thin(struct cgc_central *central, struct cgc_pageheap *ph,
                        size_t *spans);

/** Delete SPAN, which is in no list, and free its pages. */
void cgc_central_delete_span(struct cgc_pageheap *ph, struct cgc_span *span);

/** Assert I1, I2 and what span.h says of swept spans; takes the lock. */
void cgc_central_check(struct cgc_central *central,
                       const struct cgc_arena *arena);

#endif
