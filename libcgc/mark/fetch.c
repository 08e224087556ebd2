/* SPDX-License-Identifier: MIT */
#include "mark/fetch.h"

#include "os/mapping.h"

enum {
  PIECE = 32 << 10,       /* of a large object at once, bytes */
  WINDOW_MIN = 512 << 10, /* of this size it is asked which pages are there */
  WINDOW = 4 << 20,       /* so many bytes at once */
  SHARE_MIN = 16,         /* slots that are worth dividing */
  PAUSE_MIN = 4 << 10,    /* bytes to be scanned between two gifts */
  PAUSE_MAX = 256 << 10,
  SPANS_AHEAD = 4, /* queued spans whose lines are asked for */
  OBJECT = 64      /* bytes of one that is neither small nor large */
};

uintptr_t cgc_fetch_block_of(const struct cgc_marker *m, uintptr_t lo) {
  if (!cgc_visit_is_inside(m, lo))
    return 0;
  unsigned class = cgc_desc_class(m->map.desc[lo >> CGC_PAGE_SHIFT]);
  if (class == CGC_CLASS_LARGE)
    return m->heap->arena.spans[cgc_visit_page_of(m, lo)]->base;
  return lo;
}

static void scan_words(struct cgc_marker *m, uintptr_t lo, uintptr_t hi) {
  m->kernel->scan(m, lo, hi, cgc_fetch_block_of(m, lo));
}

void cgc_fetch_scan_described(struct cgc_marker *m, uintptr_t lo,
                              uintptr_t hi) {
  uint32_t desc = m->map.desc[lo >> CGC_PAGE_SHIFT];
  cgc_kind_scan_fn fn = cgc_kind_scan_of(cgc_desc_kind(desc));
  if (!fn) {
    scan_words(m, lo, hi);
    return;
  }
  m->scanned_bytes += hi - lo;
  fn(m, lo, hi);
}

/* ---- Large objects ---------------------------------------------------- */

static void queue_present(uintptr_t lo, uintptr_t hi, void *ctx) {
  struct cgc_marker *m = ctx;
  if (cgc_queue_is_full(&m->queue))
    scan_words(m, lo, hi);
  else
    cgc_queue_push(&m->queue, lo + CGC_PIECE_PRESENT, hi);
}

/*
 * A block this large may never have been touched for the most part (sort
 * takes 858 MiB for a file of 30): only its pages that are there are read.
 */
static void look_at_window(struct cgc_marker *m, uintptr_t lo, uintptr_t hi) {
  struct cgc_residency residency;
  cgc_mapping_resident_begin(&residency, CGC_MAPPING_WAY_SCAN);
  cgc_mapping_resident(&residency, lo, hi, CGC_MAPPING_PRESENT, queue_present,
                       m);
  cgc_mapping_resident_end(&residency);
}

/* The rest waits, where others may take it. */
static void scan_piece(struct cgc_marker *m, struct cgc_piece piece) {
  uintptr_t flags = piece.lo & CGC_PIECE_FLAGS;
  uintptr_t lo = piece.lo - flags;
  size_t bytes = piece.hi - lo;
  bool unknown = flags == 0 && bytes >= WINDOW_MIN;
  size_t now = cgc_min(bytes, unknown ? WINDOW : PIECE);
  if (flags & CGC_PIECE_DESCRIBED) {
    cgc_fetch_scan_described(m, lo, piece.hi);
    return;
  }
  if (bytes > now)
    cgc_queue_push(&m->queue, lo + now + flags, piece.hi);
  if (unknown)
    look_at_window(m, lo, lo + now);
  else
    scan_words(m, lo, lo + now);
}

/* ---- Grey spans ------------------------------------------------------- */

/* Ask for the lines of a span that will be opened a little later. */
static void look_ahead(const struct cgc_marker *m) {
  const uint64_t *marks = m->heap->arena.marks;
  size_t page;
  if (!cgc_queue_look_ahead(&m->queue, SPANS_AHEAD, &page))
    return;
  __builtin_prefetch(marks + page * CGC_MARK_WORDS);
  __builtin_prefetch(marks + page * CGC_MARK_WORDS + CGC_LINE_WORDS, 1);
}

