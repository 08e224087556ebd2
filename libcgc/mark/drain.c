/* SPDX-License-Identifier: MIT */
#include "mark/drain.h"

#include "base/option.h"
#include "os/mapping.h"

enum {
  PIECE = 32 << 10,       /* of a large object at once, bytes */
  WINDOW_MIN = 512 << 10, /* of this size it is asked which pages are there */
  WINDOW = 4 << 20,       /* so many bytes at once */
  SHARE_MIN = 16,         /* slots that are worth dividing */
  SPANS_AHEAD = 4,        /* queued spans whose lines are asked for */
  FOLLOW_MAX = 256        /* objects of a list in one piece of a drain */
};

/* ---- Scanning --------------------------------------------------------- */

CGC_SCANS_MEMORY
static CGC_NOINLINE void scan_odd(struct cgc_marker *m, const uintptr_t *p,
                                  size_t n) {
  for (size_t i = 0; i < n; i++)
    cgc_visit_odd_word(m, p[i]);
}

CGC_SCANS_MEMORY
CGC_INLINE void see_words(struct cgc_marker *m, const struct cgc_slot_map *map,
                          struct cgc_lane *l, const uintptr_t *p, unsigned hits,
                          enum cgc_drain_way way) {
  while (hits) {
    unsigned last = 31 - (unsigned)__builtin_clz(hits);
    hits ^= 1u << last;
    if (way != CGC_DRAIN_STRICT || cgc_visit_counts(m, map, p[last]))
      cgc_visit_see(m, map, l, p[last]);
  }
  cgc_visit_watch_queue(m, l);
}

CGC_SCANS_MEMORY
CGC_INLINE void scan_words(struct cgc_marker *m, const struct cgc_slot_map *map,
                           const struct cgc_scan_range *range,
                           struct cgc_lane *l, const uintptr_t *p, size_t n,
                           enum cgc_drain_way way, cgc_scan_fn look) {
  for (; cgc_unlikely(n > CGC_SCAN_WORDS);
       n -= CGC_SCAN_WORDS, p += CGC_SCAN_WORDS) {
    unsigned hits = look(p, CGC_SCAN_WORDS, range);
    if (hits)
      see_words(m, map, l, p, hits, way);
  }
  see_words(m, map, l, p, look(p, n, range), way);
}

/*
 * For programs that know nothing of a collector: every fourth byte (Ruby's IO
 * buffers are packed structs), and distances from BLOCK's start.
 */
CGC_SCANS_MEMORY
CGC_INLINE void scan_thoroughly(struct cgc_marker *m,
                                const struct cgc_slot_map *map,
                                const struct cgc_scan_range *range,
                                struct cgc_lane *l, const uintptr_t *p,
                                size_t n, uintptr_t block, cgc_scan_fn look,
                                cgc_scan_distances_fn look_far) {
  bool relative = m->relative && block;
  unsigned places = m->places & ~1u; /* its word would begin before P */
  for (;; n -= CGC_SCAN_WORDS, p += CGC_SCAN_WORDS, places = m->places) {
    size_t now = cgc_min(n, CGC_SCAN_WORDS);
    for (unsigned hits = look(p, now, range) & places; hits; hits &= hits - 1) {
      uintptr_t word =
          cgc_scan_word_at((const char *)p, (unsigned)__builtin_ctz(hits));
      if (word - range->base >= range->bytes ||
          (cgc_unlikely(m->strict) && !cgc_visit_counts(m, map, word)))
        continue;
      cgc_visit_see(m, map, l, word);
    }
    for (unsigned hits = relative ? look_far(p, now, range, block) : 0; hits;
         hits &= hits - 1) {
      uintptr_t word = *(const volatile uintptr_t *)&p[__builtin_ctz(hits)];
      word += block;
      if (word - range->base < range->bytes)
        cgc_visit_distant(m, map, l, word);
    }
    cgc_visit_watch_queue(m, l);
    if (n <= CGC_SCAN_WORDS)
      return;
  }
}

uintptr_t cgc_drain_block_of(const struct cgc_marker *m, uintptr_t lo) {
  if (!cgc_visit_is_inside(m, lo))
    return 0;
  unsigned class = cgc_desc_class(m->map.desc[lo >> CGC_PAGE_SHIFT]);
  if (class == CGC_CLASS_LARGE)
    return m->heap->arena.spans[cgc_visit_page_of(m, lo)]->base;
  return lo;
}

