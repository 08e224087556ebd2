/* SPDX-License-Identifier: MIT */
/*
 * os/pagemap.h - what the kernel knows of each page: PAGEMAP_SCAN (Linux 6.7).
 *
 * The ioctl walks page tables only where there are some, so a reservation of a
 * TiB with little in it costs next to nothing.  It can find pages by category,
 * and write-protect those that it finds in the same step (os/dirty).
 *
 * Who comes in: os/mapping, os/dirty.  Calls: os/thread.
 * Locks: none.  errno is kept.
 */
#ifndef CGC_OS_PAGEMAP_H
#define CGC_OS_PAGEMAP_H

#include "base/base.h"

/* Categories, and what to do; the numbers are the kernel's. */
enum {
  CGC_PAGEMAP_WRITTEN = 1 << 1, /* since it was last protected */
  CGC_PAGEMAP_FILE = 1 << 2,
  CGC_PAGEMAP_PRESENT = 1 << 3,
  CGC_PAGEMAP_SWAPPED = 1 << 4,
  CGC_PAGEMAP_ZERO_PAGE = 1 << 5,
  CGC_PAGEMAP_GUARD = 1 << 8 /* Linux 6.15 */
};
enum {
  CGC_PAGEMAP_PROTECT = 1 << 0,   /* the pages found, atomically */
  CGC_PAGEMAP_MUST_TRACK = 1 << 1 /* -EPERM where writes are not tracked */
};

/* A page is found if it has all of ALL, none of NONE, and one of ANY. */
struct cgc_pagemap_query {
  uint64_t all;
  uint64_t none;
  uint64_t any;
  uint64_t flags;
  uint64_t max; /* pages that are found at most; 0: all */
};

typedef void (*cgc_pagemap_fn)(uintptr_t lo, uintptr_t hi, void *ctx);

/* Runs of pages on their way to FN: those that touch are given as one. */
struct cgc_pagemap_run {
  uintptr_t lo, hi; /* not yet given */
  cgc_pagemap_fn fn;
  void *ctx;
};

/** Add [LO, HI), which does not lie below what was added before. */
void cgc_pagemap_run_add(struct cgc_pagemap_run *run, uintptr_t lo,
                         uintptr_t hi);

/** Give what is left. */
void cgc_pagemap_run_flush(struct cgc_pagemap_run *run);

/** A descriptor of this process's pagemap, or -errno; short-lived. */
int cgc_pagemap_open(void);
void cgc_pagemap_close(int fd);

/**
 * Call FN for each run of pages in [LO, HI) that QUERY finds, lowest first.
 * fn       NULL: nobody wants to know, the pages are just protected
 * at       out: everything below was walked; below HI where QUERY's most were
 *          found
 * returns  0 or -errno (-ENOTTY: the kernel has no such call)
 */
int cgc_pagemap_scan(int fd, uintptr_t lo, uintptr_t hi,
                     const struct cgc_pagemap_query *query, cgc_pagemap_fn fn,
                     void *ctx, uintptr_t *at);

#endif
