/* SPDX-License-Identifier: MIT */
#include "heap/heap.h"

#include "heap/sweep.h"
#include "os/page.h"

/* Whole OS pages: where the heap begins is the first object's address, too. */
struct cgc_heap cgc_heap CGC_ALIGNED(CGC_OS_PAGE);

enum {
  CENTRALS = CGC_KIND_LIMIT * CGC_CLASS_LIMIT,
  SWEEP_MIN = 64,     /* spans swept before fresh pages are taken ... */
  SWEEP_PER_PAGE = 16 /* ... or this many per page that is wanted */
};

bool cgc_heap_init(struct cgc_heap *heap, size_t reserve, size_t retain) {
  atomic_init(&heap->nkinds, CGC_KIND_DESCRIBED);
  return cgc_arena_init(&heap->arena, reserve) &&
         cgc_pageheap_init(&heap->pageheap, &heap->arena, retain);
}

void cgc_heap_destroy(struct cgc_heap *heap) {
  cgc_page_unmap(
      heap->pageheap.groups,
      cgc_round_up(heap->pageheap.ngroups_max * sizeof *heap->pageheap.groups,
                   CGC_OS_PAGE));
  cgc_arena_destroy(&heap->arena);
}

int cgc_heap_add_kind(struct cgc_heap *heap) {
  unsigned n = cgc_heap_kinds(heap);
  do {
    if (n == CGC_KIND_LIMIT)
      return -1;
  } while (!atomic_compare_exchange_weak_explicit(
      &heap->nkinds, &n, n + 1, memory_order_relaxed, memory_order_relaxed));
  return (int)n;
}

static struct cgc_central *central_number(struct cgc_heap *heap, size_t i) {
  return &heap->central[i / CGC_CLASS_LIMIT][i % CGC_CLASS_LIMIT];
}

static void use(struct cgc_heap *heap, size_t i) {
  cgc_central_init(central_number(heap, i));
  /* Release: who finds the bit finds the lists. */
  atomic_fetch_or_explicit(&heap->used[i / 64], 1ULL << i % 64,
                           memory_order_release);
}

static struct cgc_central *central_of(struct cgc_heap *heap, enum cgc_kind kind,
                                      unsigned class) {
  struct cgc_central *c = &heap->central[kind][class];
  if (cgc_unlikely(!cgc_central_is_ready(c)))
    use(heap, (size_t)kind * CGC_CLASS_LIMIT + class);
  return c;
}

/* The number of the first central in use from I on, or CENTRALS. */
static size_t next_used(const struct cgc_heap *heap, size_t i) {
  for (size_t w = i / 64; w < CGC_CENTRAL_WORDS; w++, i = w * 64) {
    /* Acquire: its lists, of use. */
    uint64_t bits =
        atomic_load_explicit(&heap->used[w], memory_order_acquire) >> i % 64;
    if (bits)
      return i + (size_t)__builtin_ctzl(bits);
  }
  return CENTRALS;
}

/*
 * Sweep up to *SPANS spans of any class until NPAGES pages are free; goes on
 * where the last call stopped.  When that was everywhere, nothing is unswept
 * until the next cycle.
 * spans    out: those that are left of them
 */
static size_t sweep_some(struct cgc_heap *heap, size_t npages, size_t *spans) {
  size_t freed = 0;
  size_t at = atomic_load_explicit(&heap->sweep.central, memory_order_relaxed);
  size_t begin = next_used(heap, at);
  for (int turn = 0; turn < 2; turn++, begin = next_used(heap, 0))
    for (size_t i = begin; i < (turn ? at : CENTRALS);
         i = next_used(heap, i + 1)) {
      freed += cgc_central_sweep(central_number(heap, i), &heap->pageheap,
                                 npages - freed, spans);
      if (*spans == 0 || freed >= npages) {
        atomic_store_explicit(&heap->sweep.central, (uint32_t)i,
                              memory_order_relaxed);
        return freed;
      }
    }
  atomic_store_explicit(&heap->sweep.done, true, memory_order_relaxed);
  return freed;
}

size_t cgc_heap_sweep_all(struct cgc_heap *heap) {
  size_t all = SIZE_MAX;
  return sweep_some(heap, SIZE_MAX, &all);
}

bool cgc_heap_sweep_spans(struct cgc_heap *heap, size_t n) {
  sweep_some(heap, SIZE_MAX, &n);
  return n == 0;
}

size_t cgc_heap_thin(struct cgc_heap *heap, size_t *spans) {
  size_t bytes = 0;
  for (size_t i = next_used(heap, 0); i<CENTRALS && * spans> 0;
       i = next_used(heap, i + 1))
    bytes += cgc_central_thin(central_number(heap, i), &heap->pageheap, spans);
  return bytes;
}

/* A wish for a run of pages, by what belongs to CENTRAL. */
struct wish {
  size_t npages;
  size_t align; /* pages */
  struct cgc_central *central;
};

