/* SPDX-License-Identifier: MIT */
#include "mark/marker.h"

#include "base/option.h"
#include "heap/walk.h"

enum {
  PIECE = 128 << 10,    /* a larger range is scanned in pieces, bytes */
  BATCH = 256,          /* words that a kernel is given at once */
  KERNEL_MIN = 256      /* below that many bytes the loop here is faster */
};

static const uintptr_t address_bits = ((uintptr_t)1 << 48) - 1;
enum { BEFORE_START = 16 };

bool cgc_marker_open(struct cgc_marker *m, struct cgc_heap *heap) {
  *m = (struct cgc_marker){
      .heap = heap,
      .base = heap->arena.base,
      .bytes = cgc_arena_bytes(&heap->arena),
      .scan = cgc_scan_choose(CGC_SCAN_AUTO),
      .odd_words = cgc_options.tagged || cgc_options.before_start,
  };
  return cgc_queue_open(&m->queue, m->bytes);
}

void cgc_marker_close(struct cgc_marker *m) { cgc_queue_close(&m->queue); }

/* ---- From a candidate to a mark --------------------------------------- */

/* The queue is full: the span says that it holds unscanned marked objects. */
static CGC_NOINLINE void overflow(struct cgc_marker *m, uintptr_t addr) {
  size_t page = cgc_arena_page_of(&m->heap->arena, addr);
  m->heap->arena.spans[page]->overflowed = true;
  m->overflowed = true;
}

static void enqueue(struct cgc_marker *m, uintptr_t lo, uintptr_t hi) {
  if (!cgc_queue_push(&m->queue, lo, hi))
    overflow(m, lo);
}

/* Test and set the mark bit; a newly marked object is counted. */
CGC_INLINE bool mark(struct cgc_marker *m, uint64_t *word, unsigned bit,
                     size_t size) {
  if (*word >> bit & 1)
    return false;
  *word |= 1ULL << bit;
  m->marked_objects++;
  m->marked_bytes += size;
  return true;
}

CGC_INLINE void visit_oldest(struct cgc_marker *m) {
  struct cgc_candidate c = m->ring[m->ring_at];
  m->ring_at = (m->ring_at + 1) % CGC_MARKER_RING;
  m->ring_n--;
  if (mark(m, c.mark, c.bit, c.size) && c.scan)
    enqueue(m, c.addr, c.addr + c.size);
}

CGC_INLINE void enter_ring(struct cgc_marker *m, struct cgc_candidate c) {
  if (m->ring_n == CGC_MARKER_RING)
    visit_oldest(m);
  m->ring[(m->ring_at + m->ring_n++) % CGC_MARKER_RING] = c;
}

/* One object that owns its span: the span's struct tells where it begins. */
static CGC_NOINLINE void visit_large(struct cgc_marker *m, size_t page) {
  const struct cgc_span *span = m->heap->arena.spans[page];
  uint64_t *word = cgc_arena_mark_words(&m->heap->arena, span);
  if (mark(m, word, 0, span->slot_size) && !cgc_kind_is_noscan(span->kind))
    enqueue(m, span->base, span->base + span->slot_size);
}

/*
 * WORD lies in the arena.  Two loads, desc and class; the mark word and the
 * object are only asked for.  A word that points behind a span's last slot
 * finds a set bit there (heap/sweep.h).
 */
CGC_INLINE void candidate(struct cgc_marker *m, uintptr_t word) {
  size_t page = (word - m->base) >> CGC_PAGE_SHIFT;
  uint32_t desc = m->heap->arena.desc[page];
  unsigned class = cgc_desc_class(desc);
  if (class == CGC_CLASS_NONE)
    return;
  if (cgc_unlikely(class == CGC_CLASS_LARGE)) {
    visit_large(m, page);
    return;
  }
  size_t first = page - cgc_desc_offset(desc);
  uintptr_t start = m->base + (first << CGC_PAGE_SHIFT);
  uint32_t i = cgc_sizeclass_index(class, word - start);
  uint32_t size = cgc_size_classes[class].size;
  struct cgc_candidate c = {
      .addr = start + (uintptr_t)i * size,
      .mark = m->heap->arena.marks + first * CGC_MARK_WORDS + i / 64,
      .size = size,
      .bit = i % 64,
      .scan = !cgc_kind_is_noscan(cgc_desc_kind(desc)),
  };
  __builtin_prefetch(c.mark, 1);
  if (c.scan)
    __builtin_prefetch((const void *)c.addr);
  enter_ring(m, c);
}

/* ---- Scanning --------------------------------------------------------- */

CGC_INLINE bool is_inside(const struct cgc_marker *m, uintptr_t word) {
  return word - m->base < m->bytes;
}

