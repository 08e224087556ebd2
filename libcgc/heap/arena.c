/* SPDX-License-Identifier: MIT */
#include "heap/arena.h"

#include "base/option.h"
#include "os/page.h"

#include <sys/resource.h>

enum {
  PART_ALIGN = 2 << 20,    /* so that huge pages fit */
  CLAIM_AT_GIB = 16 << 10, /* far from what mmap and brk hand out */
  CLAIM_STRIDE_GIB = 4 << 10,
  CLAIM_TRIES = 4,
  HUGE_FROM = 64 << 20 /* bytes of heap */
};

/* Bits of table for each page. */
static const size_t bits_per_page[CGC_TABLES] = {
    [CGC_TABLE_SPANS] = 64,
    [CGC_TABLE_DESC] = 32,
    [CGC_TABLE_MARKS] = 64 * CGC_MARK_WORDS,
    [CGC_TABLE_GREYS] = 32,
    [CGC_TABLE_QUEUED] = 8,
    [CGC_TABLE_FREE] = 1,
    [CGC_TABLE_DIRTY] = 1,
    [CGC_TABLE_RUNS] = 1,
    [CGC_TABLE_HEAP] = (size_t)CGC_PAGE * 8,
};

static size_t table_bytes(enum cgc_arena_table table, size_t npages) {
  bool visited = table == CGC_TABLE_MARKS || table == CGC_TABLE_QUEUED;
  return (visited ? CGC_OS_PAGE : 0) +
         cgc_round_up(npages * bits_per_page[table] / 8, CGC_OS_PAGE);
}

static size_t layout_bytes(size_t npages) {
  size_t bytes = 0;
  for (int t = 0; t < CGC_TABLES; t++)
    bytes +=
        cgc_round_up(table_bytes((enum cgc_arena_table)t, npages), PART_ALIGN);
  return bytes;
}

static void lay_out(struct cgc_arena *arena, uintptr_t lo, size_t npages) {
  for (int t = 0; t < CGC_TABLES; t++) {
    size_t bytes = table_bytes((enum cgc_arena_table)t, npages);
    arena->part[t] = (struct cgc_arena_part){lo, lo, lo + bytes};
    lo += cgc_round_up(bytes, PART_ALIGN);
  }
  arena->base = arena->part[CGC_TABLE_HEAP].lo;
  arena->spans = (struct cgc_span **)arena->part[CGC_TABLE_SPANS].lo;
  arena->desc = (uint32_t *)arena->part[CGC_TABLE_DESC].lo;
  arena->marks = (uint64_t *)(arena->part[CGC_TABLE_MARKS].lo + CGC_OS_PAGE);
  arena->greys = (uint32_t *)arena->part[CGC_TABLE_GREYS].lo;
  arena->queued = (uint8_t *)arena->part[CGC_TABLE_QUEUED].lo + CGC_OS_PAGE;
  arena->pages_limit = npages;
  atomic_store_explicit(&arena->pages_max, npages, memory_order_relaxed);
  atomic_store_explicit(&arena->heap_bytes, 0, memory_order_relaxed);
}

static bool reserve(struct cgc_arena *arena, size_t npages) {
  for (; npages >= CGC_ARENA_STEP; npages /= 2) {
    size_t bytes = layout_bytes(npages);
    void *lo = cgc_page_reserve(bytes, PART_ALIGN);
    if (lo) {
      cgc_page_name(lo, bytes, "libcgc");
      lay_out(arena, (uintptr_t)lo, npages);
      return true;
    }
  }
  return false;
}

