/* SPDX-License-Identifier: MIT */
/*
 * os/mapping.h - what is mapped in this process, and which pages are there.
 *
 * /proc/thread-self/maps is read with open, read and close alone, into memory
 * of our own that is kept for the next time.  (/proc/self shows nothing once
 * the main thread has finished.)  No descriptor stays open: programs close
 * them all or count on the lowest number, and after fork they would show the
 * parent.  What reads as it did the last time is not taken apart again.
 *
 *   I1  mappings are sorted by address and do not overlap.
 *
 * Pages that were never touched hold no pointer and must not become resident
 * by our looking: cgc_mapping_resident asks PAGEMAP_SCAN (Linux 6.7), else the
 * entries of pagemap, and only without both takes whole ranges.
 *
 * Who comes in: world/root.  Calls: os/page, os/thread.
 * Locks: none; an instance belongs to one thread.
 */
#ifndef CGC_OS_MAPPING_H
#define CGC_OS_MAPPING_H

#include "base/base.h"

enum cgc_mapping_kind {
  CGC_MAPPING_ANON, /* no name, or one set by prctl */
  CGC_MAPPING_FILE,
  CGC_MAPPING_HEAP,   /* the brk area */
  CGC_MAPPING_STACK,  /* the main thread's */
  CGC_MAPPING_SHM,    /* memfd, SysV, /dev/shm, shared anonymous, /dev/zero */
  CGC_MAPPING_DEVICE, /* reading may hang or do something */
  CGC_MAPPING_SPECIAL /* vdso, vvar, vsyscall and their like */
};

enum { CGC_MAPPING_READ = 1, CGC_MAPPING_WRITE = 2, CGC_MAPPING_EXEC = 4 };

struct cgc_mapping {
  uintptr_t lo;
  uintptr_t hi;
  uint8_t prot; /* CGC_MAPPING_READ and so on */
  uint8_t kind; /* enum cgc_mapping_kind */
  bool shared;
};

struct cgc_mappings {
  struct cgc_mapping *all; /* own memory */
  size_t n;
  size_t capacity;
  char *text;      /* own memory: the part of the file being read */
  char *last;      /* own memory: what `all` was made of ... */
  size_t last_len; /* ... if that is all of it; else 0 */
};

/**
 * Read the mappings of this process.  Zeroed memory is a valid instance.
 * returns  0, -ENOMEM, or -errno of /proc
 */
int cgc_mapping_read(struct cgc_mappings *mappings);

/** The mapping that holds ADDR, or NULL. */
const struct cgc_mapping *cgc_mapping_find(const struct cgc_mappings *mappings,
                                           uintptr_t addr);

/** The mapping that ends where M begins, or NULL. */
const struct cgc_mapping *cgc_mapping_below(const struct cgc_mappings *mappings,
                                            const struct cgc_mapping *m);

/** Parse one line of a maps file.  returns  false: not such a line */
bool cgc_mapping_parse(const char *line, size_t len, struct cgc_mapping *m);

/** How pages are looked up; a worse one can be asked for. */
enum cgc_mapping_way {
  CGC_MAPPING_WAY_SCAN,    /* PAGEMAP_SCAN */
  CGC_MAPPING_WAY_ENTRIES, /* read(2) of pagemap */
  CGC_MAPPING_WAY_WHOLE    /* no /proc: every page that can be read */
};

/* Open while the world is stopped, between begin and end. */
struct cgc_residency {
  int fd; /* /proc/thread-self/pagemap, or -1 */
  enum cgc_mapping_way way;
  bool has_guards; /* the kernel reports guard regions */
};

/** Open pagemap; the best way that works, but none better than AT_BEST. */
void cgc_mapping_resident_begin(struct cgc_residency *r,
                                enum cgc_mapping_way at_best);
void cgc_mapping_resident_end(struct cgc_residency *r);

typedef void (*cgc_mapping_fn)(uintptr_t lo, uintptr_t hi, void *ctx);

/** Which pages of a mapping are wanted. */
enum cgc_mapping_pages {
  CGC_MAPPING_PRESENT, /* any that are there, in memory or in swap */
  CGC_MAPPING_COPIED,  /* of a private file mapping: those written to */
  CGC_MAPPING_SHARED   /* of shared memory: those that any process wrote */
};

/**
 * Call FN for each run of wanted pages in [LO, HI), lowest first.  Reading
 * them does not fault, not even behind the end of a mapped file.
 * lo, hi   multiples of CGC_OS_PAGE, in one mapping that can be read
 */
void cgc_mapping_resident(struct cgc_residency *r, uintptr_t lo, uintptr_t hi,
                          enum cgc_mapping_pages which, cgc_mapping_fn fn,
                          void *ctx);

#endif
