/* SPDX-License-Identifier: MIT */
#include "heap/verify.h"

static void count_pages(struct cgc_span *span, void *ctx) {
  *(size_t *)ctx += span->npages;
}

static void check_span(struct cgc_span *span, void *ctx) {
  const struct cgc_heap *heap = ctx;
  cgc_span_check(span);
  cgc_arena_check_span(&heap->arena, span);
}

void cgc_verify_heap(struct cgc_heap *heap) {
  size_t used = 0;
  cgc_pageheap_check(&heap->pageheap);
  cgc_heap_each_span(heap, check_span, heap);
  cgc_heap_each_span(heap, count_pages, &used);
  cgc_check(used + heap->pageheap.free_pages ==
            cgc_arena_pages(&heap->arena)); /* every page has one owner */
  for (size_t kind = 0; kind < cgc_heap_kinds(heap); kind++)
    for (size_t class = 1; class < CGC_CLASS_LIMIT; class ++)
      if (cgc_central_is_ready(&heap->central[kind][class]))
        cgc_central_check(&heap->central[kind][class], &heap->arena);
}

static void check_prepared(struct cgc_span *span, void *ctx) {
  const struct cgc_heap *heap = ctx;
  const uint64_t *marks = cgc_arena_mark_words(&heap->arena, span);
  bool pinned = cgc_kind_is_pinned(span->kind);
  for (uint32_t w = 0; w < cgc_span_words(span); w++)
    cgc_check(marks[w] == (pinned ? ~0ULL : ~cgc_span_live(span, w)));
}

void cgc_verify_prepared(struct cgc_heap *heap) {
  cgc_heap_each_span(heap, check_prepared, heap);
}
