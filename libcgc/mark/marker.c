/* SPDX-License-Identifier: MIT */
#include "mark/marker.h"

#include "base/option.h"
#include "heap/walk.h"
#include "mark/displacement.h"
#include "os/mapping.h"

enum {
  PIECE = 128 << 10,      /* a larger range is scanned in pieces, bytes */
  WINDOW_MIN = 512 << 10, /* of this size it is asked which pages are there */
  WINDOW = 4 << 20,       /* so many bytes at once */
  BATCH = 256,            /* words that a kernel is given at once */
  KERNEL_MIN = 256,       /* below that many bytes the loop here is faster */
  SHARE_MIN = 16,         /* pieces that are worth dividing */
  SPANS_AHEAD = 4         /* queued spans whose lines are asked for */
};

typedef uintptr_t cgc_unaligned_word __attribute__((aligned(1), may_alias));

/* Words that name an object in their lower 48 bits, or in its neighbourhood. */
static const uintptr_t address_bits = ((uintptr_t)1 << 48) - 1;
enum { BEFORE_START = 16 };

void cgc_marker_open(struct cgc_marker *m, struct cgc_heap *heap,
                     struct cgc_pool *pool) {
  cgc_queue_init(&m->queue, pool);
  m->shared = pool->members > 1;
  m->heap = heap;
  m->base = heap->arena.base;
  m->bytes = cgc_arena_bytes(&heap->arena);
  cgc_scan_range_set(&m->range, m->base, m->bytes);
  m->desc = heap->arena.desc;
  m->marks = heap->arena.marks;
  m->scan = cgc_scan_choose(CGC_SCAN_AUTO);
  m->strict = cgc_displacement_is_some();
  m->odd_words = cgc_options.tagged || cgc_options.before_start;
  m->scan_thorough = cgc_scan_choose_thorough(CGC_SCAN_AUTO);
  m->thorough = cgc_options.packed || cgc_options.relative;
  m->by_span = false;
  m->ring_at = m->ring_n = m->next_at = m->next_n = 0;
  m->grey = (struct cgc_grey_span){.bits = 0};
  m->marked_bytes = m->marked_objects = m->scanned_bytes = 0;
  m->grey_spans = 0;
}

/* ---- From a candidate to a mark --------------------------------------- */

/*
 * A newly marked object waits as itself; if too many do, in its span, whose
 * scanned bit for it is clear.
 */
CGC_INLINE void enqueue(struct cgc_marker *m, const struct cgc_candidate *c,
                        uint64_t *scanned, size_t size) {
  if (cgc_unlikely(cgc_queue_is_full(&m->queue)))
    m->by_span = true;
  if (m->by_span) {
    size_t first = (size_t)(c->mark - m->marks) / CGC_MARK_WORDS;
    cgc_queue_put_span(&m->queue, first);
  } else {
    *scanned |= 1ULL << c->bit;
    cgc_queue_push(&m->queue, c->addr + c->described, c->addr + size);
  }
}

/* Test and set the mark bit; a newly marked object is counted. */
CGC_INLINE bool mark(struct cgc_marker *m, uint64_t *word, unsigned bit,
                     size_t size) {
  uint64_t mask = 1ULL << bit;
  if (*word & mask)
    return false;
  if (m->shared) {
    /* Full barrier: see mark/pool.h on claims. */
    if (__atomic_fetch_or(word, mask, __ATOMIC_SEQ_CST) & mask)
      return false;
  } else {
    *word |= mask;
  }
  m->marked_objects++;
  m->marked_bytes += size;
  return true;
}

CGC_INLINE void visit_oldest(struct cgc_marker *m) {
  struct cgc_candidate c = m->ring[m->ring_at];
  m->ring_at = (m->ring_at + 1) % CGC_MARKER_RING;
  m->ring_n--;
  if (mark(m, c.mark, c.bit, c.size) && c.scan)
    enqueue(m, &c, c.mark + c.lines, c.size);
}

CGC_INLINE void enter_ring(struct cgc_marker *m, struct cgc_candidate c) {
  if (m->ring_n == CGC_MARKER_RING)
    visit_oldest(m);
  m->ring[(m->ring_at + m->ring_n++) % CGC_MARKER_RING] = c;
}

