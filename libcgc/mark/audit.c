/* SPDX-License-Identifier: MIT */
#include "mark/audit.h"

#include "os/page.h"

#include <string.h>

bool cgc_audit_begin(struct cgc_audit *a, struct cgc_heap *heap) {
  size_t words = cgc_arena_pages(&heap->arena) * CGC_MARK_WORDS;
  a->heap = heap;
  a->bytes = cgc_round_up(words * sizeof *a->aside, CGC_OS_PAGE);
  a->aside = cgc_page_map(a->bytes);
  if (!a->aside)
    return false;
  memcpy(a->aside, heap->arena.marks, words * sizeof *a->aside);
  cgc_heap_prepare_marks(heap);
  return true;
}

/* The search for what was lost. */
struct search {
  const struct cgc_audit *audit;
  uintptr_t lost;
};

static void compare(struct cgc_span *span, void *ctx) {
  struct search *s = ctx;
  const struct cgc_arena *arena = &s->audit->heap->arena;
  const uint64_t *now = cgc_arena_mark_words(arena, span);
  const uint64_t *before = s->audit->aside + (now - arena->marks);
  for (uint32_t w = 0; w < cgc_span_words(span) && !s->lost; w++) {
    uint64_t lost = cgc_span_live(span, w) & now[w] & ~before[w];
    if (lost)
      s->lost =
          cgc_span_slot_address(span, 64 * w + (uint32_t)__builtin_ctzl(lost));
  }
}

uintptr_t cgc_audit_end(struct cgc_audit *a) {
  struct search search = {a, 0};
  size_t pages = cgc_arena_pages(&a->heap->arena);
  cgc_heap_each_span(a->heap, compare, &search);
  memcpy(a->heap->arena.marks, a->aside,
         pages * CGC_MARK_WORDS * sizeof *a->aside);
  cgc_page_unmap(a->aside, a->bytes);
  a->aside = NULL;
  return search.lost;
}