static void open_small(struct cgc_marker *m, size_t page) {
  const struct cgc_arena *arena = &m->heap->arena;
  struct cgc_grey_span *g = &m->grey;
  uint32_t desc = arena->desc[page];
  unsigned class = cgc_desc_class(desc);
  bool described = desc & CGC_DESC_DESCRIBED;
  const struct cgc_size_class *c = &cgc_size_classes[class];
  g->row = &m->map.rows[described ? class | CGC_SLOT_DESCRIBED : desc & 511];
  g->slot_size = c->size;
  g->words = (c->nslots + 63u) / 64;
  g->marks = arena->marks + page * CGC_MARK_WORDS;
  g->scanned =
      arena->marks + page * CGC_MARK_WORDS + c->npages * CGC_LINE_WORDS;
  g->window = cgc_arena_page_address(arena, page) - 64 * g->slot_size;
  g->word = UINT32_MAX;
}

static void open_large(struct cgc_marker *m, size_t page) {
  const struct cgc_span *span = m->heap->arena.spans[page];
  uint64_t *scanned = cgc_arena_scanned_words(&m->heap->arena, span);
  bool described = cgc_kind_is_described((enum cgc_kind)span->kind);
  if (*scanned & 1)
    return;
  *scanned |= 1;
  scan_piece(
      m, (struct cgc_piece){span->base + (described ? CGC_PIECE_DESCRIBED : 0),
                            span->base + span->slot_size});
}

/* returns  false if no span waits; a large object is scanned at once */
static bool open_span(struct cgc_marker *m) {
  size_t page;
  if (!cgc_queue_take_span(&m->queue, &page))
    return false;
  look_ahead(m);
  m->grey_spans++;
  if (cgc_unlikely(cgc_desc_class(m->heap->arena.desc[page]) ==
                   CGC_CLASS_LARGE))
    open_large(m, page);
  else
    open_small(m, page);
  return true;
}

/* The next word with grey objects of the span at hand. */
static bool next_greys(struct cgc_marker *m) {
  struct cgc_grey_span *g = &m->grey;
  while (++g->word < g->words) {
    g->window += 64 * g->slot_size;
    uint64_t bits = g->marks[g->word] & ~g->scanned[g->word];
    g->scanned[g->word] |= bits;
    m->lane.grey = bits;
    if (bits)
      return true;
  }
  g->word = g->words = 0;
  return false;
}

/* ---- More ------------------------------------------------------------- */

/* Whoever was already asking when the pause ended was back soon. */
static void pause_sharing(struct cgc_marker *m) {
  bool soon = m->scanned_bytes - m->share_at < m->share_pause;
  m->share_pause = soon ? cgc_min(2 * m->share_pause, PAUSE_MAX)
                        : cgc_max(m->share_pause / 2, PAUSE_MIN);
  m->share_at = m->scanned_bytes + m->share_pause;
}

void cgc_fetch_share(struct cgc_marker *m) {
  struct cgc_queue *q = &m->queue;
  if (m->lane.n < SHARE_MIN && q->npieces == 0 && q->nput == 0)
    return;
  m->lane.n = cgc_queue_share(q, m->lane.n);
  pause_sharing(m);
}

size_t cgc_fetch(struct cgc_marker *m) {
  struct cgc_piece piece;
  uint64_t before = m->scanned_bytes;
  if (cgc_fetch_is_asked(m))
    cgc_fetch_share(m);
  if (m->grey.words && next_greys(m))
    return 1;
  if (cgc_queue_pop(&m->queue, &piece))
    scan_piece(m, piece);
  else if (!open_span(m))
    cgc_visit_set_by_span(m, false);
  return 1 + (size_t)(m->scanned_bytes - before) / OBJECT;
}

bool cgc_fetch_greys(struct cgc_marker *m) {
  while (m->grey.words == 0 || !next_greys(m))
    if (m->queue.npieces > 0 || !open_span(m))
      return false;
  return true;
}

bool cgc_fetch_shared(struct cgc_marker *m) {
  m->lane.n = cgc_queue_take_shared(&m->queue);
  if (m->lane.n > 0 || m->queue.npieces > 0)
    return true;
  cgc_visit_set_by_span(m, open_span(m));
  return m->by_span;
}
