/* SPDX-License-Identifier: MIT */
/*
 * mark/displacement.h - which bytes of an object a pointer may name.
 *
 * At the start all of them.  Else the first and those that the program
 * registered: then a pointer from the heap or from data to another byte keeps
 * nothing alive.  Pointers on stacks and in registers count wherever they
 * point, since a compiler may have moved them.
 *
 *   allowed: 1 bit for each offset of a small object; of large ones an offset
 *   of CGC_DISPLACEMENT_MAX or more never counts
 *
 * Who comes in: compat/pointer sets, the marker asks.  Locks: none; bits are
 * only ever set.
 */
#ifndef CGC_MARK_DISPLACEMENT_H
#define CGC_MARK_DISPLACEMENT_H

#include "base/base.h"

enum { CGC_DISPLACEMENT_MAX = 4096 };

struct cgc_displacement {
  _Atomic bool some; /* not every byte counts */
  _Atomic uint64_t allowed[CGC_DISPLACEMENT_MAX / 64];
};

extern CGC_HIDDEN struct cgc_displacement cgc_displacement;

/** Whether every byte counts: ALL, or only those allowed. */
void cgc_displacement_set_all(bool all);

/** Let pointers OFFSET bytes behind an object's start count. */
void cgc_displacement_allow(size_t offset);

/** Whether the bytes that count are only some. */
CGC_INLINE bool cgc_displacement_is_some(void) {
  return atomic_load_explicit(&cgc_displacement.some, memory_order_relaxed);
}

/** Whether OFFSET is allowed, when only some are. */
CGC_INLINE bool cgc_displacement_is_allowed(size_t offset) {
  return offset == 0 ||
         (offset < CGC_DISPLACEMENT_MAX &&
          atomic_load_explicit(&cgc_displacement.allowed[offset / 64],
                               memory_order_relaxed) >>
                  (offset % 64) &
              1);
}

/** Whether a pointer to the byte at OFFSET counts. */
CGC_INLINE bool cgc_displacement_counts(size_t offset) {
  return !cgc_displacement_is_some() || cgc_displacement_is_allowed(offset);
}

#endif
