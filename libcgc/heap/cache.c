/* SPDX-License-Identifier: MIT */
#include "heap/cache.h"

#include "heap/meta.h"

#include <string.h>

enum {
  HELD_BYTES = 32 << 10,
  HELD_MIN = 4,
  HELD_MAX = 64,
  PUBLISH_BYTES = 32 << 10
};

void cgc_cache_init(struct cgc_cache *cache, struct cgc_heap *heap) {
  cache->heap = heap;
}

/* Not each time: two atomic operations, on lines that all threads write. */
static void publish_much(struct cgc_cache *cache) {
  if (cache->grown_bytes > PUBLISH_BYTES || cache->grown_bytes < -PUBLISH_BYTES)
    cgc_cache_publish(cache);
}

void cgc_cache_publish(struct cgc_cache *cache) {
  cgc_heap_count(cache->heap, cache->grown_bytes);
  if (cache->grown_bytes > 0)
    atomic_fetch_add_explicit(&cache->heap->grown_bytes,
                              (uint64_t)cache->grown_bytes,
                              memory_order_relaxed);
  cache->grown_bytes = 0;
}

static void count_slots(struct cgc_cache *cache, const struct cgc_bin *bin,
                        int64_t slots) {
  cache->grown_bytes += slots * (int64_t)bin->size;
}

/* ---- Windows ---------------------------------------------------------- */

static bool open_window(struct cgc_cache *cache, struct cgc_bin *bin,
                        uint32_t word) {
  struct cgc_span *span = bin->span;
  uint64_t free = cgc_span_free(span, word);
  bin->word = (uint8_t)word;
  bin->window = cgc_span_slot_address(span, 64 * word);
  bin->slot = span->slots + 64 * word;
  bin->needs_zero = span->needs_zero;
  bin->free = free;
  count_slots(cache, bin, cgc_popcount(free));
  return free != 0;
}

static bool next_window(struct cgc_cache *cache, struct cgc_bin *bin,
                        uint32_t word) {
  for (; word < cgc_span_words(bin->span); word++)
    if (open_window(cache, bin, word))
      return true;
  return false;
}

static void drop_span(struct cgc_cache *cache, struct cgc_bin *bin) {
  struct cgc_span *span = bin->span;
  count_slots(cache, bin, -(int64_t)cgc_popcount(bin->free));
  bin->free = 0;
  bin->span = NULL;
  cgc_heap_give_span(cache->heap, span);
}

bool cgc_cache_advance(struct cgc_cache *cache, enum cgc_kind kind,
                       unsigned class) {
  struct cgc_bin *bin = &cache->bin[kind][class];
  return bin->span && next_window(cache, bin, bin->word + 1);
}

bool cgc_cache_refill(struct cgc_cache *cache, enum cgc_kind kind,
                      unsigned class) {
  struct cgc_bin *bin = &cache->bin[kind][class];
  if (cgc_cache_advance(cache, kind, class))
    return true;
  if (bin->span)
    drop_span(cache, bin);
  publish_much(cache);
  bin->size = cgc_size_classes[class].size;
  while ((bin->span = cgc_heap_take_span(cache->heap, kind, class))) {
    if (next_window(cache, bin, 0))
      return true;
    drop_span(cache, bin);
  }
  return false;
}

/* ---- Held slots ------------------------------------------------------- */

static size_t held_max_of(unsigned class) {
  size_t n = HELD_BYTES / cgc_size_classes[class].size;
  return cgc_max(HELD_MIN, cgc_min(n, HELD_MAX));
}

static size_t held_count(const struct cgc_bin *bin) {
  return (size_t)(bin->top - bin->held);
}

static bool new_held(struct cgc_bin *bin, unsigned class) {
  size_t max = held_max_of(class);
  struct cgc_held *held = cgc_meta_alloc(max * sizeof *held);
  if (!held)
    return false;
  bin->held = bin->top = held;
  bin->end = held + max;
  bin->size = cgc_size_classes[class].size;
  return true;
}

static void delete_held(struct cgc_bin *bin) {
  size_t max = (size_t)(bin->end - bin->held);
  if (bin->held)
    cgc_meta_free(bin->held, max * sizeof *bin->held);
}

/* The oldest N go back: the youngest are the warmest. */
static void free_oldest(struct cgc_cache *cache, enum cgc_kind kind,
                        unsigned class, size_t n) {
  struct cgc_bin *bin = &cache->bin[kind][class];
  count_slots(cache, bin, -(int64_t)n);
  cgc_heap_free_held(cache->heap, kind, class, bin->held, n);
  bin->top -= n;
  memmove(bin->held, bin->held + n, held_count(bin) * sizeof *bin->held);
}

bool cgc_cache_make_room(struct cgc_cache *cache, enum cgc_kind kind,
                         unsigned class) {
  struct cgc_bin *bin = &cache->bin[kind][class];
  if (!bin->held)
    return new_held(bin, class);
  if (bin->top == bin->end) {
    free_oldest(cache, kind, class, held_count(bin) / 2);
    publish_much(cache);
  }
  return true;
}

void cgc_cache_free_unheld(struct cgc_cache *cache, enum cgc_kind kind,
                           unsigned class, struct cgc_held held) {
  cache->grown_bytes -= cgc_size_classes[class].size;
  cgc_heap_free_held(cache->heap, kind, class, &held, 1);
}

/* ---- All bins --------------------------------------------------------- */

static void flush_bin(struct cgc_cache *cache, enum cgc_kind kind,
                      unsigned class) {
  struct cgc_bin *bin = &cache->bin[kind][class];
  if (bin->span)
    drop_span(cache, bin);
  if (held_count(bin))
    free_oldest(cache, kind, class, held_count(bin));
}

void cgc_cache_flush(struct cgc_cache *cache) {
  for (unsigned kind = 0; kind < cgc_heap_kinds(cache->heap); kind++)
    for (unsigned class = 1; class <= CGC_CLASSES; class ++)
      flush_bin(cache, (enum cgc_kind)kind, class);
  cgc_cache_publish(cache);
}

void cgc_cache_destroy(struct cgc_cache *cache) {
  cgc_cache_flush(cache);
  for (unsigned kind = 0; kind < cgc_heap_kinds(cache->heap); kind++)
    for (unsigned class = 1; class <= CGC_CLASSES; class ++) {
      struct cgc_bin *bin = &cache->bin[kind][class];
      delete_held(bin);
      *bin = (struct cgc_bin){.free = 0};
    }
}

static void check_bin(const struct cgc_bin *bin) {
  for (const struct cgc_held *held = bin->held; held < bin->top; held++)
    cgc_check(*held->slot == CGC_SLOT_HELD); /* I1 */
  if (!bin->span)
    return;
  cgc_check(bin->span->where == CGC_SPAN_CACHED);            /* I2 */
  cgc_check(bin->slot == bin->span->slots + 64 * bin->word); /* I3 */
  cgc_check(bin->window ==
            cgc_span_slot_address(bin->span, 64 * bin->word));        /* I3 */
  cgc_check((bin->free & ~cgc_span_free(bin->span, bin->word)) == 0); /* I1 */
}

void cgc_cache_check(const struct cgc_cache *cache) {
  for (unsigned kind = 0; kind < cgc_heap_kinds(cache->heap); kind++)
    for (unsigned class = 1; class <= CGC_CLASSES; class ++)
      check_bin(&cache->bin[kind][class]);
}
