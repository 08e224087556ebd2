/* SPDX-License-Identifier: MIT */
/*
 * mark/audit.h - a marking judged by another one.
 *
 * A cycle that ran beside the program is right if it marked everything that a
 * marking from scratch, with the world stopped, marks.  CGC_VERIFY asks that
 * at the end of each such cycle:
 *
 *   begin   put the marks aside, prepare them anew
 *           (the conductor marks from all roots)
 *   end     whatever is live, marked now and was not marked before was lost:
 *           the process ends with its address; else the old marks come back
 *
 * Who comes in: cycle/beside, world stopped.  Calls: heap/, os/page.
 * Locks: none.
 */
#ifndef CGC_MARK_AUDIT_H
#define CGC_MARK_AUDIT_H

#include "heap/heap.h"

struct cgc_audit {
  struct cgc_heap *heap;
  uint64_t *aside; /* the marks, of all pages */
  size_t bytes;
};

/** returns  false without memory: there is nothing to end */
bool cgc_audit_begin(struct cgc_audit *audit, struct cgc_heap *heap);

/** returns  an object that was lost, or 0; the marks are the old ones again */
uintptr_t cgc_audit_end(struct cgc_audit *audit);

#endif
