/* SPDX-License-Identifier: MIT */
/*
 * heap/arena.h - one range of addresses, and what each page of it is.
 *
 *   reservation: | spans | desc | marks | greys | queued | free ... | heap ...
 * | side tables, indexed by page number           base   end
 *
 *   desc[page]   4 bytes  class, kind, the page's place in its span: all that
 *                         turns an address into a slot
 *   spans[page]  8 bytes  the span's struct, for those who need more
 *   marks        128 bytes per page; a span of k pages owns 2k lines of 64:
 *                k of mark bits, then k of scanned bits; bit i is slot i; a
 *                word before the first belongs to nobody (mark/visit.c)
 *   greys, queued  the marker's queue of spans (mark/queue.h)
 *   free, dirty, runs     the page heap's (heap/pageheap.h)
 *
 * "Is this word a pointer into the heap?" is one subtraction and one compare:
 * word - base < end - base.  The tables are committed in step with the heap,
 * from low to high; end only grows.
 *
 * Where the address space is limited (RLIMIT_AS) nothing is reserved: the same
 * layout is claimed piece by piece at addresses that nobody else uses.  Limited
 * later, the rest of the reservation is given back and then claimed likewise.
 * Of the heap itself the page heap claims run by run what is used, and gives it
 * back, so that memory freed is room for the program's own mappings.
 *
 *   I1  desc[p] == 0 exactly if page p belongs to no span.
 *   I2  For each page p of a span s: spans[p] == s, and desc[p] holds s's
 *       class and kind, and p - first page if the class is small.
 *
 * Who comes in: page heap (grows, sets, clears), front/ and the marker (find).
 * Locks: growth and changes under pageheap.lock; lookups take none.  A page's
 * entries are written before an object of it is handed out.
 */
#ifndef CGC_HEAP_ARENA_H
#define CGC_HEAP_ARENA_H

#include "heap/span.h"

enum {
  CGC_LINE_WORDS = 8,  /* of 64 bits: mark bits of a page */
  CGC_MARK_WORDS = 16, /* mark and scanned bits of a page */
  CGC_DESC_KIND_SHIFT = 7,
  CGC_DESC_OFFSET_SHIFT = 12,
  CGC_DESC_BINS = 1 << CGC_DESC_OFFSET_SHIFT,
  CGC_ARENA_STEP = 512, /* pages: the arena grows by multiples */
};

enum cgc_arena_table {
  CGC_TABLE_SPANS,
  CGC_TABLE_DESC,
  CGC_TABLE_MARKS,
  CGC_TABLE_GREYS,
  CGC_TABLE_QUEUED,
  CGC_TABLE_FREE,
  CGC_TABLE_DIRTY,
  CGC_TABLE_RUNS,
  CGC_TABLE_HEAP, /* the pages themselves */
  CGC_TABLES
};

/* A piece of the layout: committed from lo on. */
struct cgc_arena_part {
  uintptr_t lo;
  uintptr_t committed;
  uintptr_t limit;
};

struct cgc_arena {
  uintptr_t base;            /* address of page 0; const */
  _Atomic size_t heap_bytes; /* end - base; guard: pageheap.lock */
  struct cgc_span **spans;   /* const */
  uint32_t *desc;            /* const */
  uint64_t *marks;           /* const */
  uint32_t *greys;           /* const */
  uint8_t *queued;           /* const */
  size_t pages_limit;        /* const */
  _Atomic size_t pages_max;  /* the program's limit */
  bool sticky;               /* marks outlive their cycle; const */
  bool claimed;              /* nothing is reserved; guard: pageheap.lock */
  struct cgc_arena_part part[CGC_TABLES]; /* guard: pageheap.lock */
};

/* A slot, found from an address. */
struct cgc_object {
  uintptr_t addr; /* of the slot's first byte */
  size_t size;    /* of the slot, bytes */
  struct cgc_span *span;
  uint32_t index;
};

/**
 * Lay the arena out for up to BYTES of heap, less if the system grants less.
 * returns  false when there is no room for even CGC_ARENA_STEP pages
 */
bool cgc_arena_init(struct cgc_arena *arena, size_t bytes);

/** Give all of it back; for private instances. */
void cgc_arena_destroy(struct cgc_arena *arena);

/**
 * Give back what is reserved and not committed, so that only what is used
 * counts against RLIMIT_AS.  Growth goes on at the same addresses, unless
 * somebody else has got there first; the page heap comes here, its lock held.
 */
void cgc_arena_unreserve(struct cgc_arena *arena);

/**
 * Commit NPAGES more pages at the end, with their tables; of a claimed arena
 * the tables alone.
 * returns  false when the limit is reached or the system has no memory
 */
