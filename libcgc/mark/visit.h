/* SPDX-License-Identifier: MIT */
/*
 * mark/visit.h - the marker, and the way of a word to its mark bit.
 *
 *   word --find--> slot --> ring, prefetching the mark word
 *                            |  test and set the mark bit
 *                            v  (noscan: that was all)
 *                  queue: slots, pieces, or spans if they are too many
 *
 * Cache misses overlap instead of following each other: a slot's mark word is
 * asked for when it enters the ring and looked at when it leaves, driven out
 * by a later one.
 *
 *   I1  A marked object of a scanned kind has been scanned, or stands in the
 *       queue or next to be scanned (mark/drain.h); or its scanned bit is
 *       clear and its span is queued.
 *
 * Scanned bits are kept only where spans are at work: they are set for all that
 * is marked when the first marker turns to spans, and by several from then on;
 * a bounded one keeps them from the start. One that is clear without need costs
 * another scan of an object.
 *
 * `lane' is what changes with every word, in registers while the loop of
 * mark/drain runs; who is called from there finds it in the marker, unless it
 * is an argument.
 *
 * Who comes in: mark/drain, mark/marker.  Locks: none but the pool's.
 */
#ifndef CGC_MARK_VISIT_H
#define CGC_MARK_VISIT_H

#include "heap/heap.h"
#include "mark/displacement.h"
#include "mark/queue.h"
#include "mark/scan.h"
#include "mark/slot.h"

enum {
  CGC_VISIT_RING = 16, /* powers of two */
  CGC_VISIT_NEXT = 16,
  CGC_VISIT_CLASSES = 128
};

/* The span whose grey objects are being scanned. */
struct cgc_grey_span {
  uintptr_t window; /* address of slot 64 * word */
  size_t slot_size;
  const struct cgc_slot_row *row;
  const uint64_t *marks;
  uint64_t *scanned;
  uint32_t word;
  uint32_t words;
};

/* An object on its way to being scanned. */
struct cgc_near {
  uintptr_t addr;
  const struct cgc_slot_row *row;
};

/*
 * What nearly every step changes.  No two of a size stand side by side, or gcc
 * keeps them together in one vector register.
 */
struct cgc_lane {
  uint64_t grey; /* slots of the grey span's window, still to be taken */
  uint32_t ring; /* slots that ever entered the ring */
  size_t n;      /* slots in the queue */
  uint32_t next; /* objects that ever left next */
};

struct cgc_marker;

/* One way to read memory. */
struct cgc_drain_kernel {
  /* Up to BUDGET objects.  returns  whether nothing is left */
  bool (*drain)(struct cgc_marker *m, size_t budget);
  /* The words of [LO, HI), part of the object at BLOCK or 0. */
  void (*scan)(struct cgc_marker *m, uintptr_t lo, uintptr_t hi,
               uintptr_t block);
};

struct cgc_marker {
  struct cgc_heap *heap;
  const uint8_t *queued;       /* the pool's, by the page's address */
  struct cgc_scan_range range; /* the arena's, for this cycle */
  const struct cgc_drain_kernel *kernel;
  const struct cgc_drain_kernel *careful; /* looks at a word once more before
                                             it is used: it may have changed */
  bool shared;                            /* there are other markers */
  bool odd_words;  /* tagged words, or pointers before a block, count */
  bool strict;     /* only some bytes of an object count */
  bool relative;   /* distances count */
  bool whole;      /* odd_words or strict: no windows */
  bool by_span;    /* the front is wide: newly marked turns grey */
  bool bounded;    /* no step may take longer in a larger heap */
  bool unusual;    /* by_span, shared or bounded */
  unsigned places; /* of a group of 64 bytes, where addresses count */
  struct cgc_lane lane;
  uint32_t visited; /* slots of the ring that are known to be visited */
  uint32_t nnext;   /* objects in next */
  struct cgc_grey_span grey;
  uint64_t ring[CGC_VISIT_RING]; /* slots */
  struct cgc_near next[CGC_VISIT_NEXT];
  uint64_t marked[CGC_VISIT_CLASSES]; /* by class, not yet in the sums */
  uint64_t marked_at_turn;            /* objects, when it last turned */
  uint64_t marked_bytes;              /* of slots that became marked */
  uint64_t marked_objects;
  uint64_t scanned_bytes;  /* read in search of pointers */
  uint64_t share_at;       /* bytes to be scanned before others get some */
  uint64_t share_pause;    /* from one gift to the next */
  uint64_t grey_spans;     /* taken from the queue */
  struct cgc_slot_map map; /* of the arena */
  struct cgc_queue queue;
};

