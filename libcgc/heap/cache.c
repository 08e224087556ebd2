/* SPDX-License-Identifier: MIT */
#include "heap/cache.h"

#include "heap/meta.h"

#include <string.h>

enum {
  HELD_BYTES = 32 << 10,
  HELD_MIN = 4,
  HELD_MAX = 64,
  PUBLISH_BYTES = 32 << 10,
  STOCK_PAGES = 8,  /* at most, unless one span has more */
  CLEARED_MAX = 512 /* bytes of a slot that is cleared with its window */
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

static unsigned trailing_ones(uint64_t bits) {
  return ~bits ? (unsigned)__builtin_ctzl(~bits) : 64;
}

/* The free slots of the window, run by run: one call for many of them. */
static void clear(struct cgc_bin *bin) {
  unsigned first, n;
  for (uint64_t left = bin->free; left; left &= left + (1ULL << first)) {
    first = (unsigned)__builtin_ctzl(left);
    n = trailing_ones(left >> first);
    memset((void *)(bin->window + first * bin->size), 0, (size_t)n * bin->size);
  }
  bin->needs_zero = false;
}

static bool open_window(struct cgc_cache *cache, struct cgc_bin *bin,
                        uint32_t word, bool zero) {
  struct cgc_span *span = bin->span;
  uint64_t free = cgc_span_free(span, word);
  bin->word = (uint8_t)word;
  bin->window = cgc_span_slot_address(span, 64 * word);
  bin->slot = span->slots + 64 * word;
  bin->needs_zero = span->needs_zero;
  bin->free = free;
  count_slots(cache, bin, cgc_popcount(free));
  if (zero && bin->needs_zero && bin->size <= CLEARED_MAX)
    clear(bin);
  return free != 0;
}

static bool next_window(struct cgc_cache *cache, struct cgc_bin *bin,
                        uint32_t word, bool zero) {
  for (; word < cgc_span_words(bin->span); word++)
    if (open_window(cache, bin, word, zero))
      return true;
  return false;
}

bool cgc_cache_advance(struct cgc_cache *cache, enum cgc_kind kind,
                       unsigned class, bool zero) {
  struct cgc_bin *bin = &cache->bin[kind][class];
  return bin->span && next_window(cache, bin, bin->word + 1, zero);
}

/* ---- The stock -------------------------------------------------------- */

static void give_stock(struct cgc_cache *cache, enum cgc_kind kind,
                       unsigned class) {
  struct cgc_bin *bin = &cache->bin[kind][class];
  struct cgc_stock *stock = &cache->stock[kind][class];
  count_slots(cache, bin, -(int64_t)cgc_popcount(bin->free));
  bin->free = 0;
  bin->span = NULL;
  cgc_heap_give_spans(cache->heap, kind, class, stock->span, stock->n);
  stock->n = stock->begun = 0;
}

static unsigned stock_max(unsigned class) {
  unsigned n = STOCK_PAGES / cgc_size_classes[class].npages;
  return cgc_max(1, cgc_min(n, CGC_STOCK_MAX));
}

static bool take_stock(struct cgc_cache *cache, enum cgc_kind kind,
                       unsigned class) {
  struct cgc_stock *stock = &cache->stock[kind][class];
  if (stock->n)
    give_stock(cache, kind, class);
  publish_much(cache);
  unsigned n = cgc_min(stock->wanted + 1u, stock_max(class));
  stock->n =
      (uint8_t)cgc_heap_take_spans(cache->heap, kind, class, stock->span, n);
  stock->wanted = (uint8_t)(2 * n - 1);
  return stock->n > 0;
}

bool cgc_cache_refill(struct cgc_cache *cache, enum cgc_kind kind,
                      unsigned class, bool zero) {
  struct cgc_bin *bin = &cache->bin[kind][class];
  struct cgc_stock *stock = &cache->stock[kind][class];
  if (cgc_cache_advance(cache, kind, class, zero))
    return true;
  bin->size = cgc_size_classes[class].size;
  while (stock->begun < stock->n || take_stock(cache, kind, class)) {
    bin->span = stock->span[stock->begun++];
    if (next_window(cache, bin, 0, zero))
      return true;
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
  struct cgc_stock *stock = &cache->stock[kind][class];
  if (stock->n)
    give_stock(cache, kind, class);
  stock->wanted = 0;
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

static void check_stock(const struct cgc_stock *stock,
                        const struct cgc_span *span) {
  for (unsigned i = 0; i < stock->n; i++)
    cgc_check(stock->span[i]->where == CGC_SPAN_CACHED); /* I2 */
  cgc_check(span == (stock->begun ? stock->span[stock->begun - 1] : NULL));
}

static void check_bin(const struct cgc_bin *bin) {
  for (const struct cgc_held *held = bin->held; held < bin->top; held++)
    cgc_check(*held->slot == CGC_SLOT_HELD); /* I1 */
  if (!bin->span)
    return;
  cgc_check(bin->slot == bin->span->slots + 64 * bin->word); /* I3 */
  cgc_check(bin->window ==
            cgc_span_slot_address(bin->span, 64 * bin->word));        /* I3 */
  cgc_check((bin->free & ~cgc_span_free(bin->span, bin->word)) == 0); /* I1 */
}

void cgc_cache_check(const struct cgc_cache *cache) {
  for (unsigned kind = 0; kind < cgc_heap_kinds(cache->heap); kind++)
    for (unsigned class = 1; class <= CGC_CLASSES; class ++) {
      const struct cgc_bin *bin = &cache->bin[kind][class];
      check_bin(bin);
      check_stock(&cache->stock[kind][class], bin->span);
    }
}