bool cgc_arena_grow(struct cgc_arena *arena, size_t npages);

/** From now on it does not grow beyond NPAGES pages. */
void cgc_arena_limit(struct cgc_arena *arena, size_t npages);

CGC_INLINE size_t cgc_arena_bytes(const struct cgc_arena *arena) {
  return atomic_load_explicit(&arena->heap_bytes, memory_order_relaxed);
}

CGC_INLINE size_t cgc_arena_pages(const struct cgc_arena *arena) {
  return cgc_arena_bytes(arena) >> CGC_PAGE_SHIFT;
}

CGC_INLINE bool cgc_arena_contains(const struct cgc_arena *arena,
                                   uintptr_t word) {
  return word - arena->base < cgc_arena_bytes(arena);
}

CGC_INLINE size_t cgc_arena_page_of(const struct cgc_arena *arena,
                                    uintptr_t addr) {
  return (addr - arena->base) >> CGC_PAGE_SHIFT;
}

CGC_INLINE uintptr_t cgc_arena_page_address(const struct cgc_arena *arena,
                                            size_t page) {
  return arena->base + (page << CGC_PAGE_SHIFT);
}

/**
 * Give back the memory of mark lines that belong to pages [LO, HI) alone: they
 * are in no span, and will be set when they are in one.
 */
void cgc_arena_discard_marks(struct cgc_arena *arena, size_t lo, size_t hi);

/** Enter SPAN for its pages (set), or nothing (clear): it is not used again. */
void cgc_arena_set(struct cgc_arena *arena, struct cgc_span *span);
void cgc_arena_clear(struct cgc_arena *arena, struct cgc_span *span);

/** The large object's SPAN has NPAGES from now on, more or fewer. */
void cgc_arena_resize(struct cgc_arena *arena, struct cgc_span *span,
                      size_t npages);

CGC_INLINE unsigned cgc_desc_class(uint32_t desc) { return desc & 127; }

CGC_INLINE enum cgc_kind cgc_desc_kind(uint32_t desc) {
  return (enum cgc_kind)((desc >> CGC_DESC_KIND_SHIFT) & 31);
}

CGC_INLINE size_t cgc_desc_offset(uint32_t desc) {
  return desc >> CGC_DESC_OFFSET_SHIFT;
}

/** Class and kind in one number, below CGC_DESC_BINS. */
CGC_INLINE uint32_t cgc_desc_bin(uint32_t desc) {
  return desc & (CGC_DESC_BINS - 1);
}

/**
 * The slot that WORD points into, interior pointers included.
 * returns  false if WORD points to no slot (not ours, a free page, a tail);
 *          the slot may be of any state
 */
CGC_INLINE bool cgc_arena_find(const struct cgc_arena *arena, uintptr_t word,
                               struct cgc_object *out) {
  if (!cgc_arena_contains(arena, word))
    return false;
  size_t page = cgc_arena_page_of(arena, word);
  uint32_t desc = arena->desc[page];
  unsigned class = cgc_desc_class(desc);
  if (class == CGC_CLASS_NONE)
    return false;
  struct cgc_span *span = arena->spans[page];
  out->span = span;
  out->size = span->slot_size;
  out->index = 0;
  if (cgc_likely(class != CGC_CLASS_LARGE))
    out->index = cgc_sizeclass_index(class, word - span->base);
  out->addr = cgc_span_slot_address(span, out->index);
  return out->index < span->nslots;
}

CGC_INLINE uint64_t *cgc_arena_mark_words(const struct cgc_arena *arena,
                                          const struct cgc_span *span) {
  return arena->marks + cgc_arena_page_of(arena, span->base) * CGC_MARK_WORDS;
}

/** The scanned bits: those of mark bits that need no scanning any more. */
CGC_INLINE uint64_t *cgc_arena_scanned_words(const struct cgc_arena *arena,
                                             const struct cgc_span *span) {
  return cgc_arena_mark_words(arena, span) +
         (size_t)span->npages * CGC_LINE_WORDS;
}

CGC_INLINE bool cgc_object_is_live(const struct cgc_object *obj) {
  return cgc_slot_is_live(obj->span->slots[obj->index]);
}

CGC_INLINE bool cgc_object_is_marked(const struct cgc_arena *arena,
                                     const struct cgc_object *obj) {
  const uint64_t *words = cgc_arena_mark_words(arena, obj->span);
  return words[obj->index / 64] >> (obj->index % 64) & 1;
}

/** Bytes of address space that the side tables have committed. */
size_t cgc_arena_table_bytes(const struct cgc_arena *arena);

/** Assert I1 and I2 for SPAN's pages. */
void cgc_arena_check_span(const struct cgc_arena *arena,
                          const struct cgc_span *span);

#endif
