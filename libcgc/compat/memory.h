/* SPDX-License-Identifier: MIT */
/*
 * compat/memory.h - bdwgc's GC_malloc and its relatives.
 *
 * All of them are front/alloc's allocation of some kind; what they add is the
 * program's out-of-memory function.
 *
 * Who comes in: the program; the rest of compat/.  Locks: none.
 */
#ifndef CGC_COMPAT_MEMORY_H
#define CGC_COMPAT_MEMORY_H

#include "compat/variable.h"
#include "front/alloc.h"

/** What the out-of-memory function says for BYTES. */
CGC_COLD void *cgc_memory_out(size_t bytes);

/** SIZE zeroed bytes of KIND, or what the out-of-memory function says. */
CGC_INLINE void *cgc_memory_new(size_t size, enum cgc_kind kind) {
  void *obj = cgc_alloc(size, kind, true);
  return cgc_likely(obj != NULL) ? obj : cgc_memory_out(size);
}

#endif
