/* SPDX-License-Identifier: MIT */
/*
 * compat/descriptor.h - bdwgc's mark descriptors: where an object's pointers
 * are.
 *
 * A descriptor is a word, as gc_mark.h says.  The kinds that the program makes
 * have one each; mark/kind's function for them follows it:
 *
 *   object ──descriptor──► LENGTH, BITMAP   words ──────────► the marker
 *                          PER_OBJECT       another descriptor
 *                          PROC             the program's procedure
 *                                             └ GC_mark_and_push ──► the marker
 *                                             └ its mark stack ──► entries
 *
 * The mark stack that a procedure is given stands on the marker's own stack:
 *
 *   | bottom, unused | entry ... | limit: the marker it belongs to |
 *
 * so that GC_mark_and_push, which gets the limit, finds its marker.  Marking is
 * done at once and pushes nothing; what stands on the stack when a procedure
 * returns was pushed by itself: {start, descriptor}, as bdwgc's entries are.
 *
 *   I1  A procedure's number is below nprocs, and is never given again.
 *
 * Who comes in: the program; compat/typed, compat/gcj.  Calls: mark/kind,
 * mark/marker.  Locks: none; kinds and procedures are only added.
 */
#ifndef CGC_COMPAT_DESCRIPTOR_H
#define CGC_COMPAT_DESCRIPTOR_H

#include "compat/variable.h"
#include "heap/span.h"

#define GC_BUILD
#include "gc/gc_mark.h"

struct cgc_marker;

struct GC_ms_entry {
  void *mse_start;
  GC_word mse_descr;
};

/**
 * A kind whose objects DESCR describes, their slot's size added where ADD_SIZE.
 * Ends the process when all kinds are taken.
 */
enum cgc_kind cgc_descriptor_kind(GC_word descr, bool add_size);

/** Have PROC be mark procedure INDEX, below GC_RESERVED_MARK_PROCS. */
void cgc_descriptor_reserve(unsigned index, GC_mark_proc proc);

/** In a scan function: mark what DESCR says of the object at START. */
void cgc_descriptor_scan(struct cgc_marker *marker, uintptr_t start,
                         GC_word descr);

#endif
