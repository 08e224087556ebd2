/* SPDX-License-Identifier: MIT */
/*
 * heap/meta.h - memory for the collector's own structures.
 *
 * Spans, caches, records and small tables come from areas that are not part
 * of the heap, so that no overrun of a client's block reaches them.  Pieces
 * are multiples of 64 bytes; freed pieces wait in a list of their size.  A
 * piece above CGC_META_SMALL has a mapping of its own.
 *
 * Locks: its own, the lowest of the heap.
 */
#ifndef CGC_HEAP_META_H
#define CGC_HEAP_META_H

#include "base/base.h"

enum { CGC_META_GRAIN = 64, CGC_META_SMALL = 32 << 10 };

/**
 * BYTES of zeroed memory, aligned to 64.
 * returns  NULL when the system has no memory
 * threads  any; the caller is busy (world/mutator.h)
 */
void *cgc_meta_alloc(size_t bytes);

/** Give back a piece; BYTES is what it was asked for with. */
void cgc_meta_free(void *piece, size_t bytes);

/** Bytes that all areas hold, used or not. */
size_t cgc_meta_bytes(void);

/** Registers the lock for fork; once, at start. */
void cgc_meta_init(void);

#endif
