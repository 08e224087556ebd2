/* SPDX-License-Identifier: MIT */
#include "heap/central.h"

#include "heap/sweep.h"
#include "os/page.h"

enum {
  EMPTY_PAGES_MAX = 8,
  SWEEP_MAX = 64 /* spans for one with a free slot; about 20 us */
};

static void make_lists(struct cgc_central *c) {
  cgc_list_init(&c->partial);
  cgc_list_init(&c->lean);
  cgc_list_init(&c->full);
  cgc_list_init(&c->empty);
  cgc_list_init(&c->unswept);
  atomic_store_explicit(&c->ready, true, memory_order_release);
}

/* Centrals are many and most are never used: each is made at its first use. */
void cgc_central_init(struct cgc_central *c) {
  c->lock.rank = CGC_RANK_CENTRAL;
  cgc_lock_register(&c->lock);
  cgc_lock(&c->lock);
  if (!cgc_central_is_ready(c))
    make_lists(c);
  cgc_unlock(&c->lock);
}

static struct cgc_span *span_of(struct cgc_link *link) {
  return cgc_list_entry(link, struct cgc_span, link);
}

static bool is_empty(const struct cgc_span *span) {
  return span->nfree == span->nslots;
}

/* It goes back to the page heap, but for some that will be wanted again. */
static bool may_go(const struct cgc_central *c, const struct cgc_pageheap *ph,
                   const struct cgc_span *span) {
  return is_empty(span) && !ph->held &&
         c->empty_pages + span->npages > EMPTY_PAGES_MAX;
}

/* The last cycle has not been swept out of SPAN yet. */
static bool is_unswept(const struct cgc_central *c,
                       const struct cgc_span *span) {
  return span->epoch != c->epoch;
}

/* File a swept span whose nfree is exact. */
static void file_locked(struct cgc_central *c, struct cgc_span *span) {
  cgc_assert_held(&c->lock);
  span->epoch = c->epoch;
  bool large = span->class == CGC_CLASS_LARGE;
  if (is_empty(span) && !large) {
    span->where = CGC_SPAN_EMPTY;
    cgc_list_push_front(&c->empty, &span->link);
    c->empty_pages += span->npages;
  } else if (span->nfree > 0 && !large) {
    span->where = CGC_SPAN_PARTIAL;
    cgc_list_push_front(&c->partial, &span->link);
  } else {
    span->where = large ? CGC_SPAN_LARGE : CGC_SPAN_FULL;
    cgc_list_push_back(&c->full, &span->link);
  }
}

void cgc_central_delete_span(struct cgc_pageheap *ph, struct cgc_span *span) {
  size_t page = cgc_arena_page_of(ph->arena, span->base);
  size_t npages = span->npages;
  cgc_arena_clear(ph->arena, span);
  cgc_span_delete(span);
  cgc_pageheap_free(ph, page, npages, true);
}

/*
 * The lines that sweeping and using the next spans will want: each is cold, and
 * several misses at a time cost as much as one.  Two spans ahead a struct,
 * one ahead what it leads to.
 */
static void prefetch_next(const struct cgc_central *c,
                          const struct cgc_arena *arena) {
  const struct cgc_link *link = c->unswept.next;
  if (link == &c->unswept)
    return;
  const struct cgc_span *span = cgc_list_entry(link, struct cgc_span, link);
  __builtin_prefetch(link->next);
  __builtin_prefetch(span->slots, 1);
  __builtin_prefetch(cgc_arena_mark_words(arena, span));
  __builtin_prefetch((void *)span->base, 1);
}

/* The next unswept span, swept and in no list; NULL if there is none. */
static struct cgc_span *sweep_next_locked(struct cgc_central *c,
                                          const struct cgc_arena *arena) {
  cgc_assert_held(&c->lock);
  struct cgc_link *link = cgc_list_pop_front(&c->unswept);
  if (!link)
    return NULL;
  struct cgc_span *span = span_of(link);
  prefetch_next(c, arena);
  cgc_sweep_span(arena, span);
  span->epoch = c->epoch;
  return span;
}

/* Not all of a heap whose spans are full, while somebody waits for a slot. */
static struct cgc_span *sweep_for_a_slot_locked(struct cgc_central *c,
                                                const struct cgc_arena *arena,
                                                int most) {
  for (int i = 0; i < most; i++) {
    struct cgc_span *span = sweep_next_locked(c, arena);
    if (!span || span->nfree > 0)
      return span;
    file_locked(c, span);
  }
  return NULL;
}

static struct cgc_span *next_empty_locked(struct cgc_central *c) {
  struct cgc_link *link = cgc_list_pop_front(&c->empty);
  if (!link)
    return NULL;
  c->empty_pages -= span_of(link)->npages;
  return span_of(link);
}

