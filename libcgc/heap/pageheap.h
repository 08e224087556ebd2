/* SPDX-License-Identifier: MIT */
/*
 * heap/pageheap.h - runs of pages: who has them, who gets them.
 *
 * Two bits per page of the arena: free (in no span) and dirty (free, but still
 * resident with old contents).  Over the free bits stand summaries,
 *
 *   level 2   64 blocks  = 32768 pages   { start, max, end }
 *   level 1   a block    =   512 pages   { start, max, end }
 *   level 0   free bits
 *
 * lengths of the free run at the start, of the longest, of that at the end.
 * Address-ordered first fit walks the summaries; neighbours coalesce because
 * bits have no boundaries.  A search begins at the lowest block that may have
 * a free page.
 *
 * Free dirty pages go back to the system when there are more than are retained
 * and more than the program had in use at its peak of the last 0.15 to 0.3
 * seconds: what it needed a moment ago it will need again.  Fresh and
 * returned pages read as zero.
 *
 * In a claimed arena (heap/arena) mappings count, so there the share is small
 * and what is returned is unmapped; it is mapped when it is taken.  Pages that
 * somebody else has mapped meanwhile are never free again.
 *
 *   I1  A dirty page is free.  dirty_pages == number of dirty bits.
 *   I2  free_pages == number of free bits.
 *   I3  Each summary is what its bits say, but for what struct cgc_runs calls
 *       loose: a search that looked there in vain makes it true again.
 *   I4  No page below `lowest` is free.
 *   I5  In a claimed arena a free page is mapped exactly if it is dirty.
 *
 * The page heap returns nothing when it is out of pages: collecting is
 * somebody else's decision (front/alloc).
 *
 * Locks: its own.  Source: Go's runtime, mpagealloc.go (the proposal "Scaling
 * the Go page allocator"), with three levels in place of five.
 */
#ifndef CGC_HEAP_PAGEHEAP_H
#define CGC_HEAP_PAGEHEAP_H

#include "base/lock.h"
#include "heap/arena.h"

enum {
  CGC_BLOCK_PAGES = 512,
  CGC_GROUP_BLOCKS = 64,
  CGC_GROUP_PAGES = CGC_BLOCK_PAGES * CGC_GROUP_BLOCKS
};

/*
 * Free runs of a stretch of pages, lengths in pages.  A block's max is only a
 * bound while it is loose; nothing in a loose group's counts.
 */
struct cgc_runs {
  uint32_t start;
  uint32_t max;
  uint32_t end;
  bool loose;
};

struct cgc_pageheap {
  struct cgc_lock lock;
  struct cgc_arena *arena; /* const */
  uint64_t *free;          /* bits; guard: lock */
  uint64_t *dirty;         /* bits; guard: lock */
  struct cgc_runs *blocks; /* guard: lock */
  struct cgc_runs *groups; /* guard: lock */
  size_t ngroups_max;      /* const */
  size_t lowest;           /* block; guard: lock */
  size_t used_end;         /* nobody had pages above; guard: lock */
  size_t free_pages;       /* guard: lock */
  size_t dirty_pages;      /* guard: lock */
  size_t retain_pages;     /* dirty pages kept at least; const */
  size_t peak;             /* used pages when some were taken, at most, in
                              this period; guard: lock */
  size_t last_peak;        /* ... in the last one; guard: lock */
  uint64_t period_ns;      /* when this one began; guard: lock */
  _Atomic bool excess;     /* much is dirty: somebody should see to it */
  bool held;               /* no span may go; written with the world stopped */
  uint64_t returned_pages; /* to the system, ever; guard: lock */
};

/**
 * returns  false when there is no memory for the summaries
 */
bool cgc_pageheap_init(struct cgc_pageheap *ph, struct cgc_arena *arena,
                       size_t retain_bytes);

/**
 * The lowest run of NPAGES free pages, aligned to ALIGN pages (a power of
 * two).  Where nobody has given one back a fresh one is taken, and the arena
 * grows, if it MAY_GROW.
 * zeroed   out: every byte of the run is zero
 * returns  the first page, or -1 when there is none
 */
ptrdiff_t cgc_pageheap_alloc(struct cgc_pageheap *ph, size_t npages,
                             size_t align, bool may_grow, bool *zeroed);

/**
 * Take the NPAGES pages from PAGE on, if all are free (growth in place).
 * returns  whether they are taken
 */
bool cgc_pageheap_take(struct cgc_pageheap *ph, size_t page, size_t npages,
                       bool *zeroed);

/**
 * Free a run; DIRTY if its memory may be resident.  Returns the excess to the
 * system.
 */
void cgc_pageheap_free(struct cgc_pageheap *ph, size_t page, size_t npages,
                       bool dirty);

/**
 * Return free dirty pages to the system, the highest addresses first, until
 * no more than KEEP pages are left.
 * returns  pages returned
 */
size_t cgc_pageheap_trim(struct cgc_pageheap *ph, size_t keep);

/** Have the arena claimed from here on: RLIMIT_AS is about to be set. */
void cgc_pageheap_unreserve(struct cgc_pageheap *ph);

/**
 * Return a piece of what the passing of time has made an excess.
 * returns  dirty pages that are one, or will be if they are not used before
 */
size_t cgc_pageheap_decay(struct cgc_pageheap *ph);

/** Whether a trimmer (cycle/trimmer) has something to do. */
CGC_INLINE bool cgc_pageheap_has_excess(const struct cgc_pageheap *ph) {
  return cgc_unlikely(atomic_load_explicit(&ph->excess, memory_order_relaxed));
}

/** Assert I1 to I4; takes the lock. */
void cgc_pageheap_check(struct cgc_pageheap *ph);

#endif