static ptrdiff_t free_pages(struct cgc_heap *heap, const struct wish *wish,
                            bool may_grow, bool *zeroed) {
  return cgc_pageheap_alloc(&heap->pageheap, wish->npages, wish->align,
                            may_grow, zeroed);
}

/*
 * About to take fresh pages: sweep in proportion, while that frees pages; they
 * need not be a run.  Spans of the same central first: of large objects one
 * that is dead is likely to be long enough.
 */
static ptrdiff_t swept_pages(struct cgc_heap *heap, const struct wish *wish,
                             bool *zeroed) {
  size_t n = wish->npages, spans = cgc_max(SWEEP_MIN, n * SWEEP_PER_PAGE);
  ptrdiff_t page = -1;
  if (atomic_load_explicit(&heap->sweep.done, memory_order_relaxed))
    return -1;
  while (page < 0 &&
         cgc_central_sweep(wish->central, &heap->pageheap, n, &spans) >= n)
    page = free_pages(heap, wish, false, zeroed);
  while (page < 0 && sweep_some(heap, n, &spans) >= n)
    page = free_pages(heap, wish, false, zeroed);
  return page;
}

/* Pages that were used before, then swept ones, then fresh ones, then all that
 * a sweep gives. */
static ptrdiff_t new_pages(struct cgc_heap *heap, const struct wish *wish,
                           bool *zeroed) {
  ptrdiff_t page = free_pages(heap, wish, false, zeroed);
  if (page < 0)
    page = swept_pages(heap, wish, zeroed);
  if (page < 0)
    page = free_pages(heap, wish, true, zeroed);
  if (page < 0 && cgc_heap_sweep_all(heap) >= wish->npages)
    page = free_pages(heap, wish, false, zeroed);
  return page;
}

static struct cgc_span *new_span(struct cgc_heap *heap, size_t npages,
                                 size_t align, unsigned class,
                                 enum cgc_kind kind, bool *zeroed) {
  struct wish wish = {npages, align, central_of(heap, kind, class)};
  ptrdiff_t page = new_pages(heap, &wish, zeroed);
  if (page < 0)
    return NULL;
  uintptr_t base = cgc_arena_page_address(&heap->arena, (size_t)page);
  struct cgc_span *span = cgc_span_new(base, npages, class, kind);
  if (!span) {
    cgc_pageheap_free(&heap->pageheap, (size_t)page, npages, true);
    return NULL;
  }
  span->needs_zero = !*zeroed;
  if (heap->pageheap.held || heap->arena.sticky)
    cgc_sweep_whiten(&heap->arena, span);
  else
    cgc_sweep_prepare(&heap->arena, span);
  cgc_arena_set(&heap->arena, span);
  return span;
}

/* No new one is to be had only when all is swept: then the central knows. */
size_t cgc_heap_take_spans(struct cgc_heap *heap, enum cgc_kind kind,
                           unsigned class, struct cgc_span **spans, size_t n) {
  bool zeroed;
  struct cgc_central *c = central_of(heap, kind, class);
  size_t taken = cgc_central_take(c, &heap->pageheap, spans, n);
  if (taken)
    return taken;
  spans[0] =
      new_span(heap, cgc_size_classes[class].npages, 1, class, kind, &zeroed);
  return spans[0] ? 1 : cgc_central_take(c, &heap->pageheap, spans, n);
}

void cgc_heap_give_spans(struct cgc_heap *heap, enum cgc_kind kind,
                         unsigned class, struct cgc_span *const *spans,
                         size_t n) {
  cgc_central_give(central_of(heap, kind, class), &heap->pageheap, spans, n);
}

void cgc_heap_free_held(struct cgc_heap *heap, enum cgc_kind kind,
                        unsigned class, const struct cgc_held *held, size_t n) {
  cgc_central_free(central_of(heap, kind, class), &heap->pageheap, held, n);
}

struct cgc_span *cgc_heap_new_large(struct cgc_heap *heap, size_t bytes,
                                    size_t align, enum cgc_kind kind,
                                    bool *zeroed) {
  size_t npages = cgc_pages(bytes);
  size_t align_pages = cgc_max(1, align >> CGC_PAGE_SHIFT);
  struct cgc_span *span =
      new_span(heap, npages, align_pages, CGC_CLASS_LARGE, kind, zeroed);
  if (!span)
    return NULL;
  span->slots[0] = CGC_SLOT_LIVE;
  cgc_central_enter(central_of(heap, kind, CGC_CLASS_LARGE), span);
  cgc_heap_count(heap, (int64_t)span->slot_size);
  return span;
}

/* ---- Held: spans stay while a marker may look at them ------------------ */

static void keep(struct cgc_heap *heap, struct cgc_span *span) {
  cgc_page_discard((void *)span->base, span->slot_size);
  cgc_lock(&heap->pageheap.lock);
  cgc_list_push_back(&heap->kept, &span->link);
  cgc_unlock(&heap->pageheap.lock);
}