void cgc_drain_scan(struct cgc_marker *m, uintptr_t lo, uintptr_t hi) {
  m->kernel->scan(m, lo, hi, cgc_drain_block_of(m, lo));
}

/* Its kind's function, or its words. */
CGC_NOINLINE void cgc_drain_scan_described(struct cgc_marker *m, uintptr_t lo,
                                           uintptr_t hi) {
  uint32_t desc = m->map.desc[lo >> CGC_PAGE_SHIFT];
  cgc_kind_scan_fn fn = cgc_kind_scan_of(cgc_desc_kind(desc));
  if (!fn) {
    cgc_drain_scan(m, lo, hi);
    return;
  }
  m->lane.scanned_bytes += hi - lo;
  fn(m, lo, hi);
}

/* ---- Large objects ---------------------------------------------------- */

static void queue_present(uintptr_t lo, uintptr_t hi, void *ctx) {
  struct cgc_marker *m = ctx;
  if (cgc_queue_is_full(&m->queue))
    cgc_drain_scan(m, lo, hi);
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
    cgc_drain_scan_described(m, lo, piece.hi);
    return;
  }
  if (bytes > now)
    cgc_queue_push(&m->queue, lo + now + flags, piece.hi);
  if (unknown)
    look_at_window(m, lo, lo + now);
  else
    cgc_drain_scan(m, lo, lo + now);
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
  g->row = &m->rows[described ? class | CGC_SLOT_DESCRIBED : desc & 511];
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

/* ---- What comes next -------------------------------------------------- */

/* More for ring, slots or greys, when they are empty. */
static CGC_NOINLINE void fetch(struct cgc_marker *m) {
  struct cgc_piece piece;
  if (m->grey.words && next_greys(m))
    return;
  if (cgc_queue_pop(&m->queue, &piece))
    scan_piece(m, piece);
  else if (!open_span(m))
    cgc_visit_set_by_span(m, false);
}

/* The same from the others, when nothing at all is left here. */
static CGC_NOINLINE bool fetch_shared(struct cgc_marker *m) {
  m->lane.n = cgc_queue_take_shared(&m->queue);
  if (m->lane.n > 0 || m->queue.npieces > 0)
    return true;
  cgc_visit_set_by_span(m, open_span(m));
  return m->by_span;
}

/* Others wait: half of what waits here would do them good. */
static CGC_NOINLINE void share(struct cgc_marker *m) {
  struct cgc_queue *q = &m->queue;
  if (m->lane.n >= SHARE_MIN || q->npieces > 1 || q->nput > 0)
    m->lane.n = cgc_queue_share(q, m->lane.n);
}

CGC_INLINE bool is_elsewhere(const struct cgc_marker *m) {
  return m->by_span || m->queue.npieces || m->grey.words;
}

/* Most objects stand in one line or in two. */
CGC_INLINE void ask_for(uintptr_t addr, const struct cgc_slot_row *row) {
  __builtin_prefetch((const void *)addr);
  __builtin_prefetch((const void *)(addr + row->ahead));
}

/* From the queue, or from the grey span, into the cache. */

CGC_INLINE struct cgc_near pop_slot(const struct cgc_marker *m,
                                    const struct cgc_slot_map *map,
                                    struct cgc_lane *l) {
  uint64_t slot = m->queue.slots[--l->n];
  const struct cgc_slot_row *row = cgc_slot_row(map, slot);
  uintptr_t addr = cgc_slot_address(map, slot);
  ask_for(addr, row);
  return (struct cgc_near){addr, row};
}

CGC_INLINE struct cgc_near pop_grey(const struct cgc_marker *m,
                                    struct cgc_lane *l) {
  unsigned i = (unsigned)__builtin_ctzl(l->grey);
  uintptr_t addr = m->grey.window + i * m->grey.slot_size;
  l->grey &= l->grey - 1;
  ask_for(addr, m->grey.row);
  return (struct cgc_near){addr, m->grey.row};
}

CGC_INLINE void enter_next(struct cgc_marker *m, struct cgc_lane *l,
                           struct cgc_near near) {
  m->next[(l->next + l->nnext++) % CGC_VISIT_NEXT] = near;
}

CGC_INLINE struct cgc_near leave_next(const struct cgc_marker *m,
                                      struct cgc_lane *l) {
  l->nnext--;
  return m->next[l->next++ % CGC_VISIT_NEXT];
}

/* All places but one are taken, before and after. */
CGC_INLINE struct cgc_near
exchange_next(struct cgc_marker *m, struct cgc_lane *l, struct cgc_near near) {
  m->next[(l->next - 1) % CGC_VISIT_NEXT] = near;
  return m->next[l->next++ % CGC_VISIT_NEXT];
}

