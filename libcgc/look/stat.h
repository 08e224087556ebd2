/* SPDX-License-Identifier: MIT */
/*
 * look/stat.h - what the collector's modules have counted, at one moment.
 *
 * Counters live in the struct that they count and are written by its owner;
 * here they are read, and nothing below knows of it.  Allocation itself counts
 * nothing: bytes are counted when a thread's cache takes them from the heap or
 * gives them back.
 *
 * Who comes in: front/api, front/malloc.  Calls: all modules that count.
 * Locks: those of the modules, one after the other; so figures of different
 * modules may be a moment apart.
 */
#ifndef CGC_LOOK_STAT_H
#define CGC_LOOK_STAT_H

#include "heap/heap.h"

struct cgc_stat {
  /* Memory, bytes. */
  uint64_t reserved_bytes;  /* address space of the heap; 0: none is reserved */
  uint64_t heap_bytes;      /* committed for objects */
  uint64_t free_bytes;      /* of these, in pages that no object uses */
  uint64_t resident_bytes;  /* of the free ones, not given to the system */
  uint64_t in_use_bytes;    /* taken by caches and objects, dead ones too */
  uint64_t live_bytes;      /* found alive by the last cycle */
  uint64_t trigger_bytes;   /* in use that starts the next; SIZE_MAX: none */
  uint64_t grown_bytes;     /* ever taken by caches, less what they gave back */
  uint64_t returned_bytes;  /* ever given back to the system */
  uint64_t reclaimed_bytes; /* ever found dead */
  uint64_t meta_bytes;      /* the collector's structures and side tables */

  /* Cycles. */
  uint64_t ncycles;
  uint64_t pause_ns; /* sum */
  uint64_t pause_longest_ns;
  uint64_t pause_last_ns;
  uint64_t stop_last_ns; /* of the last pause, until all stood still */
  uint64_t root_bytes;   /* scanned as roots by the last cycle */
  uint64_t scanned_bytes;
  uint64_t marked_objects;

  /* Threads, finalizers, weak links. */
  uint64_t nmutators;
  uint64_t nfinalizers; /* registered */
  uint64_t nready;      /* finalizers waiting to be run */
  uint64_t ninvoked;    /* finalizers run */
  uint64_t nlinks;      /* short and long */
};

/**
 * Fill STAT in for the process's heap.
 * caller   is busy and holds no lock
 */
void cgc_stat_take(struct cgc_stat *stat);

/* The objects of one kind and class. */
struct cgc_stat_class {
  uint64_t nspans;
  uint64_t nobjects;
  uint64_t object_bytes; /* of their slots */
  uint64_t page_bytes;   /* of their spans */
};

struct cgc_stat_classes {
  struct cgc_stat_class of[CGC_KIND_LIMIT][CGC_CLASS_LIMIT];
};

/** World stopped: count HEAP's live objects; walks all of it. */
void cgc_stat_count_classes(const struct cgc_heap *heap,
                            struct cgc_stat_classes *classes);

#endif
