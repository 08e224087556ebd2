/* SPDX-License-Identifier: MIT */
/*
 * os/page.h - address space and memory from the system.
 *
 * Every mapping that the collector makes for itself comes from here and is
 * noted in one sorted table of own ranges, so that the scan of the process's
 * mappings can leave the collector's own memory out; so is a variable that
 * would keep objects alive, the heap's.  The kernel may show an
 * own range and a neighbour of the program's as one mapping: only this table
 * tells them apart.
 *
 *   own   [lo,hi) [lo,hi) ...      sorted, neighbours merged, grows as needed
 *
 *   I1  ranges are sorted, not empty, and do not touch each other.
 *   I2  the table's own mapping is in the table.
 *
 * Who comes in: heap/, world/, mark/.  Calls: nothing.  errno is kept.
 * Locks: one, of the lowest rank; never held around a call out.
 */
#ifndef CGC_OS_PAGE_H
#define CGC_OS_PAGE_H

#include "base/base.h"

enum { CGC_OS_PAGE = 4096 };

/**
 * Reserve address space that no access may touch yet, nor a core file hold.
 * bytes    multiple of CGC_OS_PAGE
 * align    power of two, at least CGC_OS_PAGE
 * returns  the range, or NULL (RLIMIT_AS, no room)
 * threads  any
 */
void *cgc_page_reserve(size_t bytes, size_t align);

/**
 * Make a part of a reservation readable and writable; fresh pages are zero
 * and not resident.
 * returns  false when the system has no memory (overcommit, cgroup)
 */
bool cgc_page_commit(void *addr, size_t bytes);

/**
 * Map BYTES readable and writable at ADDR, where nothing is reserved and
 * nothing else may be: grows a heap that could not reserve ahead.
 * returns  0; -EEXIST: something is there; -ENOMEM (RLIMIT_AS)
 */
int cgc_page_claim(void *addr, size_t bytes);

/** Give the memory of committed pages back; they read as zero afterwards. */
void cgc_page_discard(void *addr, size_t bytes);

/**
 * Readable, writable, zeroed memory for the collector's structures.
 * bytes    rounded up to CGC_OS_PAGE
 * returns  NULL when the system has no memory
 */
void *cgc_page_map(size_t bytes);

/**
 * Undo a reservation, claim or map, or a part of one.
 * returns  false when the system has no room for one mapping more: then the
 *          addresses stay ours, and read as zero
 */
bool cgc_page_unmap(void *addr, size_t bytes);

/**
 * Twice the room for an array in memory of cgc_page_map.
 * array     what it holds is kept; NULL: there is none yet
 * capacity  entries that there is room for, now and afterwards
 * size      of an entry, bytes
 * first     capacity of a new array
 * returns   where it stands now; NULL when the system has no memory: it stays
 */
void *cgc_page_grow(void *array, size_t *capacity, size_t size, size_t first);

/**
 * Count the OS pages that lie wholly in [ADDR, ADDR + BYTES), variables of the
 * library, among the own ranges: what they hold is nobody's root.
 * returns  false when there is no memory for the note
 */
bool cgc_page_adopt(void *addr, size_t bytes);

/** Ask the system for huge pages (or for none) in this range; advice only. */
void cgc_page_hugepages(void *addr, size_t bytes, bool on);

/**
 * Name a range in /proc/self/maps, where the kernel can (CONFIG_ANON_VMA_NAME):
 * "[anon:NAME]".  Parts that are committed later keep the name.
 */
void cgc_page_name(void *addr, size_t bytes, const char *name);

/**
 * Find the first own range that intersects [LO, HI).
 * own_lo, own_hi  receive the whole own range; may reach out of [LO, HI)
 * returns  false when there is none
 * threads  any, and with the world stopped
 */
bool cgc_page_is_own(uintptr_t lo, uintptr_t hi, uintptr_t *own_lo,
                     uintptr_t *own_hi);

/** For look/layout: the own ranges, {lo, hi} each, and their number. */
extern const void *const cgc_page_view[2];

/** Registers the lock for fork; once, at start. */
void cgc_page_init(void);

/** Assert I1 and I2. */
void cgc_page_check(void);

#endif
