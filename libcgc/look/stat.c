/* SPDX-License-Identifier: MIT */
#include "look/stat.h"

#include "cycle/cycle.h"
#include "cycle/invoke.h"
#include "heap/meta.h"
#include "mark/final.h"
#include "mark/link.h"
#include "world/mutator.h"

#include <string.h>

static uint64_t in_bytes(size_t pages) {
  return (uint64_t)pages << CGC_PAGE_SHIFT;
}

static void take_pages(struct cgc_stat *s) {
  struct cgc_pageheap *ph = &cgc_heap.pageheap;
  cgc_lock(&ph->lock);
  s->heap_bytes = cgc_arena_bytes(&cgc_heap.arena);
  s->free_bytes = in_bytes(ph->free_pages);
  s->resident_bytes = in_bytes(ph->dirty_pages);
  s->returned_bytes = in_bytes(ph->returned_pages);
  s->meta_bytes = cgc_arena_table_bytes(&cgc_heap.arena);
  cgc_unlock(&ph->lock);
}

static void take_heap(struct cgc_stat *s) {
  take_pages(s);
  s->meta_bytes += cgc_meta_bytes();
  if (!cgc_heap.arena.claimed)
    s->reserved_bytes = in_bytes(cgc_heap.arena.pages_limit);
  s->in_use_bytes = cgc_heap_in_use(&cgc_heap);
  s->grown_bytes =
      atomic_load_explicit(&cgc_heap.grown_bytes, memory_order_relaxed);
}

/* Written under the cycle's lock; each word is read whole. */
static void take_cycles(struct cgc_stat *s) {
  const struct cgc_cycle_counters *c = &cgc_cycle_counters;
  s->ncycles = c->ncycles;
  s->pause_ns = c->pause_ns;
  s->pause_longest_ns = c->longest_ns;
  s->pause_last_ns = c->last.pause_ns;
  s->stop_last_ns = c->last.stop_ns;
  s->live_bytes = c->last.live_bytes;
  s->root_bytes = c->last.root_bytes;
  s->scanned_bytes = c->last.scanned_bytes;
  s->marked_objects = c->last.marked_objects;
  s->reclaimed_bytes = c->reclaimed_bytes;
  s->trigger_bytes =
      atomic_load_explicit(&cgc_cycle_trigger_bytes, memory_order_relaxed);
}

void cgc_stat_take(struct cgc_stat *s) {
  *s = (struct cgc_stat){.nmutators = cgc_mutator_count()};
  take_heap(s);
  take_cycles(s);
  s->nfinalizers = cgc_final_count();
  s->nready = cgc_final_ready();
  s->ninvoked = cgc_invoke_count();
  s->nlinks = cgc_link_count(false) + cgc_link_count(true);
}

static void count_span(struct cgc_span *span, void *ctx) {
  struct cgc_stat_classes *classes = ctx;
  struct cgc_stat_class *c = &classes->of[span->kind][span->class];
  uint64_t n = 0;
  for (uint32_t w = 0; w < cgc_span_words(span); w++)
    n += (uint64_t)__builtin_popcountl(cgc_span_live(span, w));
  c->nspans++;
  c->nobjects += n;
  c->object_bytes += n * span->slot_size;
  c->page_bytes += in_bytes(span->npages);
}

void cgc_stat_count_classes(const struct cgc_heap *heap,
                            struct cgc_stat_classes *classes) {
  memset(classes, 0, sizeof *classes);
  cgc_heap_each_span(heap, count_span, classes);
}