/*
 * Fill next.  When nothing waits the slots in the ring are all that may bring
 * more.
 * returns  false if there is nothing but what stands in next
 */
CGC_SCANS_MEMORY
CGC_INLINE bool fill_next(struct cgc_marker *m, const struct cgc_slot_map *map,
                          struct cgc_lane *l) {
  for (;;) {
    while (l->nnext < CGC_VISIT_NEXT && l->n > 0)
      enter_next(m, l, pop_slot(m, map, l));
    while (l->nnext < CGC_VISIT_NEXT && l->grey)
      enter_next(m, l, pop_grey(m, l));
    if (l->nnext == CGC_VISIT_NEXT)
      return true;
    if (l->visited != l->ring) {
      cgc_visit_all(m, map, l);
    } else if (is_elsewhere(m)) {
      m->lane = *l;
      fetch(m);
      *l = m->lane;
    } else {
      return false;
    }
  }
}

/* ---- The loop --------------------------------------------------------- */

CGC_SCANS_MEMORY
CGC_INLINE void scan_object(struct cgc_marker *m,
                            const struct cgc_slot_map *map,
                            const struct cgc_scan_range *range,
                            struct cgc_lane *l, struct cgc_near near,
                            enum cgc_drain_way way, cgc_scan_fn look,
                            cgc_scan_distances_fn look_far) {
  const uintptr_t *p = (const uintptr_t *)near.addr;
  size_t n = near.row->words;
  if (cgc_unlikely(n == 0)) {
    m->lane = *l;
    cgc_drain_scan_described(m, near.addr, near.addr + near.row->size);
    *l = m->lane;
    return;
  }
  l->scanned_bytes += near.row->size;
  if (way != CGC_DRAIN_THOROUGH) {
    scan_words(m, map, range, l, p, n, way, look);
    return;
  }
  if (cgc_unlikely(m->odd_words)) {
    m->lane = *l;
    scan_odd(m, p, n);
    *l = m->lane;
  }
  scan_thoroughly(m, map, range, l, p, n, near.addr, look, look_far);
}

/*
 * The object is all there is, so there is no other miss to overlap with: a
 * list is followed from object to object.  Each step guesses that the link
 * stands where the last one did, and that it leads to an object's start, so
 * that the processor need not wait for desc and row to go on.
 * returns  whether *NEAR is still to be scanned
 */
CGC_SCANS_MEMORY
CGC_INLINE bool follow(struct cgc_marker *m, const struct cgc_slot_map *map,
                       const struct cgc_scan_range *range, struct cgc_lane *l,
                       struct cgc_near *near, enum cgc_drain_way way,
                       cgc_scan_fn look) {
  unsigned last = 0, which = 0;
  for (unsigned steps = FOLLOW_MAX; steps > 0; steps--) {
    const uintptr_t *p = (const uintptr_t *)near->addr;
    size_t n = near->row->words;
    if (n - 1 >= CGC_SCAN_WORDS)
      return true;
    unsigned hits = look(p, n, range);
    if (hits == 0 || hits & (hits - 1))
      return true;
    if (hits != last) {
      last = hits;
      which = (unsigned)__builtin_ctz(hits);
      __asm__ volatile("" : "+r"(which));
    }
    uintptr_t word = p[which];
    struct cgc_place place = cgc_slot_place(map, word);
    if (cgc_unlikely(!place.row))
      return true;
    if (way == CGC_DRAIN_STRICT && !cgc_visit_counts(m, map, word))
      return true;
    l->scanned_bytes += near->row->size;
    uint64_t *mark = cgc_slot_place_word(map, place);
    uint64_t mask = 1ULL << place.index % 64;
    if (!cgc_visit_set_mark(m, mark, mask))
      return false;
    m->marked[place.row->tag & 127]++;
    if (!cgc_slot_is_scanned(place.row->tag))
      return false;
    if (m->shared)
      mark[place.row->lines] |= mask;
    near->row = place.row;
    near->addr = word;
    if (cgc_unlikely(word != cgc_slot_place_address(place))) {
      near->addr = cgc_slot_place_address(place);
      __asm__ volatile("" : "+r"(near->addr)); /* no conditional move */
    }
  }
  return true;
}