static struct cgc_span *next_kept(struct cgc_heap *heap) {
  cgc_lock(&heap->pageheap.lock);
  struct cgc_link *link = cgc_list_pop_front(&heap->kept);
  cgc_unlock(&heap->pageheap.lock);
  return link ? cgc_list_entry(link, struct cgc_span, link) : NULL;
}

void cgc_heap_hold(struct cgc_heap *heap) {
  cgc_check(!heap->pageheap.held);
  cgc_list_init(&heap->kept);
  heap->pageheap.held = true;
}

void cgc_heap_release(struct cgc_heap *heap) {
  struct cgc_span *span;
  if (!heap->pageheap.held)
    return;
  heap->pageheap.held = false;
  while ((span = next_kept(heap)))
    cgc_central_delete_span(&heap->pageheap, span);
}

/* ---- Large objects ---------------------------------------------------- */

void cgc_heap_free_large(struct cgc_heap *heap, struct cgc_span *span) {
  if (!cgc_central_leave(central_of(heap, span->kind, CGC_CLASS_LARGE), span))
    return;
  cgc_heap_count(heap, -(int64_t)span->slot_size);
  if (cgc_unlikely(heap->pageheap.held))
    keep(heap, span);
  else
    cgc_central_delete_span(&heap->pageheap, span);
}

static bool grow_large(struct cgc_heap *heap, struct cgc_span *span,
                       size_t npages) {
  bool zeroed;
  size_t end = cgc_arena_page_of(&heap->arena, span->base) + span->npages;
  if (!cgc_pageheap_take(&heap->pageheap, end, npages - span->npages, &zeroed))
    return false;
  cgc_arena_resize(&heap->arena, span, npages);
  return true;
}

static void shrink_large(struct cgc_heap *heap, struct cgc_span *span,
                         size_t npages) {
  size_t first = cgc_arena_page_of(&heap->arena, span->base);
  size_t excess = span->npages - npages;
  cgc_arena_resize(&heap->arena, span, npages);
  cgc_pageheap_free(&heap->pageheap, first + npages, excess, true);
}

bool cgc_heap_resize_large(struct cgc_heap *heap, struct cgc_span *span,
                           size_t bytes) {
  size_t npages = cgc_pages(bytes);
  int64_t delta = (int64_t)((npages << CGC_PAGE_SHIFT) - span->slot_size);
  if (cgc_unlikely(heap->pageheap.held))
    return npages <= span->npages;
  if (npages > span->npages && !grow_large(heap, span, npages))
    return false;
  if (npages < span->npages)
    shrink_large(heap, span, npages);
  cgc_heap_count(heap, delta);
  return true;
}

/* The span that has PAGE, or NULL. */
static struct cgc_span *span_at(const struct cgc_arena *arena, size_t page) {
  /* Acquire: pairs with the release in cgc_arena_set. */
  return __atomic_load_n(&arena->desc[page], __ATOMIC_ACQUIRE)
             ? arena->spans[page]
             : NULL;
}

void cgc_heap_each_span_in(const struct cgc_heap *heap, size_t first,
                           size_t end, cgc_span_fn fn, void *ctx) {
  const struct cgc_arena *arena = &heap->arena;
  for (size_t page = first; page < end;) {
    struct cgc_span *span = span_at(arena, page);
    size_t begin = span ? cgc_arena_page_of(arena, span->base) : page;
    page = span ? begin + span->npages : page + 1;
    if (span && begin >= first)
      fn(span, ctx);
  }
}

void cgc_heap_each_span(const struct cgc_heap *heap, cgc_span_fn fn,
                        void *ctx) {
  cgc_heap_each_span_in(heap, 0, cgc_arena_pages(&heap->arena), fn, ctx);
}

static void prepare(struct cgc_span *span, void *ctx) {
  const struct cgc_heap *heap = ctx;
  cgc_sweep_prepare(&heap->arena, span);
}

void cgc_heap_prepare_marks(struct cgc_heap *heap) {
  cgc_heap_each_span(heap, prepare, heap);
}

static void whiten(struct cgc_span *span, void *ctx) {
  const struct cgc_heap *heap = ctx;
  cgc_sweep_whiten(&heap->arena, span);
}

void cgc_heap_whiten_some(struct cgc_heap *heap, size_t first, size_t end) {
  cgc_heap_each_span_in(heap, first, end, whiten, heap);
}

void cgc_heap_flip(struct cgc_heap *heap, size_t live_bytes) {
  for (size_t i = next_used(heap, 0); i < CENTRALS; i = next_used(heap, i + 1))
    cgc_central_flip(central_number(heap, i));
  atomic_store_explicit(&heap->sweep.central, 0, memory_order_relaxed);
  atomic_store_explicit(&heap->sweep.done, false, memory_order_relaxed);
  atomic_store_explicit(&heap->in_use_bytes, (int64_t)live_bytes,
                        memory_order_relaxed);
}
