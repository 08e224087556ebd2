/* SPDX-License-Identifier: MIT */
/*
 * mark/worker.h - more markers than one, for the length of a cycle.
 *
 *   collecting thread   open ─► scan roots, drain ... ─► finish (drain to the
 *                         │                                end) ─► results
 *   worker 1 .. n-1       '─► drain, wait for work ... ─► end
 *
 * Workers are bare threads: cloned when the world stands and gone before it
 * goes on, with a stack from our own memory, all signals blocked, and the
 * thread pointer of the collecting thread, whose thread-local variables they
 * don't touch.  The program never sees one: not in its list of threads, not
 * across fork, not while nothing is collected.
 *
 * Below 4 MiB in use, or where the system refuses a
 * thread, the collecting thread marks alone.
 *
 * Who comes in: the cycle.  Locks: the pool's.
 */
#ifndef CGC_MARK_WORKER_H
#define CGC_MARK_WORKER_H

#include "mark/marker.h"

struct cgc_worker {
  struct cgc_marker marker;
  _Atomic uint32_t alive; /* os/thread */
  void *stack;
};

struct cgc_workers {
  struct cgc_pool pool;
  unsigned n;     /* of this cycle, the collecting thread included */
  unsigned nmade; /* workers that have memory */
  unsigned max;   /* const after init */
  struct cgc_worker **worker; /* [0] is the collecting thread's */
};

/**
 * For up to MAX markers; 0: as many as the process may use processors.
 * returns  false without memory
 */
bool cgc_workers_init(struct cgc_workers *workers, unsigned max);

/**
 * World stopped: begin marking HEAP, of which IN_USE bytes are in use.
 * returns  the collecting thread's marker
 */
struct cgc_marker *cgc_workers_open(struct cgc_workers *workers,
                                    struct cgc_heap *heap, size_t in_use);

/**
 * All roots are scanned: mark to the end and end the workers.  The marker of
 * cgc_workers_open then has the counts of all, and may go on alone.
 */
void cgc_workers_finish(struct cgc_workers *workers);

#endif
