/* SPDX-License-Identifier: MIT */
/*
 * cycle/barrier.h - the write barrier of a cycle that runs beside the program.
 *
 *   open    the heap's addresses are tracked (once, kept from cycle to cycle)
 *   arm     from here on every first write to a page is noted
 *   clean   take the written pages of a stretch, scan them again: beside the
 *           program, as often as it pays
 *   finish  the same with the world stopped, all of the heap, the last time
 *
 *   I1  After finish every marked and live object was scanned after the last
 *       write to it.
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
  uint64_t npages; /* OS pages visited again in this cycle */
  uint64_t nlast;  /* by finish */
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

/**
 * Scan the written pages among [FIRST, END) again, and arm them.
 * returns  their number, in OS pages
 */
size_t cgc_barrier_clean(struct cgc_barrier *barrier, struct cgc_marker *marker,
                         size_t first, size_t end);

/** World stopped: scan all that was written again (I1, once drained). */
void cgc_barrier_finish(struct cgc_barrier *barrier, struct cgc_marker *marker);

#endif
