/* SPDX-License-Identifier: MIT */
#include "cycle/barrier.h"

#include "os/page.h"
#include "os/thread.h"

#include <errno.h>

enum {
  BLOCK_PAGES = 256,
  BLOCK_BYTES = BLOCK_PAGES << CGC_PAGE_SHIFT,
  NEARLY_ALL = BLOCK_BYTES / CGC_OS_PAGE / 4 * 3,
  REST = 4,        /* cycles */
  MANY = 256,      /* pages, for an average */
  USUAL_NS = 3000, /* of a visit to a page, before there is one */
  /* Asked for at once: a lost registration makes no more than this dirty, and
   * the program's own calls that change mappings wait no longer. */
  STRETCH_BLOCKS = 8
};

/* ---- Blocks ------------------------------------------------------------ */

static size_t nblocks(const struct cgc_barrier *b) {
  return b->heap->arena.pages_limit / BLOCK_PAGES + 1;
}

static size_t block_of(const struct cgc_barrier *b, uintptr_t addr) {
  return cgc_arena_page_of(&b->heap->arena, addr) / BLOCK_PAGES;
}

static uintptr_t address_of(const struct cgc_barrier *b, size_t block) {
  return cgc_arena_page_address(&b->heap->arena, block * BLOCK_PAGES);
}

/* Pages of spans that somebody scans; the program may be making more. */
static bool is_scanned(const struct cgc_barrier *b, size_t block) {
  const struct cgc_arena *arena = &b->heap->arena;
  size_t page = block * BLOCK_PAGES;
  size_t end = cgc_min(page + BLOCK_PAGES, cgc_arena_pages(arena));
  for (; page < end; page++) {
    uint32_t desc = __atomic_load_n(&arena->desc[page], __ATOMIC_RELAXED);
    if (desc && !cgc_kind_is_noscan(cgc_desc_kind(desc)))
      return true;
  }
  return false;
}

/* Nothing is known yet of how much will be written. */
static bool is_worth_arming(const struct cgc_barrier *b, size_t i) {
  struct cgc_barrier_block *block = &b->blocks[i];
  *block = (struct cgc_barrier_block){.rest = block->rest};
  if (!is_scanned(b, i))
    return false;
  block->armed = block->rest == 0;
  block->rest -= !block->armed;
  return block->armed;
}

/* Marks are set by who visits pages, and nobody else beside the program. */
static bool has_marks(const struct cgc_barrier *b, size_t block) {
  const struct cgc_arena *arena = &b->heap->arena;
  size_t first = block * BLOCK_PAGES;
  size_t end = cgc_min(first + BLOCK_PAGES, cgc_arena_pages(arena));
  const uint64_t *word = arena->marks + first * CGC_MARK_WORDS;
  for (; word < arena->marks + end * CGC_MARK_WORDS; word += CGC_LINE_WORDS) {
    uint64_t any = 0;
    for (int i = 0; i < CGC_LINE_WORDS; i++)
      any |= __atomic_load_n(&word[i], __ATOMIC_RELAXED);
    if (any)
      return true;
  }
  return false;
}

/* A span has its mark bits where it begins. */
static bool begins_with_span(const struct cgc_barrier *b, size_t block) {
  const struct cgc_arena *arena = &b->heap->arena;
  size_t page = block * BLOCK_PAGES;
  /* Acquire: pairs with heap/arena's release of a new span. */
  uint32_t desc = __atomic_load_n(&arena->desc[page], __ATOMIC_ACQUIRE);
  return !desc || arena->spans[page]->base == address_of(b, block);
}

static bool is_unmarked(const struct cgc_barrier *b, size_t block) {
  return begins_with_span(b, block) && !has_marks(b, block);
}

static bool is_new(const struct cgc_barrier *b, size_t i) {
  const struct cgc_barrier_block *block = &b->blocks[i];
  return !block->armed && !block->visited && is_scanned(b, i) &&
         is_unmarked(b, i);
}

/* [LO, HI) are written pages of one block. */
static void judge(struct cgc_barrier *b, uintptr_t lo, uintptr_t hi) {
  struct cgc_barrier_block *block = &b->blocks[block_of(b, lo)];
  block->nwritten += (hi - lo) / CGC_OS_PAGE;
  if (block->armed && block->nwritten >= NEARLY_ALL)
    block->rest = REST;
}

typedef bool (*block_fn)(const struct cgc_barrier *b, size_t block);

/*
 * The next blocks in [*LO, HI) that FN wants, no more than a stretch.
 * returns  false: there are none
 */
static bool next_stretch(const struct cgc_barrier *b, uintptr_t *lo,
                         uintptr_t *hi, block_fn fn) {
  uintptr_t end = *hi;
  size_t i = block_of(b, *lo), n = 0;
  if (*lo >= end)
    return false;
  while (address_of(b, i) < end && !fn(b, i))
    i++;
  *lo = cgc_max(*lo, address_of(b, i));
  while (n < STRETCH_BLOCKS && address_of(b, i + n) < end &&
         (n == 0 || fn(b, i + n)))
    n++;
  *hi = cgc_min(end, address_of(b, i + n));
  return n > 0;
}

/* ---- Open and closed --------------------------------------------------- */

static int track(struct cgc_barrier *b) {
  const struct cgc_arena *arena = &b->heap->arena;
  size_t bytes = arena->claimed ? cgc_arena_bytes(arena)
                                : arena->pages_limit << CGC_PAGE_SHIFT;
  return cgc_dirty_track(&b->dirty, arena->base, arena->base + bytes);
}

