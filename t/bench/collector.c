/* SPDX-License-Identifier: MIT */
/*
 * t/bench/collector.c - loads libgc or libcgc and finds its functions.
 */
#include "collector.h"
#include "bench.h"
#include "cgc.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

struct collector collector;

static void *library;
static unsigned long (*get_gc_no)(void);
static int (*get_stats)(struct GC_stats *stats);

/* Store the function NAME, or OTHER if there is no NAME, at FN. */
static int find(void *fn, const char *name, const char *other) {
  void *found = dlsym(library, name);
  if (!found && other)
    found = dlsym(library, other);
  *(void **)fn = found;
  return found != NULL;
}

static void need(void *fn, const char *name, const char *other) {
  if (!find(fn, name, other)) {
    fprintf(stderr, "%s\n", dlerror());
    exit(1);
  }
}

static void set_markers(int nmarkers) {
  void (*set_markers_count)(unsigned n);
  int (*get_option)(const char *name, long *value);
  long value;
  if (find(&set_markers_count, "GC_set_markers_count", NULL))
    set_markers_count((unsigned)nmarkers);
  if (nmarkers > 1 && find(&get_option, "GC_get_option", NULL) &&
      get_option("CGC_MARKERS", &value) != 0)
    exit(BENCH_SKIPPED);
}

void collector_load(const char *path, int nmarkers) {
  void (*init)(void);
  library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
  if (!library) {
    fprintf(stderr, "%s\n", dlerror());
    exit(1);
  }
  need(&collector.malloc, "GC_malloc", NULL);
  need(&collector.malloc_noscan, "GC_malloc_noscan", "GC_malloc_atomic");
  need(&collector.collect, "GC_gcollect", "GC_collect");
  need(&collector.disable, "GC_disable", NULL);
  need(&collector.enable, "GC_enable", NULL);
  need(&init, "GC_init", NULL);
  if (!find(&collector.thread_create, "GC_pthread_create", NULL))
    collector.thread_create = pthread_create;
  if (!find(&get_stats, "GC_get_stats", NULL))
    need(&get_gc_no, "GC_get_gc_no", NULL);
  set_markers(nmarkers);
  init();
  /* libgc starts its markers with the first thread of the client's, or now. */
  if (nmarkers > 1 && find(&init, "GC_start_mark_threads", NULL))
    init();
}

unsigned long collector_collections(void) {
  struct GC_stats stats = {.size = sizeof stats};
  if (!get_stats)
    return get_gc_no();
  return get_stats(&stats) == 0 ? stats.collections : 0;
}
