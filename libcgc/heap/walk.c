/* SPDX-License-Identifier: MIT */
#include "heap/walk.h"

struct walk {
  cgc_object_fn fn;
  void *ctx;
};

void cgc_walk_span(struct cgc_span *span, cgc_object_fn fn, void *ctx) {
  for (uint32_t w = 0; w < cgc_span_words(span); w++)
    for (uint64_t live = cgc_span_live(span, w); live; live &= live - 1) {
      uint32_t i = 64 * w + (uint32_t)__builtin_ctzl(live);
      struct cgc_object obj = {cgc_span_slot_address(span, i), span->slot_size,
                               span, i};
      fn(&obj, ctx);
    }
}

static void walk_one(struct cgc_span *span, void *ctx) {
  const struct walk *walk = ctx;
  cgc_walk_span(span, walk->fn, walk->ctx);
}

void cgc_walk_objects(const struct cgc_heap *heap, cgc_object_fn fn,
                      void *ctx) {
  struct walk walk = {fn, ctx};
  cgc_heap_each_span(heap, walk_one, &walk);
}