static struct cgc_span *next_swept_locked(struct cgc_central *c) {
  struct cgc_link *link = cgc_list_pop_front(&c->partial);
  struct cgc_span *span = link ? span_of(link) : next_empty_locked(c);
  if (!span && (link = cgc_list_pop_front(&c->lean)))
    span = span_of(link);
  return span;
}

static size_t take_locked(struct cgc_central *c, const struct cgc_arena *arena,
                          struct cgc_span **spans, size_t n) {
  struct cgc_span *span = next_swept_locked(c);
  size_t taken = 0;
  if (span)
    n = 1;
  else
    span = sweep_for_a_slot_locked(c, arena, SWEEP_MAX);
  while (span) {
    span->where = CGC_SPAN_CACHED;
    span->needs_zero = true;
    spans[taken++] = span;
    span = taken < n ? sweep_for_a_slot_locked(c, arena, 1) : NULL;
  }
  return taken;
}

size_t cgc_central_take(struct cgc_central *c, struct cgc_pageheap *ph,
                        struct cgc_span **spans, size_t n) {
  cgc_lock(&c->lock);
  n = take_locked(c, ph->arena, spans, n);
  cgc_unlock(&c->lock);
  return n;
}

/* The spans of LIST, which are in no other one. */
static void delete_spans(struct cgc_pageheap *ph, struct cgc_link *list) {
  struct cgc_link *link;
  while ((link = cgc_list_pop_front(list)))
    cgc_central_delete_span(ph, span_of(link));
}

void cgc_central_give(struct cgc_central *c, struct cgc_pageheap *ph,
                      struct cgc_span *const *spans, size_t n) {
  struct cgc_link gone;
  cgc_list_init(&gone);
  cgc_lock(&c->lock);
  for (size_t i = 0; i < n; i++) {
    /* Exact: who frees a slot of a CACHED span leaves the count to us. */
    spans[i]->nfree = cgc_span_count_free(spans[i]);
    if (may_go(c, ph, spans[i]))
      cgc_list_push_back(&gone, &spans[i]->link);
    else
      file_locked(c, spans[i]);
  }
  cgc_unlock(&c->lock);
  delete_spans(ph, &gone);
}

void cgc_central_enter(struct cgc_central *c, struct cgc_span *span) {
  cgc_lock(&c->lock);
  span->nfree = 0;
  file_locked(c, span);
  cgc_unlock(&c->lock);
}

bool cgc_central_leave(struct cgc_central *c, struct cgc_span *span) {
  cgc_lock(&c->lock);
  bool listed = cgc_link_in_list(&span->link);
  if (listed) {
    cgc_list_remove(&span->link);
    span->slots[0] = CGC_SLOT_FREE;
  }
  cgc_unlock(&c->lock);
  return listed;
}

/*
 * The slot is FREE from here on.  A CACHED span counts when it comes back, an
 * unswept one when it is swept.
 * returns  whether the span shall go; it is in no list then
 */
static bool free_slot_locked(struct cgc_central *c,
                             const struct cgc_pageheap *ph,
                             struct cgc_span *span, uint8_t *slot) {
  *slot = CGC_SLOT_FREE;
  if (is_unswept(c, span) || span->where == CGC_SPAN_CACHED)
    return false;
  span->nfree++;
  if (span->where == CGC_SPAN_PARTIAL && !is_empty(span))
    return false;
  cgc_list_remove(&span->link);
  if (may_go(c, ph, span))
    return true;
  file_locked(c, span);
  return false;
}

void cgc_central_free(struct cgc_central *c, struct cgc_pageheap *ph,
                      const struct cgc_held *held, size_t n) {
  struct cgc_link gone;
  cgc_list_init(&gone);
  cgc_lock(&c->lock);
  for (size_t i = 0; i < n; i++) {
    size_t page = cgc_arena_page_of(ph->arena, held[i].addr);
    struct cgc_span *span = ph->arena->spans[page];
    if (free_slot_locked(c, ph, span, held[i].slot))
      cgc_list_push_back(&gone, &span->link);
  }
  cgc_unlock(&c->lock);
  delete_spans(ph, &gone);
}

void cgc_central_flip(struct cgc_central *c) {
  cgc_lock(&c->lock);
  cgc_list_splice(&c->unswept, &c->partial);
  cgc_list_splice(&c->unswept, &c->lean);
  cgc_list_splice(&c->unswept, &c->full);
  cgc_list_splice(&c->unswept, &c->empty);
  c->empty_pages = 0;
  c->epoch++;
  cgc_unlock(&c->lock);
}

size_t cgc_central_sweep(struct cgc_central *c, struct cgc_pageheap *ph,
                         size_t npages, size_t *spans) {
  size_t freed = 0;
  while (*spans > 0 && freed < npages) {
    cgc_lock(&c->lock);
    struct cgc_span *span = ph->held ? NULL : next_empty_locked(c);
    if (!span)
      span = sweep_next_locked(c, ph->arena);
    bool goes = span && is_empty(span) && !ph->held;
    if (span && !goes)
      file_locked(c, span);
    cgc_unlock(&c->lock);
    if (!span)
      break;
    --*spans;
    if (goes) {
      freed += span->npages;
      cgc_central_delete_span(ph, span);
    }
  }
  return freed;
}

