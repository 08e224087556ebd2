/* SPDX-License-Identifier: MIT */
/*
 * world/range.h - root ranges that the program names, and those it excludes.
 *
 * Two sorted sets of address ranges.  What is in the first and not in the
 * second is visited; the second is also subtracted from what world/root finds
 * by itself.  Adding twice is adding once, and a part of a range can be
 * removed.
 *
 *   I1  the ranges of a set are sorted, not empty, and do not touch.
 *
 * Who comes in: front/api, world/root.  Calls: os/page.
 * Locks: its own (CGC_RANK_RANGE) for changes; with the world stopped sets are
 * read without it, since nobody who holds it can be stopped.
 */
#ifndef CGC_WORLD_RANGE_H
#define CGC_WORLD_RANGE_H

#include "base/base.h"

struct cgc_range {
  uintptr_t lo;
  uintptr_t hi;
};

struct cgc_range_set {
  struct cgc_range *all; /* own memory */
  size_t n;
  size_t capacity;
};

typedef void (*cgc_range_fn)(uintptr_t lo, uintptr_t hi, void *ctx);

/** Union with [LO, HI).  returns  false when memory is out */
bool cgc_range_set_add(struct cgc_range_set *set, uintptr_t lo, uintptr_t hi);
/** Difference with [LO, HI).  returns  false when memory is out */
bool cgc_range_set_remove(struct cgc_range_set *set, uintptr_t lo,
                          uintptr_t hi);
/** Give the memory back; the set is empty. */
void cgc_range_set_clear(struct cgc_range_set *set);
/** Call FN for each part of [LO, HI) that is not in SET, lowest first. */
void cgc_range_set_subtract(const struct cgc_range_set *set, uintptr_t lo,
                            uintptr_t hi, cgc_range_fn fn, void *ctx);
/** Assert I1. */
void cgc_range_set_check(const struct cgc_range_set *set);

/** Name [LO, HI) as roots.  returns  0 or -ENOMEM; the caller is busy */
int cgc_range_add(uintptr_t lo, uintptr_t hi);
/** Take [LO, HI) out of the roots named.  returns  0 or -ENOMEM */
int cgc_range_remove(uintptr_t lo, uintptr_t hi);
/** Leave [LO, HI) out of every scan of roots.  returns  0 or -ENOMEM */
int cgc_range_exclude(uintptr_t lo, uintptr_t hi);
/** Forget all roots named; exclusions stay. */
void cgc_range_clear(void);
/** Forget all exclusions. */
void cgc_range_exclude_none(void);

/** World stopped: call FN for what is named and not excluded. */
void cgc_range_visit(cgc_range_fn fn, void *ctx);
/** World stopped: call FN for the parts of [LO, HI) not excluded. */
void cgc_range_visit_allowed(uintptr_t lo, uintptr_t hi, cgc_range_fn fn,
                             void *ctx);
/**
 * World stopped: the same without what is named; words that only a part of is
 * named are in.  LO and HI are multiples of 8.
 */
void cgc_range_visit_unnamed(uintptr_t lo, uintptr_t hi, cgc_range_fn fn,
                             void *ctx);

/** For look/layout: the named and the excluded ranges. */
extern const void *const cgc_range_view[2];

/** Registers the lock for fork; once, at start. */
void cgc_range_init(void);

/** Assert I1 of both sets. */
void cgc_range_check(void);

#endif
