/* SPDX-License-Identifier: MIT */
/*
 * mark/marker.h - finds what is reachable, one marker of one cycle.
 *
 *   piece --scan--> candidate words --find--> ring, prefetching mark words
 *     ^                                          |  test and set the mark bit
 *     |                                          v  (noscan: that was all)
 *   next, prefetching contents <-- pieces <-- newly marked
 *                              <-- spans <-- ... if they are too many
 *
 * Cache misses overlap instead of following each other: a candidate's mark
 * word is asked for when it enters the ring and looked at 16 candidates
 * later, an object's contents likewise.  Where the front of the marking is
 * wide, spans wait instead of objects, and their grey objects are scanned in
 * address order; see mark/queue.h, and ARCHITECTURE.md for the figures.
 *
 *   I1  A marked object of a scanned kind has been scanned, or stands in
 *       next or pieces; or its scanned bit is clear and its span is queued.
 *   I2  drain() leaves all of them empty.
 *
 * Several markers of one cycle share a pool (mark/pool.h); a mark bit is then
 * set by an atomic operation, and a marker with many pieces gives half of them
 * to one that has none.  Scanned bits are set by plain stores: one that is lost
 * costs another scan of an object.
 *
 * Who comes in: the cycle and mark/worker, with the world stopped.
 */
#ifndef CGC_MARK_MARKER_H
#define CGC_MARK_MARKER_H

#include "heap/heap.h"
#include "mark/kind.h"
#include "mark/queue.h"
#include "mark/scan.h"

enum { CGC_MARKER_RING = 16, CGC_MARKER_NEXT = 16 };

/* A slot that something may point to, on its way to its mark bit. */
struct cgc_candidate {
  uintptr_t addr; /* of the slot */
  uint64_t *mark; /* the word of its mark bit */
  uint32_t size;  /* of the slot, bytes */
  uint8_t bit;    /* in *mark */
  bool scan;      /* it may hold pointers */
  bool described; /* mark/kind says where */
  uint16_t lines; /* words from *mark to the word of its scanned bit */
};

/* The span whose grey objects are being scanned. */
struct cgc_grey_span {
  uintptr_t window; /* address of slot 64 * word */
  size_t slot_size;
  uintptr_t described; /* 1: mark/kind says where the pointers are */
  uint64_t bits;       /* grey slots of the word, still to be taken */
  const uint64_t *marks;
  uint64_t *scanned;
  uint32_t word;
  uint32_t words;
};

struct cgc_marker {
  struct cgc_heap *heap;
  uintptr_t base;              /* the arena's, for this cycle */
  size_t bytes;                /* the arena's, for this cycle */
  struct cgc_scan_range range; /* the same */
  const uint32_t *desc;        /* the arena's */
  uint64_t *marks;             /* the arena's */
  cgc_scan_fn scan;
  cgc_scan_thorough_fn scan_thorough;
  bool shared;      /* there are other markers */
  bool odd_words;   /* tagged words, or pointers before a block, count */
  bool strict;      /* only some bytes of an object count */
  bool thorough;    /* packed words and distances count */
  bool by_span;     /* the front is wide: newly marked turns grey */
  uint32_t ring_at; /* the oldest candidate */
  uint32_t ring_n;
  uint32_t next_at; /* the oldest piece on its way into the cache */
  uint32_t next_n;
  struct cgc_candidate ring[CGC_MARKER_RING];
  struct cgc_piece next[CGC_MARKER_NEXT];
  struct cgc_grey_span grey;
  uint64_t marked_bytes; /* of slots that became marked */
  uint64_t marked_objects;
  uint64_t scanned_bytes; /* read in search of pointers */
  uint64_t grey_spans;    /* taken from the queue */
  struct cgc_queue queue;
};

/** Begin with nothing marked but what heap/sweep prepared; POOL is open. */
void cgc_marker_open(struct cgc_marker *marker, struct cgc_heap *heap,
                     struct cgc_pool *pool);

/** Mark what WORD points to, if it points into the heap. */
void cgc_marker_mark_word(struct cgc_marker *marker, uintptr_t word);

/** Mark what the aligned words of [LO, HI) point to. */
void cgc_marker_scan_range(struct cgc_marker *marker, uintptr_t lo,
                           uintptr_t hi);

/**
 * The same as part of a drain: what is found waits in the queue.  For scan
 * functions of mark/kind.
 */
void cgc_marker_scan_words(struct cgc_marker *marker, uintptr_t lo,
                           uintptr_t hi);

/** Mark what the object of KIND in [LO, HI) points to, and drain. */
void cgc_marker_scan_object(struct cgc_marker *marker, enum cgc_kind kind,
                            uintptr_t lo, uintptr_t hi);

/** The same, whichever byte of an object a word names: stacks, registers. */
void cgc_marker_scan_stack(struct cgc_marker *marker, uintptr_t lo,
                           uintptr_t hi);

/** The same, at every byte: roots that hold packed structures or code. */
void cgc_marker_scan_unaligned(struct cgc_marker *marker, uintptr_t lo,
                               uintptr_t hi);

/** Count every live pinned object as marked, and scan what is in it. */
void cgc_marker_scan_pinned(struct cgc_marker *marker);

/** Scan what is queued, and what that queues, to the end. */
void cgc_marker_drain(struct cgc_marker *marker);

/**
 * The same for up to PIECES pieces, beside the program: alone in its pool, the
 * heap held.
 * returns  whether nothing is left
 */
bool cgc_marker_drain_some(struct cgc_marker *marker, unsigned pieces);

/** The same, until no marker of the pool has anything left. */
void cgc_marker_finish(struct cgc_marker *marker);

/** Add what OTHER has counted. */
void cgc_marker_add_counts(struct cgc_marker *marker,
                           const struct cgc_marker *other);

#endif