int cgc_barrier_open(struct cgc_barrier *b, struct cgc_heap *heap) {
  b->heap = heap;
  b->page_ns = cgc_barrier_page_ns(b);
  b->npages = b->nround = b->visit_ns = 0;
  if (b->dirty.provider != CGC_DIRTY_NONE)
    return 0;
  b->blocks = cgc_page_map(nblocks(b) * sizeof *b->blocks);
  int err = b->blocks ? cgc_dirty_open(&b->dirty) : -ENOMEM;
  if (!err)
    err = track(b);
  if (err)
    cgc_barrier_close(b);
  return err;
}

uint64_t cgc_barrier_page_ns(const struct cgc_barrier *b) {
  if (b->npages >= MANY)
    return b->visit_ns / b->npages;
  return b->page_ns ? b->page_ns : USUAL_NS;
}

void cgc_barrier_close(struct cgc_barrier *b) {
  cgc_dirty_close(&b->dirty);
  if (b->blocks)
    cgc_page_unmap(b->blocks, nblocks(b) * sizeof *b->blocks);
  b->blocks = NULL;
}

static uintptr_t page_address(const struct cgc_barrier *b, size_t page) {
  return cgc_arena_page_address(&b->heap->arena, page);
}

/* A stretch may be asked about twice, an armed block not. */
void cgc_barrier_arm(struct cgc_barrier *b, size_t first, size_t end) {
  uintptr_t lo = page_address(b, first), hi = page_address(b, end);
  for (size_t i = block_of(b, lo); lo < hi; lo = address_of(b, ++i))
    if (is_worth_arming(b, i))
      cgc_dirty_take(&b->dirty, lo, cgc_min(hi, address_of(b, i + 1)), 0, NULL,
                     NULL);
}

void cgc_barrier_disarm(struct cgc_barrier *b, size_t first, size_t end) {
  uintptr_t lo = page_address(b, first), hi;
  for (; hi = page_address(b, end), next_stretch(b, &lo, &hi, is_scanned);
       lo = hi)
    cgc_dirty_forget(&b->dirty, lo, hi);
}

/* ---- Visits ------------------------------------------------------------ */

/* What a visit to written pages needs. */
struct visit {
  struct cgc_barrier *barrier;
  struct cgc_marker *marker;
  size_t npages;
};

static void visit_pages(uintptr_t lo, uintptr_t hi, void *ctx) {
  struct visit *v = ctx;
  struct cgc_barrier *b = v->barrier;
  v->npages += (hi - lo) / CGC_OS_PAGE;
  for (uintptr_t at = lo, end; b->judges && at < hi; at = end) {
    end = cgc_min(hi, address_of(b, block_of(b, at) + 1));
    judge(b, at, end);
  }
  cgc_rescan(v->marker, lo, hi);
}

void cgc_barrier_rewind(struct cgc_barrier *b, bool first) {
  const struct cgc_arena *arena = &b->heap->arena;
  b->at = arena->base;
  b->end = page_address(b, cgc_arena_pages(arena));
  b->nround = 0;
  b->judges = first;
}

static void count(struct cgc_barrier *b, const struct visit *v,
                  uint64_t began_ns) {
  b->nround += v->npages;
  b->npages += v->npages;
  b->visit_ns += cgc_thread_now_ns() - began_ns;
}

static void count_pages(uintptr_t lo, uintptr_t hi, void *ctx) {
  *(uint64_t *)ctx += (hi - lo) / CGC_OS_PAGE;
}

/*
 * What is marked there later is scanned after this.  But the program may have
 * made a marked object longer while one looked.
 */
static void arm_new(struct cgc_barrier *b, size_t block,
                    struct cgc_marker *marker) {
  uintptr_t lo = address_of(b, block), hi = cgc_min(b->end, lo + BLOCK_BYTES);
  if (is_new(b, block)) {
    cgc_dirty_take(&b->dirty, lo, hi, 0, NULL, NULL);
    if (!is_unmarked(b, block))
      cgc_rescan(marker, lo, hi);
  }
  b->blocks[block].visited = true;
}

bool cgc_barrier_count(struct cgc_barrier *b, struct cgc_marker *marker) {
  uintptr_t hi = b->end;
  if (!next_stretch(b, &b->at, &hi, is_scanned)) {
    b->at = b->end;
    return true;
  }
  for (size_t i = block_of(b, b->at); address_of(b, i) < hi; i++)
    arm_new(b, i, marker);
  b->at = cgc_dirty_look(&b->dirty, b->at, hi, 0, count_pages, &b->nround);
  return b->at >= b->end;
}

bool cgc_barrier_clean(struct cgc_barrier *b, struct cgc_marker *marker,
                       size_t max) {
  uint64_t began_ns = cgc_thread_now_ns();
  struct visit v = {b, marker, 0};
  uintptr_t hi = b->end;
  b->at = next_stretch(b, &b->at, &hi, is_scanned)
              ? cgc_dirty_take(&b->dirty, b->at, hi, max, visit_pages, &v)
              : b->end;
  count(b, &v, began_ns);
  return b->at >= b->end;
}

bool cgc_barrier_finish(struct cgc_barrier *b, struct cgc_marker *marker,
                        size_t max) {
  uint64_t began_ns = cgc_thread_now_ns();
  struct visit v = {b, marker, 0};
  uintptr_t hi;
  cgc_barrier_rewind(b, false);
  for (; hi = b->end, next_stretch(b, &b->at, &hi, is_scanned);) {
    if (max && v.npages > max)
      break;
    b->at = cgc_dirty_look(&b->dirty, b->at, hi, max ? max + 1 - v.npages : 0,
                           visit_pages, &v);
  }
  count(b, &v, began_ns);
  return !max || v.npages <= max;
}