CGC_INLINE size_t cgc_visit_page_of(const struct cgc_marker *m,
                                    uintptr_t addr) {
  return cgc_arena_page_of(&m->heap->arena, addr);
}

CGC_INLINE bool cgc_visit_is_inside(const struct cgc_marker *m,
                                    uintptr_t word) {
  return word - m->range.base < m->range.bytes;
}

/** Newly marked turns grey, or waits itself. */
void cgc_visit_set_by_span(struct cgc_marker *m, bool on);

/** The front is wide: the same, for a marker that waited for objects. */
void cgc_visit_turn_to_spans(struct cgc_marker *m);

/** Set the mark bit though others do.  returns  whether it was clear */
bool cgc_visit_set_shared(uint64_t *word, uint64_t mask);

/** Mark the large object that WORD points into; it waits to be scanned. */
void cgc_visit_large(struct cgc_marker *m, uintptr_t word);

/**
 * What cgc_slot_find doesn't know: a large object is visited.
 * returns  the slot of a described one, or 0
 */
uint64_t cgc_visit_find_unusual(struct cgc_marker *m, uintptr_t word);

/* returns  1 if the bit was clear, else 0 */
CGC_INLINE uint64_t cgc_visit_set_mark(const struct cgc_marker *m,
                                       uint64_t *word, uint64_t mask) {
  uint64_t old = __atomic_load_n(word, __ATOMIC_RELAXED);
  if (m->shared)
    return !(old & mask) && cgc_visit_set_shared(word, mask);
  *word = old | mask;
  return !(old & mask);
}

/* Its scanned bit is clear: it is enough that the span waits. */
CGC_INLINE void cgc_visit_queue_span(struct cgc_marker *m, uintptr_t addr) {
  cgc_queue_put_span(&m->queue, cgc_visit_page_of(m, addr));
}

/* The front is wide: what is newly marked waits with its span. */
CGC_INLINE void cgc_visit_grey(struct cgc_marker *m, uint64_t slot,
                               uint64_t fresh) {
  size_t page = cgc_slot_page(slot);
  if (cgc_unlikely(fresh & ~(uint64_t)m->queued[page]))
    cgc_visit_queue_span(m, page << CGC_PAGE_SHIFT);
}

/* Others mark, too. */
CGC_INLINE void cgc_visit_shared(struct cgc_marker *m,
                                 const struct cgc_slot_map *map,
                                 struct cgc_lane *l, uint64_t slot) {
  uint64_t *word = cgc_slot_word(map, slot);
  if (__atomic_load_n(word, __ATOMIC_RELAXED) & cgc_slot_mask(slot) ||
      !cgc_visit_set_shared(word, cgc_slot_mask(slot)))
    return;
  m->marked[cgc_slot_class(slot)]++;
  if (m->by_span) {
    cgc_visit_grey(m, slot, cgc_slot_is_scanned(slot));
    return;
  }
  if (cgc_pool_is_wide(m->queue.pool))
    word[cgc_slot_row(map, slot)->lines] |= cgc_slot_mask(slot);
  m->queue.slots[l->n] = slot;
  l->n += cgc_slot_is_scanned(slot);
}

/* Set bit I modulo 64.  returns  1 if it was clear, else 0 */
CGC_SCANS_MEMORY
CGC_INLINE uint64_t cgc_visit_set_bit(uint64_t *bits, uint64_t i) {
  bool clear;
  __asm__("bts %2, %0" : "+r"(*bits), "=@ccnc"(clear) : "r"(i));
  return clear;
}

/*
 * Test and set the mark bit; what is newly marked and to be scanned waits.
 * Whether it is new can't be foreseen, so no branch asks.
 */
