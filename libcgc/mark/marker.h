/* SPDX-License-Identifier: MIT */
/*
 * mark/marker.h - finds what is reachable, one marker of one cycle.
 *
 *   range --scan--> candidate words --find--> ring of 16, prefetching
 *     ^                                         |  test and set the mark bit
 *     '------ mark queue <-- newly marked ------'  (noscan: that was all)
 *
 * A candidate's mark word and the object's first line are asked for when it
 * enters the ring and looked at 16 candidates later: cache misses overlap
 * instead of following each other.  Without the ring a random graph takes
 * four times as long; see ARCHITECTURE.md.
 *
 *   I1  A marked object of a scanned kind has been scanned, or stands in the
 *       queue, or its span carries the overflow flag.
 *   I2  drain() leaves ring and queue empty and no span with that flag.
 *
 * Who comes in: the cycle, with the world stopped.  Locks: none; one thread.
 */
#ifndef CGC_MARK_MARKER_H
#define CGC_MARK_MARKER_H

#include "heap/heap.h"
#include "mark/queue.h"
#include "mark/scan.h"

enum { CGC_MARKER_RING = 16 };

/* A slot that something may point to, on its way to its mark bit. */
struct cgc_candidate {
  uintptr_t addr; /* of the slot */
  uint64_t *mark; /* the word of its mark bit */
  uint32_t size;  /* of the slot, bytes */
  uint8_t bit;    /* in *mark */
  bool scan;      /* its words may be pointers */
};

struct cgc_marker {
  struct cgc_heap *heap;
  uintptr_t base;        /* the arena's, for this cycle */
  size_t bytes;          /* the arena's, for this cycle */
  cgc_scan_fn scan;
  bool odd_words;        /* tagged words, or pointers before a block, count */
  bool overflowed;       /* some span carries the flag */
  uint32_t ring_at;      /* the oldest candidate */
  uint32_t ring_n;
  struct cgc_candidate ring[CGC_MARKER_RING];
  struct cgc_queue queue;
  uint64_t marked_bytes;   /* of slots that became marked */
  uint64_t marked_objects;
  uint64_t scanned_bytes;  /* read in search of pointers */
};

/**
 * Begin with nothing marked but what heap/sweep prepared.
 * returns  false when there is no memory for the queue
 */
bool cgc_marker_open(struct cgc_marker *marker, struct cgc_heap *heap);
void cgc_marker_close(struct cgc_marker *marker);

/** Mark what WORD points to, if it points into the heap. */
void cgc_marker_mark_word(struct cgc_marker *marker, uintptr_t word);

/** Mark what the aligned words of [LO, HI) point to. */
void cgc_marker_scan_range(struct cgc_marker *marker, uintptr_t lo,
                           uintptr_t hi);

/** The same, at every byte: roots that hold packed structures or code. */
void cgc_marker_scan_unaligned(struct cgc_marker *marker, uintptr_t lo,
                               uintptr_t hi);

/** Scan the contents of every live pinned object. */
void cgc_marker_scan_pinned(struct cgc_marker *marker);

/** Scan what is queued, and what that queues, to the end. */
void cgc_marker_drain(struct cgc_marker *marker);

#endif
