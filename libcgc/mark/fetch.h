/* SPDX-License-Identifier: MIT */
/*
 * mark/fetch.h - where a marker gets more to do, and gives some of it away.
 *
 *   large objects   a piece at a time; the rest waits, where others may take
 *                   it.  Of those that may never have been touched for the most
 *                   part only the pages that are there are read
 *   grey spans      64 slots at a time
 *   the pool        what others gave (mark/pool.h)
 *
 * Who comes in: mark/drain, mark/marker.  Locks: none but the pool's.
 */
#ifndef CGC_MARK_FETCH_H
#define CGC_MARK_FETCH_H

#include "mark/kind.h"
#include "mark/visit.h"

/** Where the object begins that the piece at LO is of; 0: of none. */
uintptr_t cgc_fetch_block_of(const struct cgc_marker *m, uintptr_t lo);

/** Scan a whole object whose kind mark/kind describes. */
void cgc_fetch_scan_described(struct cgc_marker *m, uintptr_t lo, uintptr_t hi);

/**
 * More for ring, slots or greys, when they are empty: a piece is scanned, or
 * the next greys are taken.  With neither the front is narrow again.
 * returns  what that is worth in objects, of a budget: many fetches in a row
 *          may lead to nothing that is to be scanned
 */
size_t cgc_fetch(struct cgc_marker *m);

/**
 * More greys, if no piece waits: those come first, or their number would grow.
 * returns  whether there are any
 */
bool cgc_fetch_greys(struct cgc_marker *m);

/** The same from the others.  returns  false if they gave nothing */
bool cgc_fetch_shared(struct cgc_marker *m);

/**
 * Whether others wait, and it is time to give them something.  Who comes back
 * for more at once is answered more and more seldom: where there is little to
 * do, giving costs more than it brings.
 */
CGC_INLINE bool cgc_fetch_is_asked(const struct cgc_marker *m) {
  return m->shared && cgc_pool_is_hungry(m->queue.pool) &&
         m->scanned_bytes >= m->share_at;
}

/** Half of what waits here would do them good. */
void cgc_fetch_share(struct cgc_marker *m);

#endif