/* Tags in the top bits, and pointers to before a block's start. */
static void odd_word(struct cgc_marker *m, uintptr_t word) {
  if (cgc_options.tagged && is_inside(m, word & address_bits))
    candidate(m, word & address_bits);
  if (cgc_options.before_start && is_inside(m, word + BEFORE_START))
    candidate(m, word + BEFORE_START);
}

void cgc_marker_mark_word(struct cgc_marker *m, uintptr_t word) {
  if (is_inside(m, word))
    candidate(m, word);
  if (m->odd_words)
    odd_word(m, word);
}

CGC_SCANS_MEMORY
static void scan_odd(struct cgc_marker *m, const uintptr_t *p,
                     const uintptr_t *end) {
  for (; p < end; p++)
    cgc_marker_mark_word(m, *p);
}

CGC_SCANS_MEMORY
static void scan_short(struct cgc_marker *m, const uintptr_t *p,
                       const uintptr_t *end) {
  for (; p < end; p++)
    if (is_inside(m, *p))
      candidate(m, *p);
}

static void scan_long(struct cgc_marker *m, const uintptr_t *p,
                      const uintptr_t *end) {
  uintptr_t kept[BATCH];
  while (p < end) {
    size_t n = cgc_min((size_t)(end - p), BATCH);
    size_t nkept = m->scan(p, n, m->base, m->bytes, kept);
    for (size_t i = 0; i < nkept; i++)
      candidate(m, kept[i]);
    p += n;
  }
}

static void scan_words(struct cgc_marker *m, uintptr_t lo, uintptr_t hi) {
  const uintptr_t *p = (const uintptr_t *)lo;
  const uintptr_t *end = (const uintptr_t *)hi;
  m->scanned_bytes += hi - lo;
  if (cgc_unlikely(m->odd_words))
    scan_odd(m, p, end);
  else if (hi - lo < KERNEL_MIN)
    scan_short(m, p, end);
  else
    scan_long(m, p, end);
}

void cgc_marker_scan_range(struct cgc_marker *m, uintptr_t lo, uintptr_t hi) {
  lo = cgc_round_up(lo, sizeof(uintptr_t));
  hi = cgc_round_down(hi, sizeof(uintptr_t));
  for (; lo < hi; lo += PIECE) {
    scan_words(m, lo, cgc_min(hi, lo + PIECE));
    cgc_marker_drain(m);
  }
}

CGC_SCANS_MEMORY
void cgc_marker_scan_unaligned(struct cgc_marker *m, uintptr_t lo,
                               uintptr_t hi) {
  for (; lo + sizeof(uintptr_t) <= hi; lo++)
    cgc_marker_mark_word(m, *(const uintptr_t __attribute__((aligned(1))) *)lo);
}

static void scan_pinned_object(const struct cgc_object *obj, void *ctx) {
  cgc_marker_scan_range(ctx, obj->addr, obj->addr + obj->size);
}

static void scan_pinned_span(struct cgc_span *span, void *ctx) {
  if (span->kind == CGC_KIND_PINNED)
    cgc_walk_span(span, scan_pinned_object, ctx);
}

void cgc_marker_scan_pinned(struct cgc_marker *m) {
  cgc_heap_each_span(m->heap, scan_pinned_span, m);
}

/* ---- Draining --------------------------------------------------------- */

/* The rest first: what the piece leads to is scanned before the rest is. */
static void scan_piece(struct cgc_marker *m, struct cgc_piece piece) {
  if (piece.hi - piece.lo > PIECE) {
    enqueue(m, piece.lo + PIECE, piece.hi);
    piece.hi = piece.lo + PIECE;
  }
  scan_words(m, piece.lo, piece.hi);
}

static void drain_queue(struct cgc_marker *m) {
  struct cgc_piece piece;
  for (;;) {
    while (cgc_queue_pop(&m->queue, &piece))
      scan_piece(m, piece);
    if (m->ring_n == 0)
      return;
    visit_oldest(m);
  }
}

/* All marked objects of a span that overflowed, again. */
static void rescan_object(const struct cgc_object *obj, void *ctx) {
  struct cgc_marker *m = ctx;
  if (!cgc_object_is_marked(&m->heap->arena, obj))
    return;
  enqueue(m, obj->addr, obj->addr + obj->size);
  drain_queue(m);
}

static void rescan_span(struct cgc_span *span, void *ctx) {
  if (!span->overflowed)
    return;
  span->overflowed = false;
  cgc_walk_span(span, rescan_object, ctx);
}

void cgc_marker_drain(struct cgc_marker *m) {
  drain_queue(m);
  while (cgc_unlikely(m->overflowed)) {
    m->overflowed = false;
    cgc_heap_each_span(m->heap, rescan_span, m);
  }
}
