/* SPDX-License-Identifier: MIT */
/*
 * mark/kind.h - objects that say themselves where their pointers are.
 *
 * A kind from CGC_KIND_DESCRIBED on may have a scan function: typed
 * descriptors, mark procedures.  The marker calls it for each object of the
 * kind, small or large, in place of reading every word.
 *
 *   table[kind] --scan(marker, lo, hi)--> cgc_marker_mark_word
 *                                         cgc_marker_scan_words
 *
 * A reader from outside, who can't call the function, has in its place what
 * the function follows: form and descr.
 *
 *   I1  Only kinds from CGC_KIND_DESCRIBED on have a function.
 *
 * Who comes in: who makes a kind (sets), the marker (asks).  Calls: nothing.
 * Locks: none.  An entry is set before the first object of the kind is made,
 * and never while the marker runs.
 */
#ifndef CGC_MARK_KIND_H
#define CGC_MARK_KIND_H

#include "heap/span.h"

struct cgc_marker;

/*
 * Mark what the object in [LO, HI) points to, a whole slot.  It runs with the
 * world stopped, perhaps in several markers at once, with no thread-local
 * memory of its own, takes no lock, allocates nothing, and calls only
 * cgc_marker_mark_word and cgc_marker_scan_words.  Objects may be looked at
 * that were never written: then they are zero.
 */
typedef void (*cgc_kind_scan_fn)(struct cgc_marker *marker, uintptr_t lo,
                                 uintptr_t hi);

enum cgc_kind_form {
  CGC_KIND_WORDS,      /* every aligned word may be a pointer */
  CGC_KIND_DESCRIPTOR, /* what bdwgc's descriptor says, compat/descriptor */
  CGC_KIND_ARRAY       /* elements with one each, compat/typed */
};

struct cgc_kind_ops {
  cgc_kind_scan_fn scan; /* NULL: every aligned word may be a pointer */
  uint64_t descr;        /* the descriptor */
  bool add_size;         /* the slot's size is added to it */
  uint8_t form;          /* enum cgc_kind_form */
};

/* guard: the comment above */
extern struct cgc_kind_ops cgc_kind_table[CGC_KIND_LIMIT];

/* The mark procedure whose environment is a struct layout; 0: none yet. */
extern unsigned cgc_kind_layout_proc;

/** Objects of KIND, from CGC_KIND_DESCRIBED on, are scanned by OPS. */
void cgc_kind_set(enum cgc_kind kind, const struct cgc_kind_ops *ops);

/** The scan function of KIND; NULL: the marker's own. */
CGC_INLINE cgc_kind_scan_fn cgc_kind_scan_of(enum cgc_kind kind) {
  return cgc_kind_table[kind].scan;
}

/** Assert I1. */
void cgc_kind_check(void);

#endif
