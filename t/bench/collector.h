/* SPDX-License-Identifier: MIT */
/*
 * t/bench/collector.h - the collector under test, loaded by its path.
 *
 * Both libgc.so.1 and libcgc.so have these functions, under these names or
 * their own, so one compiled program measures either.
 */
#ifndef COLLECTOR_H
#define COLLECTOR_H

#include <pthread.h>
#include <stddef.h>

struct collector {
  void *(*malloc)(size_t size);        /* zeroed, scanned */
  void *(*malloc_noscan)(size_t size); /* never scanned */
  void (*collect)(void);               /* a full collection */
  void (*disable)(void);
  void (*enable)(void);
  int (*thread_create)(pthread_t *thread, const pthread_attr_t *attr,
                       void *(*start)(void *), void *arg);
};

extern struct collector collector;

/*
 * Load and start the collector at PATH, to mark with NMARKERS threads.  Ends
 * the program with BENCH_SKIPPED when it has no such option.  The environment
 * (GC_MARKERS, CGC_MARKERS) is the caller's business.
 */
void collector_load(const char *path, int nmarkers);

/* How many collections there were. */
unsigned long collector_collections(void);

#endif