CGC_SCANS_MEMORY
CGC_INLINE bool drain(struct cgc_marker *m, size_t budget,
                      enum cgc_drain_way way, cgc_scan_fn look,
                      cgc_scan_distances_fn look_far) {
  struct cgc_slot_map map = {m->map.desc, m->map.marks, m->rows};
  const struct cgc_scan_range *range = &m->range;
  struct cgc_lane l = m->lane;
  for (; budget > 0; budget--) {
    struct cgc_near near;
    bool alone = false;
    if (cgc_likely(l.n > 0 && l.nnext == CGC_VISIT_NEXT - 1)) {
      near = exchange_next(m, &l, pop_slot(m, &map, &l));
    } else if (l.grey && l.nnext == CGC_VISIT_NEXT - 1) {
      near = exchange_next(m, &l, pop_grey(m, &l));
    } else {
      bool more = fill_next(m, &map, &l);
      if (l.nnext == 0) {
        m->lane = l;
        if (!m->shared || !fetch_shared(m))
          return true;
        l = m->lane;
        continue;
      }
      near = leave_next(m, &l);
      alone = !more && l.nnext == 0;
    }
    if (cgc_unlikely(m->shared && cgc_pool_is_hungry(m->queue.pool))) {
      m->lane = l;
      share(m);
      l = m->lane;
    }
    if (way != CGC_DRAIN_THOROUGH && alone &&
        !follow(m, &map, range, &l, &near, way, look))
      continue;
    scan_object(m, &map, range, &l, near, way, look, look_far);
  }
  m->lane = l;
  return false;
}

CGC_SCANS_MEMORY
CGC_INLINE void scan_range(struct cgc_marker *m, uintptr_t lo, uintptr_t hi,
                           uintptr_t block, enum cgc_drain_way way,
                           cgc_scan_fn look, cgc_scan_distances_fn look_far) {
  struct cgc_slot_map map = {m->map.desc, m->map.marks, m->rows};
  const struct cgc_scan_range *range = &m->range;
  const uintptr_t *p = (const uintptr_t *)lo;
  size_t n = (hi - lo) / sizeof *p;
  bool thorough = way == CGC_DRAIN_THOROUGH;
  if (thorough && m->odd_words)
    scan_odd(m, p, n);
  struct cgc_lane l = m->lane;
  l.scanned_bytes += hi - lo;
  if (thorough)
    scan_thoroughly(m, &map, range, &l, p, n, block, look, look_far);
  else
    scan_words(m, &map, range, &l, p, n, way, look);
  m->lane = l;
}

/* ---- The loop for each kernel ----------------------------------------- */

#define KERNEL(name, target, way, look, look_far)                              \
  CGC_SCANS_MEMORY target static bool drain_##name(struct cgc_marker *m,       \
                                                   size_t budget) {            \
    return drain(m, budget, way, look, look_far);                              \
  }                                                                            \
  CGC_SCANS_MEMORY target static void scan_##name(                             \
      struct cgc_marker *m, uintptr_t lo, uintptr_t hi, uintptr_t block) {     \
    scan_range(m, lo, hi, block, way, look, look_far);                         \
  }

#define KERNELS(name, target)                                                  \
  KERNEL(name, target, CGC_DRAIN_ADDRESSES, cgc_scan_words_##name, NULL)       \
  KERNEL(name##_strict, target, CGC_DRAIN_STRICT, cgc_scan_words_##name, NULL) \
  KERNEL(name##_thorough, target, CGC_DRAIN_THOROUGH, cgc_scan_places_##name,  \
         cgc_scan_distances_##name)

KERNELS(plain, )
KERNELS(avx2, CGC_SCAN_TARGET_AVX2)
KERNELS(avx512, CGC_SCAN_TARGET_AVX512)

/* in the order of enum cgc_drain_way */
#define WAYS(name)                                                             \
  {                                                                            \
    {drain_##name, scan_##name},                                               \
        {drain_##name##_strict, scan_##name##_strict}, {                       \
      drain_##name##_thorough, scan_##name##_thorough                          \
    }                                                                          \
  }

static const struct cgc_drain_kernel kernels[CGC_SCAN_KERNELS][CGC_DRAIN_WAYS] =
    {
        [CGC_SCAN_PLAIN] = WAYS(plain),
        [CGC_SCAN_AVX2] = WAYS(avx2),
        [CGC_SCAN_AVX512] = WAYS(avx512),
};

const struct cgc_drain_kernel *cgc_drain_choose(enum cgc_scan_kernel kernel,
                                                enum cgc_drain_way way) {
  return &kernels[cgc_scan_choose(kernel)][way];
}