/* ---- Memory of spans that are partly used ------------------------------- */

/* The OS pages that have nothing but [lo, hi).  returns  their bytes */
static size_t discard(uintptr_t lo, uintptr_t hi) {
  lo = cgc_round_up(lo, CGC_OS_PAGE);
  hi = cgc_round_down(hi, CGC_OS_PAGE);
  if (lo >= hi)
    return 0;
  cgc_page_discard((void *)lo, hi - lo);
  return hi - lo;
}

/* Of a CACHED span that is the caller's, so nobody takes its free slots. */
static size_t discard_free(const struct cgc_span *span) {
  uintptr_t end = span->base + ((uintptr_t)span->npages << CGC_PAGE_SHIFT);
  uint32_t first = 0; /* slot behind the last one that is not free */
  size_t bytes = 0;
  for (uint32_t i = 0; i < span->nslots; i++)
    if (*(const volatile uint8_t *)&span->slots[i] != CGC_SLOT_FREE) {
      bytes += discard(cgc_span_slot_address(span, first),
                       cgc_span_slot_address(span, i));
      first = i + 1;
    }
  return bytes + discard(cgc_span_slot_address(span, first), end);
}

static struct cgc_span *take_partial(struct cgc_central *c) {
  cgc_lock(&c->lock);
  struct cgc_link *link = cgc_list_pop_front(&c->partial);
  if (link)
    span_of(link)->where = CGC_SPAN_CACHED;
  cgc_unlock(&c->lock);
  return link ? span_of(link) : NULL;
}

/* Unless slots were freed meanwhile, it is what it was. */
static void give_lean(struct cgc_central *c, struct cgc_pageheap *ph,
                      struct cgc_span *span) {
  cgc_lock(&c->lock);
  bool same = span->nfree == cgc_span_count_free(span);
  if (same) {
    span->where = CGC_SPAN_LEAN;
    cgc_list_push_front(&c->lean, &span->link);
  }
  cgc_unlock(&c->lock);
  if (!same)
    cgc_central_give(c, ph, &span, 1);
}

size_t cgc_central_thin(struct cgc_central *c, struct cgc_pageheap *ph,
                        size_t *spans) {
  struct cgc_span *span;
  size_t bytes = 0;
  for (; *spans > 0 && (span = take_partial(c)); --*spans) {
    bytes += discard_free(span);
    give_lean(c, ph, span);
  }
  return bytes;
}

/* ---- Checking ----------------------------------------------------------- */

static enum cgc_span_where where_of(const struct cgc_span *span) {
  if (span->class == CGC_CLASS_LARGE)
    return CGC_SPAN_LARGE;
  if (is_empty(span))
    return CGC_SPAN_EMPTY;
  if (span->where == CGC_SPAN_LEAN && span->nfree > 0)
    return CGC_SPAN_LEAN;
  return span->nfree > 0 ? CGC_SPAN_PARTIAL : CGC_SPAN_FULL;
}

static const struct cgc_link *list_of(const struct cgc_central *c,
                                      enum cgc_span_where where) {
  if (where == CGC_SPAN_EMPTY)
    return &c->empty;
  if (where == CGC_SPAN_LEAN)
    return &c->lean;
  return where == CGC_SPAN_PARTIAL ? &c->partial : &c->full;
}

static void check_swept(const struct cgc_central *c,
                        const struct cgc_span *span,
                        const struct cgc_link *list) {
  cgc_check(span->nfree == cgc_span_count_free(span));
  cgc_check(span->where == where_of(span));      /* I1 */
  cgc_check(list == list_of(c, where_of(span))); /* I2 */
}

static size_t check_list(const struct cgc_central *c,
                         const struct cgc_link *list,
                         const struct cgc_arena *arena) {
  size_t npages = 0;
  cgc_list_check(list);
  cgc_list_for_each(link, list) {
    struct cgc_span *span = span_of(link);
    cgc_span_check(span);
    cgc_arena_check_span(arena, span);
    cgc_check(is_unswept(c, span) == (list == &c->unswept)); /* I3 */
    if (list != &c->unswept)
      check_swept(c, span, list);
    npages += span->npages;
  }
  return npages;
}

void cgc_central_check(struct cgc_central *c, const struct cgc_arena *arena) {
  cgc_lock(&c->lock);
  check_list(c, &c->partial, arena);
  check_list(c, &c->lean, arena);
  check_list(c, &c->full, arena);
  check_list(c, &c->unswept, arena);
  cgc_check(check_list(c, &c->empty, arena) == c->empty_pages); /* I2 */
  cgc_unlock(&c->lock);
}
