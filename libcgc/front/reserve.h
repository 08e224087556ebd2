/* SPDX-License-Identifier: MIT */
/*
 * front/reserve.h - memory for a signal handler that interrupted malloc.
 *
 * Such a handler finds its thread in the middle of the allocator, so the
 * heap cannot be used and no lock may be waited for.  It gets a block from
 * here: areas of their own, grown by mmap, where allocating is one
 * compare-and-swap.
 *
 *   current -> | next bytes used | size, block | size, block | ... free |
 *                 | next
 *                 v
 *              | an older area, as good as full |        large -> | ... |
 *
 * Blocks are never reclaimed: a handler's allocations are few, and what frees
 * one may be a handler as well.  The areas are mappings of the program's as
 * far as the collector is concerned, so they are scanned as roots.
 *
 *   I1  An area that has been pushed stays in its list for ever.
 *   I2  used only grows and never passes bytes.
 *
 * Who comes in: front/alloc when its thread is busy already, and whoever has a
 * pointer that is not in the heap.  Locks: none.
 */
#ifndef CGC_FRONT_RESERVE_H
#define CGC_FRONT_RESERVE_H

#include "base/base.h"

enum {
  CGC_RESERVE_ALIGN = 16,
  CGC_RESERVE_AREA = 256 << 10, /* bytes; more for a large block */
  CGC_RESERVE_LARGE = 64 << 10  /* bytes; such blocks have areas of their own */
};

/**
 * SIZE bytes of zeroed memory at a multiple of ALIGN, a power of two.
 * returns  NULL when the system has no memory; errno is kept
 * threads  any, signal handlers too, busy or not
 */
void *cgc_reserve_alloc(size_t align, size_t size);

/** Whether PTR points into an area. */
bool cgc_reserve_owns(const void *ptr);

/** What the block at PTR, which cgc_reserve_alloc returned, was asked for. */
size_t cgc_reserve_size(const void *ptr);

/**
 * Name areas that are new as root ranges, for a library that does not scan
 * all mappings.  Before each collection.
 * caller   is busy
 */
void cgc_reserve_publish(void);

#endif