/* Whether WORD, which points into the object at ADDR, counts. */
CGC_INLINE bool counts(const struct cgc_marker *m, uintptr_t word,
                       uintptr_t addr) {
  return cgc_likely(!m->strict) || cgc_displacement_is_allowed(word - addr);
}

/* One object that owns its span: the span's struct tells where it begins. */
static CGC_NOINLINE void visit_large(struct cgc_marker *m, uintptr_t word,
                                     size_t page) {
  const struct cgc_span *span = m->heap->arena.spans[page];
  if (!counts(m, word, span->base))
    return;
  struct cgc_candidate c = {
      .addr = span->base,
      .mark = cgc_arena_mark_words(&m->heap->arena, span),
      .described = cgc_kind_is_described(span->kind),
  };
  if (mark(m, c.mark, 0, span->slot_size) && !cgc_kind_is_noscan(span->kind))
    enqueue(m, &c, cgc_arena_scanned_words(&m->heap->arena, span),
            span->slot_size);
}

/*
 * The slot that WORD, which lies in the arena, points into.  Two loads, desc
 * and class; the mark word and the object are not touched.  A word that points
 * behind a span's last slot finds a set bit there (heap/sweep.h).
 * returns  false if there is none, or a large object, which was visited
 */
CGC_INLINE bool find(struct cgc_marker *m, uintptr_t word,
                     struct cgc_candidate *c) {
  size_t page = (word - m->base) >> CGC_PAGE_SHIFT;
  uint32_t desc = m->desc[page];
  unsigned class = cgc_desc_class(desc);
  if (class == CGC_CLASS_NONE)
    return false;
  if (cgc_unlikely(class == CGC_CLASS_LARGE)) {
    visit_large(m, word, page);
    return false;
  }
  const struct cgc_size_class *sc = &cgc_size_classes[class];
  size_t first = page - cgc_desc_offset(desc);
  uintptr_t start = m->base + (first << CGC_PAGE_SHIFT);
  uint32_t i = cgc_sizeclass_index(class, word - start);
  c->addr = start + (uintptr_t)i * sc->size;
  if (!counts(m, word, c->addr))
    return false;
  c->mark = m->marks + first * CGC_MARK_WORDS + i / 64;
  c->size = sc->size;
  c->bit = i % 64;
  c->scan = !cgc_kind_is_noscan(cgc_desc_kind(desc));
  c->described = cgc_kind_is_described(cgc_desc_kind(desc));
  c->lines = (uint16_t)(sc->npages * CGC_LINE_WORDS);
  return true;
}

