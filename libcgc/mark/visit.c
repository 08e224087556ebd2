/* SPDX-License-Identifier: MIT */
#include "mark/visit.h"

#include "base/option.h"

enum { TURN_PAGES = 2 /* see cgc_visit_turn_to_spans */ };

/* Words that name an object in their lower 48 bits, or in its neighbourhood. */
static const uintptr_t address_bits = ((uintptr_t)1 << 48) - 1;
enum { BEFORE_START = 16 };

void cgc_visit_set_by_span(struct cgc_marker *m, bool on) {
  m->by_span = on;
  m->unusual = on || m->shared || m->bounded;
}

/* Pages of the span that begins at PAGE; 0: none begins there. */
static size_t pages_at(const struct cgc_arena *arena, size_t page) {
  /* Acquire: pairs with heap/arena's release of a new span. */
  uint32_t desc = __atomic_load_n(&arena->desc[page], __ATOMIC_ACQUIRE);
  unsigned class = cgc_desc_class(desc);
  if (class == CGC_CLASS_NONE)
    return 0;
  if (class != CGC_CLASS_LARGE)
    return cgc_desc_offset(desc) ? 0 : cgc_size_classes[class].npages;
  const struct cgc_span *span = arena->spans[page];
  return cgc_arena_page_of(arena, span->base) == page ? span->npages : 0;
}

static void set_scanned(uint64_t *marks, size_t words, size_t lines) {
  for (size_t w = 0; w < words; w++)
    marks[w + lines] |= marks[w];
}

/*
 * All that is marked is scanned, or will be.  The program may be making spans
 * meanwhile, so that a page may be met whose span's first one was not.
 */
static void set_scanned_bits(const struct cgc_arena *arena, size_t pages) {
  for (size_t page = 0; page < pages;) {
    size_t npages = pages_at(arena, page);
    if (npages == 0) {
      page++;
      continue;
    }
    unsigned class = cgc_desc_class(arena->desc[page]);
    size_t words = (cgc_size_classes[class].nslots + 63u) / 64;
    set_scanned(arena->marks + page * CGC_MARK_WORDS, cgc_max(words, 1),
                npages * CGC_LINE_WORDS);
    page += npages;
  }
}

/* Where little was marked it pays more to scan that again. */
static void catch_up(struct cgc_marker *m) {
  size_t pages = m->range.bytes >> CGC_PAGE_SHIFT;
  cgc_visit_count(m);
  if (m->marked_objects - m->marked_at_turn < pages / TURN_PAGES)
    return;
  m->marked_at_turn = m->marked_objects;
  set_scanned_bits(&m->heap->arena, pages);
}

/*
 * The front is wide, and until now nobody has kept scanned bits: one marker
 * never does but if it is bounded, several do from the first such turn on.
 */
CGC_NOINLINE void cgc_visit_turn_to_spans(struct cgc_marker *m) {
  if (!m->shared) {
    if (!m->bounded)
      catch_up(m);
  } else if (cgc_pool_begin_wide(m->queue.pool)) {
    catch_up(m);
    cgc_pool_end_wide(m->queue.pool);
  }
  cgc_visit_set_by_span(m, true);
}

/* returns  whether the bit was clear; full barrier: see mark/pool.h
 * on claims
 */
CGC_NOINLINE bool cgc_visit_set_shared(uint64_t *word, uint64_t mask) {
  return !(__atomic_fetch_or(word, mask, __ATOMIC_SEQ_CST) & mask);
}

/*
 * One object that owns its span: the span's struct tells where it begins.  The
 * turn comes before its mark, or it would be taken for scanned.
 */
CGC_NOINLINE void cgc_visit_large(struct cgc_marker *m, uintptr_t word) {
  const struct cgc_arena *arena = &m->heap->arena;
  const struct cgc_span *span = arena->spans[cgc_visit_page_of(m, word)];
  if (cgc_queue_is_full(&m->queue) && !m->by_span)
    cgc_visit_turn_to_spans(m);
  if (!cgc_visit_set_mark(m, cgc_arena_mark_words(arena, span), 1))
    return;
  m->marked_objects++;
  m->marked_bytes += span->slot_size;
  if (cgc_kind_is_noscan((enum cgc_kind)span->kind))
    return;
  if (m->by_span) {
    cgc_visit_queue_span(m, span->base);
    return;
  }
  bool described = cgc_kind_is_described((enum cgc_kind)span->kind);
  *cgc_arena_scanned_words(arena, span) |= 1;
  cgc_queue_push(&m->queue, span->base + (described ? CGC_PIECE_DESCRIBED : 0),
                 span->base + span->slot_size);
}

/* What cgc_slot_find doesn't know. */
CGC_NOINLINE uint64_t cgc_visit_find_unusual(struct cgc_marker *m,
                                             uintptr_t word) {
  unsigned class = cgc_desc_class(m->map.desc[word >> CGC_PAGE_SHIFT]);
  if (class == CGC_CLASS_LARGE)
    cgc_visit_large(m, word);
  return cgc_slot_find_described(&m->map, word);
}

CGC_NOINLINE bool cgc_visit_counts_unusually(const struct cgc_marker *m,
                                             uintptr_t word) {
  struct cgc_object obj;
  return cgc_arena_find(&m->heap->arena, word, &obj) &&
         cgc_displacement_is_allowed(word - obj.addr);
}

void cgc_visit_word(struct cgc_marker *m, uintptr_t word) {
  if (cgc_unlikely(m->strict) && !cgc_visit_counts(m, &m->map, word))
    return;
  cgc_visit_see(m, &m->map, &m->lane, word);
  cgc_visit_watch_queue(m, &m->lane);
}

/*
 * The bit before the first page's is nobody's: a slot without a class that
 * visits itself.
 */
void cgc_visit_open(struct cgc_marker *m) {
  uintptr_t first = m->range.base >> CGC_PAGE_SHIFT;
  m->queued = (const uint8_t *)((uintptr_t)m->queue.pool->queued - first);
  uint64_t nobody = (m->range.base >> CGC_PAGE_SHIFT << 10) - 1;
  for (int i = 0; i < CGC_VISIT_RING; i++)
    m->ring[i] = nobody << CGC_SLOT_BIT_SHIFT;
  m->lane = (struct cgc_lane){.n = 0};
  m->visited = m->nnext = 0;
  m->share_at = m->share_pause = 0;
  m->grey = (struct cgc_grey_span){.words = 0};
  cgc_visit_set_by_span(m, false);
}

/* Tags in the top bits, and pointers to before a block's start. */
CGC_NOINLINE void cgc_visit_odd_word(struct cgc_marker *m, uintptr_t word) {
  if (cgc_options.tagged && cgc_visit_is_inside(m, word & address_bits))
    cgc_visit_word(m, word & address_bits);
  if (cgc_options.before_start && cgc_visit_is_inside(m, word + BEFORE_START))
    cgc_visit_word(m, word + BEFORE_START);
}

void cgc_visit_count(struct cgc_marker *m) {
  uint64_t objects = 0, bytes = 0;
  for (unsigned class = 1; class <= CGC_CLASSES; class ++) {
    objects += m->marked[class];
    bytes += m->marked[class] * cgc_size_classes[class].size;
    m->marked[class] = 0;
  }
  m->marked_objects += objects;
  m->marked_bytes += bytes;
}
