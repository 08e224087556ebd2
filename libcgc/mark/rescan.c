/* SPDX-License-Identifier: MIT */
#include "mark/rescan.h"

/* A part of a span that was written. */
struct part {
  struct cgc_marker *marker;
  const struct cgc_span *span;
  uintptr_t lo, hi;
};

static void scan(const struct part *p, uint32_t index) {
  uintptr_t lo = cgc_span_slot_address(p->span, index);
  cgc_marker_scan_object(p->marker, (enum cgc_kind)p->span->kind, lo,
                         lo + p->span->slot_size);
}

/* The words of slots [FIRST, END) that were written. */
static void scan_run(const struct part *p, uint32_t first, uint32_t end) {
  uintptr_t lo = cgc_span_slot_address(p->span, first);
  uintptr_t hi = cgc_span_slot_address(p->span, end);
  cgc_marker_scan_words(p->marker, cgc_max(lo, p->lo), cgc_min(hi, p->hi));
}

/* Neighbours are scanned at one go, unless their kind says how to scan each,
 * or a word may name another object by its distance from its own. */
static void scan_runs(const struct part *p, uint32_t first, uint64_t wanted) {
  bool one_by_one = p->marker->relative;
  while (wanted) {
    uint32_t lo = (uint32_t)__builtin_ctzl(wanted);
    uint64_t rest = ~(wanted >> lo);
    uint32_t n = one_by_one ? 1 : rest ? (uint32_t)__builtin_ctzl(rest) : 64;
    wanted &= n + lo < 64 ? ~0ULL << (n + lo) : 0;
    scan_run(p, first + lo, first + lo + n);
  }
}

static void scan_each(const struct part *p, uint32_t first, uint64_t wanted) {
  for (; wanted; wanted &= wanted - 1)
    scan(p, first + (uint32_t)__builtin_ctzl(wanted));
}

/* Bits [LO, HI) of 64. */
static uint64_t bits_of(uint32_t lo, uint32_t hi) {
  return ~0ULL << lo & (hi < 64 ? ~(~0ULL << hi) : ~0ULL);
}

/* A described object is scanned as a whole. */
static void rescan_part(const struct part *p) {
  const struct cgc_span *span = p->span;
  const uint64_t *marks = cgc_arena_mark_words(&p->marker->heap->arena, span);
  bool described = cgc_kind_is_described((enum cgc_kind)span->kind);
  size_t size = span->slot_size;
  uint32_t i = (uint32_t)((p->lo - span->base) / size);
  uint32_t end = (uint32_t)((p->hi - span->base + size - 1) / size);
  end = cgc_min(end, span->nslots);
  while (i < end) {
    uint32_t first = i / 64 * 64, next = cgc_min(end, first + 64);
    uint64_t wanted = cgc_span_live(span, first / 64) & marks[first / 64] &
                      bits_of(i - first, next - first);
    (described ? scan_each : scan_runs)(p, first, wanted);
    i = next;
  }
}

static uintptr_t end_of(const struct cgc_span *span) {
  return span->base + ((uintptr_t)span->npages << CGC_PAGE_SHIFT);
}

void cgc_rescan(struct cgc_marker *m, uintptr_t lo, uintptr_t hi) {
  const struct cgc_arena *arena = &m->heap->arena;
  cgc_marker_extend(m);
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