CGC_INLINE void candidate(struct cgc_marker *m, uintptr_t word) {
  struct cgc_candidate c;
  if (find(m, word, &c)) {
    __builtin_prefetch(c.mark, 1);
    enter_ring(m, c);
  }
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

/* Nothing waits anywhere: there is no other miss to overlap with. */
CGC_INLINE bool is_narrow(const struct cgc_marker *m) {
  return (m->ring_n | m->next_n | m->queue.n) == 0 && !m->by_span;
}

CGC_SCANS_MEMORY
CGC_INLINE size_t gather(const struct cgc_marker *m, const uintptr_t *p,
                         const uintptr_t *end, uintptr_t *found) {
  size_t n = 0;
  for (; p < end; p++) {
    found[n] = *p;
    n += is_inside(m, *p);
  }
  return n;
}

/*
 * The one object that WORD leads to, marked now and to be scanned at once.
 * returns  false if there is nothing to scan, or it is not a short one
 */
CGC_INLINE bool follow(struct cgc_marker *m, uintptr_t word,
                       struct cgc_piece *next) {
  struct cgc_candidate c;
  if (!find(m, word, &c) || !mark(m, c.mark, c.bit, c.size) || !c.scan)
    return false;
  c.mark[c.lines] |= 1ULL << c.bit;
  *next = (struct cgc_piece){c.addr + c.described, c.addr + c.size};
  if (c.size < KERNEL_MIN && !c.described)
    return true;
  cgc_queue_push(&m->queue, next->lo, next->hi);
  return false;
}

/*
 * A list is followed from object to object: through the ring and the queue
 * each step would wait for half a dozen stores of the step before.
 */
static void scan_short(struct cgc_marker *m, struct cgc_piece piece) {
  uintptr_t found[KERNEL_MIN / sizeof(uintptr_t)];
  for (;;) {
    m->scanned_bytes += piece.hi - piece.lo;
    size_t n = gather(m, (const uintptr_t *)piece.lo,
                      (const uintptr_t *)piece.hi, found);
    if (n != 1 || !is_narrow(m)) {
      for (size_t i = 0; i < n; i++)
        candidate(m, found[i]);
      return;
    }
    if (!follow(m, found[0], &piece))
      return;
  }
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

/*
 * Some programs keep the distance from a block's start to another block in
 * place of its address (fontconfig's patterns and character sets).  Such a
 * word names a block's start.
 */
static CGC_NOINLINE void distant_block(struct cgc_marker *m, uintptr_t addr) {
  struct cgc_object obj;
  if (cgc_arena_find(&m->heap->arena, addr, &obj) && obj.addr == addr)
    candidate(m, addr);
}

/*
 * For programs that know nothing of a collector: every fourth byte (Ruby's IO
 * buffers are packed structs), and distances from BLOCK's start.
 */
static void scan_thoroughly(struct cgc_marker *m, uintptr_t lo, uintptr_t hi,
                            uintptr_t block) {
  struct cgc_scan_found found;
  for (; lo < hi; lo += CGC_SCAN_PIECE - sizeof(uintptr_t)) {
    size_t n = cgc_min(hi - lo, CGC_SCAN_PIECE);
    m->scan_thorough((const char *)lo, n, &m->range, block, &found);
    for (size_t i = 0; i < found.naddresses; i++)
      candidate(m, found.addresses[i]);
    for (size_t i = 0; i < found.ndistances; i++)
      distant_block(m, found.distances[i]);
    if (n < CGC_SCAN_PIECE)
      return;
  }
}

/* What the options add to what a word may mean. */
CGC_SCANS_MEMORY
static void scan_odd(struct cgc_marker *m, uintptr_t lo, uintptr_t hi) {
  for (; lo + sizeof(uintptr_t) <= hi; lo += sizeof(uintptr_t))
    odd_word(m, *(const uintptr_t *)lo);
}

/* Where the object begins that the piece at LO is of; 0: of none. */
static uintptr_t block_of(const struct cgc_marker *m, uintptr_t lo) {
  if (!cgc_options.relative || !is_inside(m, lo))
    return 0;
  size_t page = cgc_arena_page_of(&m->heap->arena, lo);
  bool large = cgc_desc_class(m->desc[page]) == CGC_CLASS_LARGE;
  return cgc_unlikely(large) ? m->heap->arena.spans[page]->base : lo;
}

void cgc_marker_scan_words(struct cgc_marker *m, uintptr_t lo, uintptr_t hi) {
  lo = cgc_round_up(lo, sizeof(uintptr_t));
  hi = cgc_round_down(hi, sizeof(uintptr_t));
  if (lo >= hi)
    return;
  if (cgc_unlikely(m->odd_words))
    scan_odd(m, lo, hi);
  if (!m->thorough && hi - lo < KERNEL_MIN) {
    scan_short(m, (struct cgc_piece){lo, hi});
    return;
  }
  m->scanned_bytes += hi - lo;
  if (m->thorough)
    scan_thoroughly(m, lo, hi, block_of(m, lo));
  else
    scan_long(m, (const uintptr_t *)lo, (const uintptr_t *)hi);
}

void cgc_marker_scan_range(struct cgc_marker *m, uintptr_t lo, uintptr_t hi) {
  lo = cgc_round_up(lo, sizeof(uintptr_t));
  hi = cgc_round_down(hi, sizeof(uintptr_t));
  for (; lo < hi; lo += PIECE) {
    cgc_marker_scan_words(m, lo, cgc_min(hi, lo + PIECE));
    cgc_marker_drain(m);
  }
}

CGC_SCANS_MEMORY
static void scan_insides(struct cgc_marker *m, uintptr_t lo, uintptr_t hi) {
  struct cgc_object obj;
  for (; lo + sizeof(uintptr_t) <= hi; lo += sizeof(uintptr_t))
    if (cgc_arena_find(&m->heap->arena, *(const uintptr_t *)lo, &obj))
      candidate(m, obj.addr);
  cgc_marker_drain(m);
}

void cgc_marker_scan_stack(struct cgc_marker *m, uintptr_t lo, uintptr_t hi) {
  if (m->strict)
    scan_insides(m, cgc_round_up(lo, sizeof(uintptr_t)), hi);
  else
    cgc_marker_scan_range(m, lo, hi);
}

/* Its kind's function, or its words at once. */
static CGC_NOINLINE void scan_described(struct cgc_marker *m, uintptr_t lo,
                                        uintptr_t hi) {
  size_t page = cgc_arena_page_of(&m->heap->arena, lo);
  cgc_kind_scan_fn scan = cgc_kind_scan_of(cgc_desc_kind(m->desc[page]));
  if (!scan) {
    cgc_marker_scan_words(m, lo, hi);
    return;
  }
  m->scanned_bytes += hi - lo;
  scan(m, lo, hi);
}

void cgc_marker_scan_object(struct cgc_marker *m, enum cgc_kind kind,
                            uintptr_t lo, uintptr_t hi) {
  if (cgc_kind_is_noscan(kind))
    return;
  if (cgc_kind_is_described(kind)) {
    scan_described(m, lo, hi);
    cgc_marker_drain(m);
  } else {
    cgc_marker_scan_range(m, lo, hi);
  }
}

CGC_SCANS_MEMORY
void cgc_marker_scan_unaligned(struct cgc_marker *m, uintptr_t lo,
                               uintptr_t hi) {
  for (; lo + sizeof(uintptr_t) <= hi; lo++)
    cgc_marker_mark_word(m, *(const cgc_unaligned_word *)lo);
}

/* Its mark bit was set from the start: it is counted here. */
static void visit_pinned_object(const struct cgc_object *obj, void *ctx) {
  struct cgc_marker *m = ctx;
  m->marked_objects++;
  m->marked_bytes += obj->size;
  cgc_marker_scan_object(m, (enum cgc_kind)obj->span->kind, obj->addr,
                         obj->addr + obj->size);
}

static void visit_pinned_span(struct cgc_span *span, void *ctx) {
  if (cgc_kind_is_pinned((enum cgc_kind)span->kind))
    cgc_walk_span(span, visit_pinned_object, ctx);
}

void cgc_marker_scan_pinned(struct cgc_marker *m) {
  cgc_heap_each_span(m->heap, visit_pinned_span, m);
}

/* ---- Draining --------------------------------------------------------- */

static void scan_present(uintptr_t lo, uintptr_t hi, void *ctx) {
  cgc_marker_scan_words(ctx, lo, hi);
}

/*
 * A block this large may never have been touched for the most part (sort
 * takes 858 MiB for a file of 30): only its pages that are there are read.
 */
static CGC_NOINLINE void scan_window(struct cgc_marker *m,
                                     struct cgc_piece piece) {
  struct cgc_residency residency;
  cgc_mapping_resident_begin(&residency, CGC_MAPPING_WAY_SCAN);
  cgc_mapping_resident(&residency, piece.lo, piece.hi, CGC_MAPPING_PRESENT,
                       scan_present, m);
  cgc_mapping_resident_end(&residency);
}

/* The rest first: what the piece leads to is scanned before the rest is. */
static void scan_piece(struct cgc_marker *m, struct cgc_piece piece) {
  if (cgc_unlikely(piece.lo & 1)) {
    scan_described(m, piece.lo - 1, piece.hi);
    return;
  }
  size_t bytes = piece.hi - piece.lo;
  size_t now = bytes >= WINDOW_MIN ? cgc_min(bytes, WINDOW) : PIECE;
  if (cgc_unlikely(bytes > now)) {
    cgc_queue_push(&m->queue, piece.lo + now, piece.hi);
    piece.hi = piece.lo + now;
  }
  if (cgc_unlikely(bytes >= WINDOW_MIN))
    scan_window(m, piece);
  else
    cgc_marker_scan_words(m, piece.lo, piece.hi);
}

CGC_INLINE void enter_next(struct cgc_marker *m, struct cgc_piece piece) {
  __builtin_prefetch((const void *)piece.lo);
  m->next[(m->next_at + m->next_n++) % CGC_MARKER_NEXT] = piece;
}

CGC_INLINE struct cgc_piece leave_next(struct cgc_marker *m) {
  struct cgc_piece piece = m->next[m->next_at];
  m->next_at = (m->next_at + 1) % CGC_MARKER_NEXT;
  m->next_n--;
  return piece;
}

/* Ask for the lines of a span that will be opened a little later. */
CGC_INLINE void look_ahead(struct cgc_marker *m) {
  size_t page;
  if (!cgc_queue_look_ahead(&m->queue, SPANS_AHEAD, &page))
    return;
  __builtin_prefetch(m->marks + page * CGC_MARK_WORDS);
  __builtin_prefetch(m->marks + page * CGC_MARK_WORDS + CGC_LINE_WORDS, 1);
}

static bool open_span(struct cgc_marker *m) {
  struct cgc_grey_span *g = &m->grey;
  size_t page;
  if (!cgc_queue_take_span(&m->queue, &page))
    return false;
  look_ahead(m);
  m->grey_spans++;
  unsigned class = cgc_desc_class(m->desc[page]);
  const struct cgc_size_class *c = &cgc_size_classes[class];
  size_t npages = c->npages;
  g->slot_size = c->size;
  g->words = (c->nslots + 63u) / 64;
  g->described = cgc_kind_is_described(cgc_desc_kind(m->desc[page]));
  if (cgc_unlikely(class == CGC_CLASS_LARGE)) {
    npages = m->heap->arena.spans[page]->npages;
    g->slot_size = npages << CGC_PAGE_SHIFT;
    g->words = 1;
  }
  g->marks = m->marks + page * CGC_MARK_WORDS;
  g->scanned = m->marks + page * CGC_MARK_WORDS + npages * CGC_LINE_WORDS;
  g->window = m->base + (page << CGC_PAGE_SHIFT) - 64 * g->slot_size;
  g->word = UINT32_MAX;
  return true;
}

/* The next word with grey objects of the span at hand, or of the next span. */
static bool next_greys(struct cgc_marker *m) {
  struct cgc_grey_span *g = &m->grey;
  do {
    while (++g->word < g->words) {
      g->window += 64 * g->slot_size;
      g->bits = g->marks[g->word] & ~g->scanned[g->word];
      g->scanned[g->word] |= g->bits;
      if (g->bits)
        return true;
    }
    g->word = g->words = 0;
  } while (open_span(m));
  return false;
}

static bool pop_grey(struct cgc_marker *m, struct cgc_piece *piece) {
  struct cgc_grey_span *g = &m->grey;
  if (g->bits == 0 && !next_greys(m))
    return false;
  unsigned i = (unsigned)__builtin_ctzl(g->bits);
  g->bits &= g->bits - 1;
  uintptr_t addr = g->window + i * g->slot_size;
  piece->lo = addr + g->described;
  piece->hi = addr + g->slot_size;
  return true;
}

/*
 * Keep `next` filled: from the pieces, else from the spans.  When neither has
 * anything the candidates in the ring are all that may bring more.
 */
static bool fill_next(struct cgc_marker *m) {
  struct cgc_piece piece;
  while (m->next_n < CGC_MARKER_NEXT) {
    if (cgc_queue_pop(&m->queue, &piece) || pop_grey(m, &piece))
      enter_next(m, piece);
    else if (m->ring_n > 0)
      visit_oldest(m);
    else if (m->next_n > 0 || !cgc_queue_take_shared(&m->queue))
      break;
  }
  return m->next_n > 0;
}

/* Others wait: half of what waits here would do them good. */
static CGC_NOINLINE void share(struct cgc_marker *m) {
  if (m->queue.n >= SHARE_MIN || m->queue.nput > 0)
    cgc_queue_share(&m->queue);
}

void cgc_marker_drain(struct cgc_marker *m) {
  while (fill_next(m)) {
    if (cgc_unlikely(m->shared && cgc_pool_is_hungry(m->queue.pool)))
      share(m);
    scan_piece(m, leave_next(m));
  }
  m->by_span = false;
}

bool cgc_marker_drain_some(struct cgc_marker *m, unsigned pieces) {
  while (fill_next(m)) {
    if (pieces-- == 0)
      return false;
    scan_piece(m, leave_next(m));
  }
  m->by_span = false;
  return true;
}

void cgc_marker_finish(struct cgc_marker *m) {
  do {
    cgc_marker_drain(m);
  } while (cgc_pool_wait(m->queue.pool));
}

void cgc_marker_add_counts(struct cgc_marker *m,
                           const struct cgc_marker *other) {
  m->marked_bytes += other->marked_bytes;
  m->marked_objects += other->marked_objects;
  m->scanned_bytes += other->scanned_bytes;
  m->grey_spans += other->grey_spans;
}
