/* SPDX-License-Identifier: MIT */
#include "mark/rescan.h"

/* A part of a span that was written. */
struct part {
  struct cgc_marker *marker;
  const struct cgc_span *span;
  uintptr_t lo, hi;
};

static bool is_wanted(const struct cgc_heap *heap, const struct cgc_span *span,
                      uint32_t index) {
  const uint64_t *marks = cgc_arena_mark_words(&heap->arena, span);
  return cgc_slot_is_live(span->slots[index]) &&
         (marks[index / 64] >> (index % 64) & 1);
}

/* The words of the object that were written; a described one as a whole. */
static void scan(const struct part *p, uint32_t index) {
  uintptr_t lo = cgc_span_slot_address(p->span, index);
  uintptr_t hi = lo + p->span->slot_size;
  enum cgc_kind kind = (enum cgc_kind)p->span->kind;
  if (cgc_kind_is_described(kind))
    cgc_marker_scan_object(p->marker, kind, lo, hi);
  else
    cgc_marker_scan_words(p->marker, cgc_max(lo, p->lo), cgc_min(hi, p->hi));
}

static void rescan_part(const struct part *p) {
  size_t size = p->span->slot_size;
  uint32_t i = (uint32_t)((p->lo - p->span->base) / size);
  uint32_t end = (uint32_t)((p->hi - p->span->base + size - 1) / size);
  for (; i < end && i < p->span->nslots; i++)
    if (is_wanted(p->marker->heap, p->span, i))
      scan(p, i);
}

static uintptr_t end_of(const struct cgc_span *span) {
  return span->base + ((uintptr_t)span->npages << CGC_PAGE_SHIFT);
}

void cgc_rescan(struct cgc_marker *m, uintptr_t lo, uintptr_t hi) {
  const struct cgc_arena *arena = &m->heap->arena;
  while (lo < hi) {
    size_t page = cgc_arena_page_of(arena, lo);
    /* Acquire: pairs with heap/arena's release of a new span. */
    uint32_t desc = __atomic_load_n(&arena->desc[page], __ATOMIC_ACQUIRE);
    uintptr_t next = cgc_arena_page_address(arena, page + 1);
    if (desc && !cgc_kind_is_noscan(cgc_desc_kind(desc))) {
      const struct cgc_span *span = arena->spans[page];
      next = end_of(span);
      rescan_part(&(struct part){m, span, lo, cgc_min(hi, next)});
    }
    lo = next;
  }
}
