/* SPDX-License-Identifier: MIT */
/*
 * cycle/barrier.h - the write barrier of a cycle that runs beside the program.
 *
 *   open    the heap's addresses are tracked (once, kept from cycle to cycle)
 *   arm     from here on every first write to a page is noted
 *   clean   take the written pages, scan them again: beside the program, some
 *           at a time, in rounds over the heap, as often as it pays
 *   finish  the same with the world stopped, all of the heap, the last time
 *   disarm  writes are not noted any more, and cost nothing
 *
 * Blocks of 2 MiB, one page table of the kernel's each, are what is decided on.
 * One that holds nothing to scan is neither armed nor looked at.  In one whose
 * pages were nearly all written by the time that they were visited, a fault for
 * each of them told nothing: in the next few cycles it is armed no sooner than
 * that.  One that the program has filled since and where nothing is marked is
 * armed without a visit.
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

/* 2 MiB of the heap. */
struct cgc_barrier_block {
  uint16_t nwritten; /* OS pages, in the first round */
  uint8_t rest;      /* cycles to come in which it is not armed */
  bool armed;        /* when this cycle began */
  bool visited;      /* since */
};

struct cgc_barrier {
  struct cgc_dirty dirty;
  struct cgc_heap *heap;
  struct cgc_barrier_block *blocks; /* for all that the heap may grow to */
  bool judges;       /* in the first round: how much was written? */
  uintptr_t at, end; /* of the round: how far it is, and has to go */
  uint64_t nround;   /* OS pages found in it */
  uint64_t npages;   /* visited again in this cycle */
  uint64_t visit_ns; /* that this took */
  uint64_t page_ns;  /* of earlier cycles: a visit to one page */
};

/**
 * Begin to note writes to HEAP; pages are dirty until they are armed.
 * returns  0 or -errno: the kernel keeps no record of writes
 */
int cgc_barrier_open(struct cgc_barrier *barrier, struct cgc_heap *heap);

/** What a visit to one OS page takes, on the average. */
uint64_t cgc_barrier_page_ns(const struct cgc_barrier *barrier);

/** Stop tracking; in a forked child, too. */
void cgc_barrier_close(struct cgc_barrier *barrier);

/**
 * Pages [FIRST, END) of the arena, whole blocks of them, are clean from now on,
 * where that will tell something.
 */
void cgc_barrier_arm(struct cgc_barrier *barrier, size_t first, size_t end);

/** Pages [FIRST, END) of the arena are dirty, until they are armed. */
void cgc_barrier_disarm(struct cgc_barrier *barrier, size_t first, size_t end);

/** A new round over all of the heap; the FIRST of a cycle that armed it? */
void cgc_barrier_rewind(struct cgc_barrier *barrier, bool first);

/**
 * Arm what is new in the next stretch of the round, and count the written OS
 * pages there.
 * returns  whether the round is over
 */
bool cgc_barrier_count(struct cgc_barrier *barrier, struct cgc_marker *marker);

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
