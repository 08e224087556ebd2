/* SPDX-License-Identifier: MIT */
/*
 * mark/round.h - grey objects, scanned a batch at a time.
 *
 *   grey span --fill--> batch --(mark/drain)--> words --find--> slots --visit
 *
 * Where a front is wide there is always more to do, so each step is done for a
 * whole batch, a tight loop over an array: cheaper than an object after the
 * other through rings (random graph: 321 instructions for an object, not 421).
 * Misses overlap all the same: the contents of one batch are asked for while
 * the one before is scanned, and mark words a round before they are visited.
 *
 *   I1  Nothing stands in a round when it is left.
 *
 * Who comes in: mark/drain.  Locks: none but the pool's.
 */
#ifndef CGC_MARK_ROUND_H
#define CGC_MARK_ROUND_H

#include "mark/fetch.h"
#include "mark/sight.h"

enum {
  CGC_ROUND_BATCH = 32,
  CGC_ROUND_WORDS = CGC_ROUND_BATCH * CGC_SIGHT_HITS
};

struct cgc_batch {
  size_t n;
  struct cgc_near near[CGC_ROUND_BATCH]; /* behind n anything that was one */
};

struct cgc_round {
  struct cgc_batch batch[2];
  unsigned at; /* the batch that comes in; the other one is scanned */
  size_t nwords;
  size_t nslots;
  uintptr_t words[CGC_ROUND_WORDS];
  uint64_t slots[CGC_ROUND_WORDS];
};

/** Most objects stand in one line or in two. */
CGC_INLINE void cgc_round_ask_for(struct cgc_near near) {
  __builtin_prefetch((const void *)near.addr);
  __builtin_prefetch((const void *)(near.addr + near.row->ahead));
}

void cgc_round_open(struct cgc_round *round, const struct cgc_marker *m);

/**
 * Take grey objects, if MORE are wanted, for the batch that comes in.
 * returns  how many
 */
size_t cgc_round_fill(struct cgc_round *round, struct cgc_marker *m, bool more);

/** Find the slots of words[], and ask for their mark words. */
void cgc_round_find(struct cgc_round *round, struct cgc_marker *m);

/** Mark slots[]; what is new turns grey. */
void cgc_round_visit(struct cgc_round *round, struct cgc_marker *m);

/** What came in is to be scanned.  returns  false if all is done */
CGC_INLINE bool cgc_round_next(struct cgc_round *round) {
  bool more = round->batch[round->at].n | round->nslots;
  round->at = !round->at;
  return more;
}

#endif
