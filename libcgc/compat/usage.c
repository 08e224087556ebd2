/* SPDX-License-Identifier: MIT */
#define GC_THREADS
#define GC_NO_THREAD_REDIRECTS
#include "compat/usage.h"

#include "compat/message.h"
#include "cycle/cycle.h"
#include "front/init.h"
#include "look/stat.h"
#include "world/mutator.h"

#include <string.h>

/* ---- taking -------------------------------------------------------------- */

struct usage {
  GC_word heap, free, unmapped, since, total, before;
  GC_word reclaimed, reclaimed_before, meta;
};

static GC_word less(GC_word n, GC_word m) { return n > m ? n - m : 0; }

/* Of the free pages those that are not resident are the system's. */
static void fill(struct usage *u, const struct cgc_stat *s) {
  const struct cgc_cycle_report *last = &cgc_cycle_counters.last;
  *u = (struct usage){
      .heap = s->heap_bytes,
      .unmapped = less(s->free_bytes, s->resident_bytes),
      .free = less(s->heap_bytes, s->in_use_bytes),
      .since = less(s->in_use_bytes, last->live_bytes),
      .total = s->grown_bytes,
      .reclaimed = less(last->before_bytes, last->live_bytes),
      .meta = s->meta_bytes,
  };
  u->before = less(u->total, u->since);
  u->reclaimed_before = less(s->reclaimed_bytes, u->reclaimed);
}

/* Under the lock the thread is busy already. */
static struct usage usage(void) {
  struct cgc_stat s;
  struct usage u = {0};
  struct cgc_mutator *self = cgc_init_thread();
  if (!self)
    return u;
  bool entered = cgc_mutator_enter(self);
  if (entered)
    cgc_cache_publish(&self->cache);
  cgc_stat_take(&s);
  if (entered)
    cgc_mutator_leave(self);
  fill(&u, &s);
  return u;
}

size_t GC_get_heap_size(void) { return usage().heap; }
size_t GC_get_free_bytes(void) { return usage().free; }
size_t GC_get_unmapped_bytes(void) { return usage().unmapped; }
size_t GC_get_bytes_since_gc(void) { return usage().since; }
size_t GC_get_total_bytes(void) { return usage().total; }
size_t GC_get_expl_freed_bytes_since_gc(void) { return 0; }

size_t GC_get_obtained_from_os_bytes(void) {
  struct usage u = usage();
  return u.heap + u.meta;
}

size_t GC_get_memory_use(void) {
  struct usage u = usage();
  return less(u.heap, u.free);
}

static void store(GC_word *where, GC_word value) {
  if (where)
    *where = value;
}

void GC_get_heap_usage_safe(GC_word *heap_size, GC_word *free_bytes,
                            GC_word *unmapped_bytes, GC_word *bytes_since_gc,
                            GC_word *total_bytes) {
  struct usage u = usage();
  store(heap_size, u.heap);
  store(free_bytes, u.free);
  store(unmapped_bytes, u.unmapped);
  store(bytes_since_gc, u.since);
  store(total_bytes, u.total);
}

size_t GC_get_prof_stats(struct GC_prof_stats_s *stats, size_t size) {
  struct usage u = usage();
  struct GC_prof_stats_s all = {
      .heapsize_full = u.heap,
      .free_bytes_full = u.free,
      .unmapped_bytes = u.unmapped,
      .bytes_allocd_since_gc = u.since,
      .allocd_bytes_before_gc = u.before,
      .non_gc_bytes = GC_non_gc_bytes,
      .gc_no = GC_gc_no,
      .markers_m1 = (GC_word)GC_parallel,
      .bytes_reclaimed_since_gc = u.reclaimed,
      .reclaimed_bytes_before_gc = u.reclaimed_before,
      .obtained_from_os_bytes = u.heap + u.meta,
  };
  size_t known = cgc_min(size, sizeof all);
  memset(stats, 0xff, size);
  memcpy(stats, &all, known);
  return known;
}

size_t GC_get_prof_stats_unsafe(struct GC_prof_stats_s *stats, size_t size) {
  return GC_get_prof_stats(stats, size);
}

size_t GC_get_size_map_at(int granules) {
  size_t bytes = (size_t)granules * CGC_GRAIN;
  if (granules < 0 || bytes > CGC_SMALL_MAX)
    return (size_t)-1;
  return cgc_size_classes[cgc_sizeclass_of(cgc_max(bytes, 1))].size;
}

/* ---- time ---------------------------------------------------------------- */

enum { NS_IN_MS = 1000000 };

static uint64_t measured_from_ns;
static bool measured;

void GC_start_performance_measurement(void) {
  measured_from_ns = cgc_cycle_counters.pause_ns;
  measured = true;
}

unsigned long GC_get_full_gc_total_time(void) {
  if (!measured)
    return 0;
  return (cgc_cycle_counters.pause_ns - measured_from_ns) / NS_IN_MS;
}

/* What a program allocated by bdwgc's inline allocators: none here. */
void GC_incr_bytes_allocd(size_t bytes) { (void)bytes; }
void GC_incr_bytes_freed(size_t bytes) { (void)bytes; }

/* ---- telling ------------------------------------------------------------- */

void GC_dump_finalization(void) {
  struct cgc_stat s;
  if (!cgc_init_thread())
    return;
  cgc_stat_take(&s);
  GC_log_printf("finalizers: %lu registered, %lu ready, %lu run; %lu links\n",
                s.nfinalizers, s.nready, s.ninvoked, s.nlinks);
}

static void print_class(int kind, unsigned class,
                        const struct cgc_stat_class *c) {
  if (c->nspans)
    GC_log_printf("kind %d size %u: %lu spans, %lu objects, %lu of %lu bytes\n",
                  kind, cgc_size_classes[class].size, c->nspans, c->nobjects,
                  c->object_bytes, c->page_bytes);
}

void GC_dump_regions(void) {
  static struct cgc_stat_classes classes;
  GC_stop_world_external();
  cgc_stat_count_classes(&cgc_heap, &classes);
  GC_start_world_external();
  for (int kind = 0; kind < CGC_KIND_LIMIT; kind++)
    for (unsigned class = 1; class < CGC_CLASS_LIMIT; class ++)
      print_class(kind, class, &classes.of[kind][class]);
}

void GC_dump_named(const char *name) {
  struct usage u = usage();
  if (name)
    GC_log_printf("== dump %s\n", name);
  else
    GC_log_printf("== dump of collection %lu\n", GC_gc_no);
  GC_log_printf("heap %lu bytes, %lu free, %lu since collection %lu\n", u.heap,
                u.free, u.since, GC_gc_no);
  GC_dump_regions();
  GC_dump_finalization();
}

void GC_dump(void) { GC_dump_named(NULL); }
