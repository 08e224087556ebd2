/* SPDX-License-Identifier: MIT */
#include "cycle/barrier.h"

#include "os/page.h"

/* A lost registration makes no more than this much dirty. */
enum { STRETCH = 64 << 20 };

static int track(struct cgc_barrier *b) {
  const struct cgc_arena *arena = &b->heap->arena;
  size_t bytes = arena->claimed ? cgc_arena_bytes(arena)
                                : arena->pages_limit << CGC_PAGE_SHIFT;
  return cgc_dirty_track(&b->dirty, arena->base, arena->base + bytes);
}

int cgc_barrier_open(struct cgc_barrier *b, struct cgc_heap *heap) {
  b->heap = heap;
  b->npages = b->nlast = 0;
  if (b->dirty.provider != CGC_DIRTY_NONE)
    return 0;
  int err = cgc_dirty_open(&b->dirty);
  if (!err)
    err = track(b);
  if (err)
    cgc_barrier_close(b);
  return err;
}

void cgc_barrier_close(struct cgc_barrier *b) { cgc_dirty_close(&b->dirty); }

/* What a visit to written pages needs. */
struct visit {
  struct cgc_marker *marker;
  size_t npages;
};

static void visit_pages(uintptr_t lo, uintptr_t hi, void *ctx) {
  struct visit *v = ctx;
  v->npages += (hi - lo) / CGC_OS_PAGE;
  cgc_rescan(v->marker, lo, hi);
}

typedef void (*ask_fn)(struct cgc_dirty *dirty, uintptr_t lo, uintptr_t hi,
                       cgc_pagemap_fn fn, void *ctx);

static void ask_in_stretches(struct cgc_barrier *b, size_t first, size_t end,
                             ask_fn ask, cgc_pagemap_fn fn, struct visit *v) {
  uintptr_t lo = cgc_arena_page_address(&b->heap->arena, first);
  uintptr_t hi = cgc_arena_page_address(&b->heap->arena, end);
  for (; lo < hi; lo += STRETCH)
    ask(&b->dirty, lo, cgc_min(hi, lo + STRETCH), fn, v);
}

void cgc_barrier_arm(struct cgc_barrier *b, size_t first, size_t end) {
  ask_in_stretches(b, first, end, cgc_dirty_take, NULL, NULL);
}

size_t cgc_barrier_clean(struct cgc_barrier *b, struct cgc_marker *marker,
                         size_t first, size_t end) {
  struct visit v = {marker, 0};
  ask_in_stretches(b, first, end, cgc_dirty_take, visit_pages, &v);
  b->npages += v.npages;
  return v.npages;
}

void cgc_barrier_finish(struct cgc_barrier *b, struct cgc_marker *marker) {
  struct visit v = {marker, 0};
  ask_in_stretches(b, 0, cgc_arena_pages(&b->heap->arena), cgc_dirty_look,
                   visit_pages, &v);
  b->npages += v.npages;
  b->nlast = v.npages;
}
