/* SPDX-License-Identifier: MIT */
/*
 * heap/span.h - the central noun: a run of pages with slots of one size.
 *
 *   pages      | slot 0 | slot 1 | ... | slot nslots-1 | tail |
 *   slots[]      1 byte   1 byte         what each slot is (below)
 *   mark lines   1 bit    1 bit          in a side table, heap/arena.h
 *
 * A slot's state is one byte, so that any thread can change the state of the
 * slot that it owns by a plain store: malloc and free need no atomic
 * operation and no queue to the thread that owns the span.
 *
 *            cache takes the window, hands out     free()
 *     FREE ------------------------------> LIVE ---------> HELD
 *      ^  ^------ sweep, slot unmarked ------'               |  ^ | pop
 *      '------------- flush of a thread's held list ---------'  '-' -> LIVE
 *
 * Who owns a slot: LIVE the client; HELD the held list of one thread's cache;
 * FREE the cache that has the span (where == CGC_SPAN_CACHED), else the
 * central list.
 *
 *   I1  While marking in a stopped world, the mark bit of every slot that is
 *       not LIVE is set, and its scanned bit.  So the marker asks only for
 *       that bit.  Beside the program it is clear, and what is allocated
 *       meanwhile is born white: it lives if it is reached.
 *   I2  Between the end of marking and the sweep of the span a slot is
 *       garbage exactly if it is LIVE and unmarked.
 *   I3  In a central list: nfree == number of FREE slots, if the span is swept.
 *   I4  desc and spans of heap/arena.h name the span for each of its pages.
 *   I5  At every instruction whoever reads the process from outside finds I4
 *       and a header that agrees with itself, or the span is `changing'.
 *
 * Locks: link, nfree, where, epoch: central.lock of the span's class and kind,
 * or the cache that holds it. Source: the layout is Go's mspan; the state byte
 * is ours, see ARCHITECTURE.md for what bits and atomics would cost.
 */
#ifndef CGC_HEAP_SPAN_H
#define CGC_HEAP_SPAN_H

#include "base/list.h"
#include "heap/sizeclass.h"

/*
 * What an object's memory means to the collector; the numbers are bdwgc's.
 * Those from CGC_KIND_DESCRIBED on are made as they are wanted
 * (cgc_heap_add_kind).
 */
enum cgc_kind {
  CGC_KIND_NOSCAN,        /* holds no pointers, never read */
  CGC_KIND_SCAN,          /* every aligned word may be a pointer */
  CGC_KIND_PINNED,        /* scanned, and a root while it is not freed */
  CGC_KIND_PINNED_NOSCAN, /* not scanned, lives until it is freed */
  CGC_KINDS,
  CGC_KIND_DESCRIBED = CGC_KINDS, /* from here on mark/kind says what counts */
  CGC_KIND_LIMIT = 32             /* desc has 5 bits for the kind */
};

CGC_INLINE bool cgc_kind_is_noscan(enum cgc_kind kind) {
  return kind == CGC_KIND_NOSCAN || kind == CGC_KIND_PINNED_NOSCAN;
}

CGC_INLINE bool cgc_kind_is_pinned(enum cgc_kind kind) {
  return kind == CGC_KIND_PINNED || kind == CGC_KIND_PINNED_NOSCAN;
}

CGC_INLINE bool cgc_kind_is_described(enum cgc_kind kind) {
  return kind >= CGC_KIND_DESCRIBED;
}

enum cgc_slot {
  CGC_SLOT_FREE = 0,
  CGC_SLOT_LIVE = 1,
  CGC_SLOT_HELD = 2,
  CGC_SLOT_SPECIAL = 4 /* added to LIVE: has finalizers or weak links */
};

enum cgc_span_where {
  CGC_SPAN_CACHED,  /* a thread allocates from it */
  CGC_SPAN_PARTIAL, /* swept, has free slots */
  CGC_SPAN_LEAN,    /* the same, the memory of free slots given back */
  CGC_SPAN_FULL,    /* swept, has none */
  CGC_SPAN_EMPTY,   /* swept, has only free ones */
  CGC_SPAN_LARGE    /* one object, no list but heap's */
};

struct cgc_span {
  uintptr_t base;   /* address of slot 0; const */
  size_t slot_size; /* bytes; const but for a large object's growth */
  uint32_t npages;
  uint32_t nslots;
  uint32_t nfree; /* guard: central.lock */
  uint8_t class;  /* const */
  uint8_t kind;   /* const */
  uint8_t where;
  bool needs_zero;  /* free slots may hold old contents */
  uint8_t epoch;    /* central's, when it was last swept; guard: central.lock */
  uint8_t changing; /* its pages are: for readers from outside, I5 */
  struct cgc_link link;
  void *_Atomic notes;             /* look/block's, of the slots; NULL: none */
  uint8_t slots[] CGC_ALIGNED(64); /* enum cgc_slot */
};

_Static_assert(sizeof(struct cgc_span) == 64, "the header is one cache line");

/** Bytes that a span's struct takes, with its state bytes. */
CGC_INLINE size_t cgc_span_struct_bytes(uint32_t nslots) {
  return sizeof(struct cgc_span) + cgc_round_up(nslots, 64);
}

/**
 * A new span struct for NPAGES pages at BASE; all slots are FREE.
 * returns  NULL when there is no memory
 */
struct cgc_span *cgc_span_new(uintptr_t base, size_t npages, unsigned class,
                              enum cgc_kind kind);
void cgc_span_delete(struct cgc_span *span);

CGC_INLINE uintptr_t cgc_span_slot_address(const struct cgc_span *span,
                                           uint32_t index) {
  return span->base + index * span->slot_size;
}

CGC_INLINE uint32_t cgc_span_words(const struct cgc_span *span) {
  return (span->nslots + 63) / 64;
}

CGC_INLINE bool cgc_slot_is_live(uint8_t state) {
  return state & CGC_SLOT_LIVE;
}

/**
 * Bit i of the result: slot 64 * WORD + i is LIVE (cgc_span_live) or FREE
 * (cgc_span_free).  Bits beyond the last slot are clear in both.
 */
uint64_t cgc_span_live(const struct cgc_span *span, uint32_t word);
uint64_t cgc_span_free(const struct cgc_span *span, uint32_t word);

/** Number of FREE slots, counted. */
uint32_t cgc_span_count_free(const struct cgc_span *span);

/** Mark a LIVE slot as having entries in the side tables, or not. */
CGC_INLINE void cgc_span_set_special(struct cgc_span *span, uint32_t index,
                                     bool special) {
  span->slots[index] =
      special ? CGC_SLOT_LIVE | CGC_SLOT_SPECIAL : CGC_SLOT_LIVE;
}

/** Assert that the header agrees with its class and that states are known. */
void cgc_span_check(const struct cgc_span *span);

#endif
