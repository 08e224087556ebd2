/* SPDX-License-Identifier: MIT */
/*
 * cycle/barrier.h - the write barrier of a cycle that runs beside the program.
 *
 *   open    the heap's addresses are tracked (once, kept from cycle to cycle)
 *   arm     from here on every first write to a page is noted
 *   clean   take the written pages, scan them again: beside the program, some
 *           at a time, in rounds over the heap, as often as it pays
 *   finish  the same with the world stopped, all of the heap, the last time
 *
 *   I1  After a finish that found no more than it may, every marked and live
 *       object was scanned after the last write to it.
 *
 * Who comes in: cycle/cycle.  Calls: os/dirty, mark/rescan.
 * Locks: none; it belongs to who conducts the cycle, or its background thread.
 */
#ifndef CGC_CYCLE_BARRIER_H
#define CGC_CYCLE_BARRIER_H

#include "mark/rescan.h"
#include "os/dirty.h"

struct cgc_barrier {
  struct cgc_dirty dirty;
  struct cgc_heap *heap;
  uintptr_t at, end; /* of the round: how far it is, and has to go */
  uint64_t nround;   /* OS pages found in it */
  uint64_t npages;   /* visited again in this cycle */
  uint64_t visit_ns; /* that this took */
};

/**
 * Begin to note writes to HEAP; pages are dirty until they are armed.
 * returns  0 or -errno: the kernel keeps no record of writes
 */
int cgc_barrier_open(struct cgc_barrier *barrier, struct cgc_heap *heap);

/** Stop tracking; in a forked child, too. */
void cgc_barrier_close(struct cgc_barrier *barrier);

/** Pages [FIRST, END) of the arena are clean from now on. */
void cgc_barrier_arm(struct cgc_barrier *barrier, size_t first, size_t end);

/** A new round over all of the heap. */
void cgc_barrier_rewind(struct cgc_barrier *barrier);

/**
 * Scan up to MAX of the written OS pages that come next in the round, and arm
 * them.
 * returns  whether the round is over
 */
bool cgc_barrier_clean(struct cgc_barrier *barrier, struct cgc_marker *marker,
                       size_t max);

/**
 * World stopped: scan all that was written again (I1, once drained).
 * max      OS pages, 0: all
 * returns  false if more than MAX were written: some were scanned in vain
 */
bool cgc_barrier_finish(struct cgc_barrier *barrier, struct cgc_marker *marker,
                        size_t max);

#endif
