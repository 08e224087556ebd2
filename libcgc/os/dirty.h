/* SPDX-License-Identifier: MIT */
/*
 * os/dirty.h - which pages were written since one asked last: the write
 * barrier of a language that has none.
 *
 *   track    [lo, hi) counts from now on; all of it is dirty
 *   take     the dirty pages, which are clean (armed) from then on
 *   look     the dirty pages, which stay dirty
 *   forget   all of it is dirty, and a write to it costs nothing
 *
 * Provider UFFD: userfaultfd's write protection in asynchronous mode, with
 * PAGEMAP_SCAN.  The kernel notes each first write itself, its own writes
 * (read(2), O_DIRECT) too; no signal, no EFAULT, no more mappings.  About
 * 1 ns for a clean page, 13 ns for a dirty one, 0.7 us for a first write.
 * Provider NONE: nothing is known, so there is nothing but stopping the world.
 *
 *   I1  A page is reported by take or look if it was written after the take
 *       before, whoever else asks or writes meanwhile.
 *   I2  What cannot be known is reported as dirty: a registration that was
 *       lost (mremap, a descriptor that the program closed), a failed call.
 *
 * take is atomic per page: "take it, then read the page" misses nothing
 * without a stop.  Only private memory can be tracked: what another mapping
 * or process writes into shared memory is not seen.  Descriptors act on the
 * process that opened them, so a forked child must leave its copies alone but
 * for closing them.
 *
 * Who comes in: cycle/.  Calls: os/pagemap, os/thread.
 * Locks: none; an instance belongs to who holds the cycle's lock.
 */
#ifndef CGC_OS_DIRTY_H
#define CGC_OS_DIRTY_H

#include "os/pagemap.h"

enum cgc_dirty_provider { CGC_DIRTY_NONE, CGC_DIRTY_UFFD };

/* One descriptor, and how to know it again: the program may close any. */
struct cgc_dirty_fd {
  int fd;
  uint64_t device;
  uint64_t inode;
};

/* Zeroed memory is a closed tracker. */
struct cgc_dirty {
  enum cgc_dirty_provider provider;
  struct cgc_dirty_fd uffd;
  struct cgc_dirty_fd pagemap;
  uint64_t nlost; /* ranges reported as dirty since nothing was known */
};

/**
 * Open the best provider that works here, tried out on a page of our own.
 * returns  0; or -errno, and the provider is NONE
 */
int cgc_dirty_open(struct cgc_dirty *dirty);

/** Stop tracking, in the parent or in a forked child. */
void cgc_dirty_close(struct cgc_dirty *dirty);

/**
 * Track writes to [LO, HI): whole OS pages, mapped or reserved.
 * returns  0 or -errno (-EBUSY: somebody else tracks them)
 */
int cgc_dirty_track(struct cgc_dirty *dirty, uintptr_t lo, uintptr_t hi);

/**
 * Call FN for each run of pages in [LO, HI) that were written, until MAX pages
 * are found, and arm these; with FN NULL just arm all of them.
 * max      0: all
 * returns  everything below was asked for; LO if HI is not above it
 */
uintptr_t cgc_dirty_take(struct cgc_dirty *dirty, uintptr_t lo, uintptr_t hi,
                         size_t max, cgc_pagemap_fn fn, void *ctx);

/** All of [LO, HI) is dirty, until it is taken again. */
void cgc_dirty_forget(struct cgc_dirty *dirty, uintptr_t lo, uintptr_t hi);

/** As take, and leave them as they are. */
uintptr_t cgc_dirty_look(struct cgc_dirty *dirty, uintptr_t lo, uintptr_t hi,
                         size_t max, cgc_pagemap_fn fn, void *ctx);

#endif
