/* SPDX-License-Identifier: MIT */
#include "cycle/barrier.h"

#include "os/page.h"
#include "os/thread.h"

/* Asked for at once: a lost registration makes no more than this dirty, and the
 * program's own calls that change mappings wait no longer. */
enum { STRETCH = 16 << 20 };

static int track(struct cgc_barrier *b) {
  const struct cgc_arena *arena = &b->heap->arena;
  size_t bytes = arena->claimed ? cgc_arena_bytes(arena)
                                : arena->pages_limit << CGC_PAGE_SHIFT;
  return cgc_dirty_track(&b->dirty, arena->base, arena->base + bytes);
}

int cgc_barrier_open(struct cgc_barrier *b, struct cgc_heap *heap) {
  b->heap = heap;
  b->npages = b->nround = b->visit_ns = 0;
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

void cgc_barrier_arm(struct cgc_barrier *b, size_t first, size_t end) {
  cgc_dirty_take(&b->dirty, cgc_arena_page_address(&b->heap->arena, first),
                 cgc_arena_page_address(&b->heap->arena, end), 0, NULL, NULL);
}

void cgc_barrier_rewind(struct cgc_barrier *b) {
  const struct cgc_arena *arena = &b->heap->arena;
  b->at = arena->base;
  b->end = cgc_arena_page_address(arena, cgc_arena_pages(arena));
  b->nround = 0;
}

static void count(struct cgc_barrier *b, const struct visit *v,
                  uint64_t began_ns) {
  b->nround += v->npages;
  b->npages += v->npages;
  b->visit_ns += cgc_thread_now_ns() - began_ns;
}

bool cgc_barrier_clean(struct cgc_barrier *b, struct cgc_marker *marker,
                       size_t max) {
  uint64_t began_ns = cgc_thread_now_ns();
  struct visit v = {marker, 0};
  b->at = cgc_dirty_take(&b->dirty, b->at, cgc_min(b->end, b->at + STRETCH),
                         max, visit_pages, &v);
  count(b, &v, began_ns);
  return b->at == b->end;
}

bool cgc_barrier_finish(struct cgc_barrier *b, struct cgc_marker *marker,
                        size_t max) {
  uint64_t began_ns = cgc_thread_now_ns();
  struct visit v = {marker, 0};
  for (cgc_barrier_rewind(b); b->at < b->end && (!max || v.npages <= max);)
    b->at = cgc_dirty_look(&b->dirty, b->at, cgc_min(b->end, b->at + STRETCH),
                           max ? max + 1 - v.npages : 0, visit_pages, &v);
  count(b, &v, began_ns);
  return b->at == b->end && (!max || v.npages <= max);
}
