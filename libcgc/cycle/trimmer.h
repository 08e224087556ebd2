/* SPDX-License-Identifier: MIT */
/*
 * cycle/trimmer.h - memory goes back to the system while the program is idle.
 *
 * A program that works gives back by itself what it no longer needs: it sweeps
 * as it allocates, and the page heap trims as it frees.  One that stops after
 * a peak does neither.  So where much is free and resident, or a cycle found
 * much garbage, a background thread waits a tenth of a second at a time,
 * sweeps, and returns what nobody wanted meanwhile, until there is no excess.
 * Once the program has allocated next to nothing for such a time, free slots of
 * spans that are partly used go back, too, where they fill OS pages.
 * A process of few MiB never has one.
 *
 *   I1  It runs only while nobody stops the world, forks or walks the heap:
 *       who is about to ends it.  It takes locks below the mutators' list, for
 *       short, so that ending it takes a few milliseconds.
 *
 * Who comes in: cycle/cycle with its lock held (start), it, front/fork and
 * front/api (end).  Calls: heap/, cycle/background.
 */
#ifndef CGC_CYCLE_TRIMMER_H
#define CGC_CYCLE_TRIMMER_H

#include "cycle/background.h"
#include "heap/heap.h"

struct cgc_trimmer {
  struct cgc_background background;
  struct cgc_heap *heap;
  _Atomic uint32_t quit; /* 1: it is woken to end */
};

extern struct cgc_trimmer cgc_trimmer;

/** Have HEAP trimmed; harmless if that is being done. */
void cgc_trimmer_start(struct cgc_trimmer *trimmer, struct cgc_heap *heap);

/** End it, if it runs; it has finished what it was in. */
void cgc_trimmer_end(struct cgc_trimmer *trimmer);

#endif