static bool address_space_is_limited(void) {
  struct rlimit limit;
  return getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

static bool commit(const struct cgc_arena *arena, enum cgc_arena_table table,
                   uintptr_t lo, size_t bytes) {
  if (!arena->claimed)
    return cgc_page_commit((void *)lo, bytes);
  return table == CGC_TABLE_HEAP || cgc_page_claim((void *)lo, bytes) == 0;
}

/*
 * A claimed layout counts against RLIMIT_AS only for what is used.  The place
 * is tried by claiming one step's tables there.
 */
static bool claim(struct cgc_arena *arena, size_t npages) {
  arena->claimed = true;
  for (size_t i = 0; i < CLAIM_TRIES; i++) {
    lay_out(arena, (CLAIM_AT_GIB + i * CLAIM_STRIDE_GIB) * CGC_GIB, npages);
    if (cgc_arena_grow(arena, CGC_ARENA_STEP))
      return true;
    cgc_arena_destroy(arena);
  }
  return false;
}

bool cgc_arena_init(struct cgc_arena *arena, size_t bytes) {
  size_t npages = cgc_round_up(cgc_pages(bytes), CGC_ARENA_STEP);
  *arena = (struct cgc_arena){.claimed = false};
  if (!address_space_is_limited() && reserve(arena, npages))
    return true;
  return claim(arena, npages);
}

void cgc_arena_destroy(struct cgc_arena *arena) {
  if (arena->claimed) {
    for (int t = 0; t < CGC_TABLES; t++) {
      struct cgc_arena_part *p = &arena->part[t];
      if (p->committed > p->lo)
        cgc_page_unmap((void *)p->lo, p->committed - p->lo);
      p->committed = p->lo;
    }
  } else {
    cgc_page_unmap((void *)arena->part[0].lo, layout_bytes(arena->pages_limit));
  }
}

/* Each part's rest ends where the next one begins. */
void cgc_arena_unreserve(struct cgc_arena *arena) {
  uintptr_t end = arena->part[0].lo + layout_bytes(arena->pages_limit);
  if (arena->claimed)
    return;
  for (int t = CGC_TABLES; t-- > 0; end = arena->part[t].lo)
    cgc_page_unmap((void *)arena->part[t].committed,
                   end - arena->part[t].committed);
  arena->claimed = true;
}

/*
 * A huge page is touched as a whole, so a small heap would grow by them; a
 * large one is walked much faster with them.  Only what is committed from then
 * on is asked for: what stands is not copied.  Beside a cycle that shall hold
 * nobody up they are no good: clearing one takes a millisecond or two, and the
 * first write to one that is tracked splits it.
 */
static void advise(enum cgc_arena_table table, uintptr_t lo, uintptr_t hi,
                   size_t heap_bytes) {
  bool walked = table == CGC_TABLE_HEAP || table == CGC_TABLE_MARKS;
  bool large =
      heap_bytes >= HUGE_FROM && walked && cgc_options.mode == CGC_MODE_STW;
  if (cgc_options.hugepages == CGC_HUGEPAGES_NEVER)
    cgc_page_hugepages((void *)lo, hi - lo, false);
  else if (large || cgc_options.hugepages == CGC_HUGEPAGES_ALWAYS)
    cgc_page_hugepages((void *)lo, hi - lo, true);
}

/*
 * The end of what is committed of a table that reaches to WANT.  Mark bits of a
 * large heap come by huge pages, so that none stands half in one.
 */
static uintptr_t end_of(enum cgc_arena_table table,
                        const struct cgc_arena_part *part, uintptr_t want,
                        size_t heap_bytes) {
  if (table != CGC_TABLE_MARKS || heap_bytes < HUGE_FROM)
    return want;
  return cgc_min(cgc_round_up(want, PART_ALIGN), part->limit);
}

/* Commit PART up to BYTES from its start; what stands already is kept. */
static bool extend(struct cgc_arena *arena, enum cgc_arena_table table,
                   size_t npages) {
  size_t bytes = table_bytes(table, npages);
  struct cgc_arena_part *part = &arena->part[table];
  uintptr_t want =
      end_of(table, part, part->lo + bytes, npages << CGC_PAGE_SHIFT);
  if (want <= part->committed)
    return true;
  if (!commit(arena, table, part->committed, want - part->committed))
    return false;
  advise(table, part->committed, want, npages << CGC_PAGE_SHIFT);
  part->committed = want;
  return true;
}

bool cgc_arena_grow(struct cgc_arena *arena, size_t npages) {
  size_t total = cgc_arena_pages(arena) + npages;
  size_t max = atomic_load_explicit(&arena->pages_max, memory_order_relaxed);
  if (total > cgc_min(arena->pages_limit, max))
    return false;
  for (int t = 0; t < CGC_TABLES; t++)
    if (!extend(arena, (enum cgc_arena_table)t, total))
      return false;
  atomic_store_explicit(&arena->heap_bytes, total << CGC_PAGE_SHIFT,
                        memory_order_release);
  return true;
}

void cgc_arena_limit(struct cgc_arena *arena, size_t npages) {
  atomic_store_explicit(&arena->pages_max, npages, memory_order_relaxed);
}

void cgc_arena_discard_marks(struct cgc_arena *arena, size_t lo, size_t hi) {
  uintptr_t first = (uintptr_t)(arena->marks + lo * CGC_MARK_WORDS);
  uintptr_t end = (uintptr_t)(arena->marks + hi * CGC_MARK_WORDS);
  first = cgc_round_up(first, CGC_OS_PAGE);
  end = cgc_round_down(end, CGC_OS_PAGE);
  if (first < end)
    cgc_page_discard((void *)first, end - first);
}

/*
 * For who stops the process and reads it (span I5): only the compiler has to
 * keep the order.
 */
static void set_changing(struct cgc_span *span, bool changing) {
  atomic_signal_fence(memory_order_seq_cst);
  __atomic_store_n(&span->changing, changing, __ATOMIC_RELAXED);
  atomic_signal_fence(memory_order_seq_cst);
}

static void set_pages(struct cgc_arena *arena, struct cgc_span *span,
                      size_t from) {
  size_t first = cgc_arena_page_of(arena, span->base);
  bool large = span->class == CGC_CLASS_LARGE;
  uint32_t desc = span->class | (uint32_t)span->kind << CGC_DESC_KIND_SHIFT;
  for (size_t i = from; i < span->npages; i++) {
    uint32_t place = large ? 0 : (uint32_t)i << CGC_DESC_OFFSET_SHIFT;
    arena->spans[first + i] = span;
    /* Release: who sees desc finds the span and its mark lines. */
    __atomic_store_n(&arena->desc[first + i], desc | place, __ATOMIC_RELEASE);
  }
}

static void clear_pages(struct cgc_arena *arena, const struct cgc_span *span,
                        size_t from, size_t to) {
  size_t first = cgc_arena_page_of(arena, span->base);
  for (size_t i = from; i < to; i++) {
    arena->desc[first + i] = 0;
    atomic_signal_fence(memory_order_seq_cst); /* span I5: desc first */
    arena->spans[first + i] = NULL;
  }
}

void cgc_arena_set(struct cgc_arena *arena, struct cgc_span *span) {
  set_changing(span, true);
  set_pages(arena, span, 0);
  set_changing(span, false);
}

void cgc_arena_clear(struct cgc_arena *arena, struct cgc_span *span) {
  set_changing(span, true);
  clear_pages(arena, span, 0, span->npages);
}

void cgc_arena_resize(struct cgc_arena *arena, struct cgc_span *span,
                      size_t npages) {
  size_t before = span->npages;
  set_changing(span, true);
  span->npages = (uint32_t)npages;
  span->slot_size = npages << CGC_PAGE_SHIFT;
  set_pages(arena, span, before);
  clear_pages(arena, span, npages, before);
  set_changing(span, false);
}

size_t cgc_arena_table_bytes(const struct cgc_arena *arena) {
  size_t bytes = 0;
  for (int t = 0; t < CGC_TABLE_HEAP; t++)
    bytes += arena->part[t].committed - arena->part[t].lo;
  return bytes;
}

void cgc_arena_check_span(const struct cgc_arena *arena,
                          const struct cgc_span *span) {
  size_t first = cgc_arena_page_of(arena, span->base);
  cgc_check(first + span->npages <= cgc_arena_pages(arena));
  for (size_t i = 0; i < span->npages; i++) {
    uint32_t desc = arena->desc[first + i];
    cgc_check(arena->spans[first + i] == span);
    cgc_check(cgc_desc_class(desc) == span->class);
    cgc_check(cgc_desc_kind(desc) == span->kind);
    if (span->class != CGC_CLASS_LARGE)
      cgc_check(cgc_desc_offset(desc) == i);
  }
}