CGC_INLINE void cgc_visit_slot(struct cgc_marker *m,
                               const struct cgc_slot_map *map,
                               struct cgc_lane *l, uint64_t slot) {
  if (m->unusual && m->shared) {
    cgc_visit_shared(m, map, l, slot);
    return;
  }
  uint64_t *word = cgc_slot_word(map, slot);
  uint64_t bits = *word;
  uint64_t fresh = cgc_visit_set_bit(&bits, slot >> CGC_SLOT_BIT_SHIFT);
  *word = bits;
  m->marked[cgc_slot_class(slot)] += fresh;
  fresh &= slot >> CGC_SLOT_SCAN_SHIFT;
  if (m->unusual) {
    if (m->by_span) {
      cgc_visit_grey(m, slot, fresh);
      return;
    }
    word[cgc_slot_row(map, slot)->lines] |=
        fresh << (slot >> CGC_SLOT_BIT_SHIFT & 63);
  }
  m->queue.slots[l->n] = slot;
  l->n += fresh;
}

/* The ring is always full: each that enters drives the oldest out. */
CGC_INLINE void cgc_visit_later(struct cgc_marker *m,
                                const struct cgc_slot_map *map,
                                struct cgc_lane *l, uint64_t slot) {
  uint64_t *place = &m->ring[l->ring++ % CGC_VISIT_RING];
  uint64_t oldest = *place;
  __builtin_prefetch(cgc_slot_word(map, slot), 1);
  *place = slot;
  cgc_visit_slot(m, map, l, oldest);
}

/* What is visited twice is marked the second time. */
CGC_INLINE void cgc_visit_all(struct cgc_marker *m,
                              const struct cgc_slot_map *map,
                              struct cgc_lane *l) {
  uint32_t i = l->ring - m->visited > CGC_VISIT_RING ? l->ring - CGC_VISIT_RING
                                                     : m->visited;
  for (; i != l->ring; i++)
    cgc_visit_slot(m, map, l, m->ring[i % CGC_VISIT_RING]);
  m->visited = l->ring;
}

CGC_INLINE void cgc_visit_see(struct cgc_marker *m,
                              const struct cgc_slot_map *map,
                              struct cgc_lane *l, uintptr_t word) {
  uint64_t slot = cgc_slot_find(map, word);
  if (cgc_unlikely(slot == 0) && !(slot = cgc_visit_find_unusual(m, word)))
    return;
  cgc_visit_later(m, map, l, slot);
}

/** cgc_visit_counts for what cgc_slot_place doesn't know. */
bool cgc_visit_counts_unusually(const struct cgc_marker *m, uintptr_t word);

/** Whether WORD, an address of the arena, counts where only some do. */
CGC_INLINE bool cgc_visit_counts(const struct cgc_marker *m,
                                 const struct cgc_slot_map *map,
                                 uintptr_t word) {
  struct cgc_place place = cgc_slot_place(map, word);
  if (cgc_unlikely(!place.row))
    return cgc_visit_counts_unusually(m, word);
  return cgc_displacement_is_allowed(word - cgc_slot_place_address(place));
}

/* The slack of the queue is for one group of words. */
CGC_INLINE void cgc_visit_watch_queue(struct cgc_marker *m,
                                      const struct cgc_lane *l) {
  if (cgc_unlikely(l->n >= m->queue.limit) && !m->by_span)
    cgc_visit_turn_to_spans(m);
}

/*
 * Some programs keep the distance from a block's start to another block in
 * place of its address (fontconfig's patterns and character sets).  Such a
 * word names a block's start.
 */
CGC_INLINE void cgc_visit_distant(struct cgc_marker *m,
                                  const struct cgc_slot_map *map,
                                  struct cgc_lane *l, uintptr_t word) {
  uint64_t slot = cgc_slot_find(map, word);
  if (cgc_unlikely(slot == 0))
    slot = cgc_slot_find_described(map, word);
  if (slot) {
    if (cgc_slot_address(map, slot) == word)
      cgc_visit_later(m, map, l, slot);
  } else if (word % CGC_PAGE == 0 && map->desc[word >> CGC_PAGE_SHIFT] &&
             m->heap->arena.spans[cgc_visit_page_of(m, word)]->base == word) {
    cgc_visit_large(m, word);
  }
}

/** Begin with nothing: heap, map, range, queue and shared are set. */
void cgc_visit_open(struct cgc_marker *m);

/** WORD lies in the arena and may point to an object: on to its mark bit. */
void cgc_visit_word(struct cgc_marker *m, uintptr_t word);

/** The same for what the options make of WORD, other than its address. */
void cgc_visit_odd_word(struct cgc_marker *m, uintptr_t word);

/** Add what was counted by class to the sums. */
void cgc_visit_count(struct cgc_marker *m);

#endif
