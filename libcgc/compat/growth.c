/* SPDX-License-Identifier: MIT */
#include "compat/growth.h"

#include "base/option.h"
#include "cycle/cycle.h"
#include "front/init.h"
#include "world/mutator.h"

enum { SHARES = 150 /* of a hundredth */ };

static _Atomic size_t expanded_bytes; /* by the program's wish */
static _Atomic size_t min_words;

/*
 * Bdwgc allocates (2 scanned + 1/4 unscanned) / divisor between two cycles;
 * for who has a little of the one beside the other that is 3/2 of all.
 */
static uint64_t percent(void) {
  GC_word divisor = GC_free_space_divisor ? GC_free_space_divisor : 1;
  uint64_t p = (uint64_t)cgc_options.percent * SHARES / 100 / divisor;
  return GC_dont_expand ? p / 2 + 1 : p + 1;
}

static size_t room(void) {
  return expanded_bytes + min_words * sizeof(GC_word);
}

void cgc_growth_take_over(void) {
  static _Atomic uint64_t percent_now;
  static _Atomic size_t room_now;
  uint64_t p = percent();
  size_t r = room();
  if (atomic_exchange_explicit(&percent_now, p, memory_order_relaxed) != p)
    cgc_cycle_set_percent(p);
  if (atomic_exchange_explicit(&room_now, r, memory_order_relaxed) != r)
    cgc_cycle_set_room(r);
}

/* ---- the program's wishes ------------------------------------------------ */

/* A run longer than all that is free can only come from growth. */
static bool expand(size_t npages) {
  struct cgc_pageheap *ph = &cgc_heap.pageheap;
  bool zeroed;
  if (npages >= cgc_heap.arena.pages_limit)
    return false;
  npages += ph->free_pages;
  ptrdiff_t at = cgc_pageheap_alloc(ph, npages, 1, true, &zeroed);
  if (at >= 0)
    cgc_pageheap_free(ph, (size_t)at, npages, !zeroed);
  return at >= 0;
}

bool cgc_growth_expand(size_t bytes) {
  if (!expand(bytes / CGC_PAGE + 1))
    return false;
  expanded_bytes += bytes;
  cgc_growth_take_over();
  return true;
}

void cgc_growth_limit(size_t bytes) {
  cgc_arena_limit(&cgc_heap.arena, bytes ? bytes / CGC_PAGE : SIZE_MAX);
}

int GC_expand_hp(size_t bytes) {
  struct cgc_mutator *self = cgc_init_enter();
  if (!self)
    return 0;
  bool ok = cgc_growth_expand(bytes);
  cgc_mutator_leave(self);
  return ok;
}

void GC_set_max_heap_size(GC_word bytes) {
  if (cgc_init_thread())
    cgc_growth_limit(bytes);
}

void GC_set_free_space_divisor(GC_word value) {
  GC_free_space_divisor = value;
  if (cgc_self)
    cgc_growth_take_over();
}

GC_word GC_get_free_space_divisor(void) { return GC_free_space_divisor; }

void GC_set_dont_expand(int value) {
  GC_dont_expand = value;
  if (cgc_self)
    cgc_growth_take_over();
}

int GC_get_dont_expand(void) { return GC_dont_expand; }

void GC_set_min_bytes_allocd(size_t words) {
  min_words = words;
  if (cgc_self)
    cgc_growth_take_over();
}

size_t GC_get_min_bytes_allocd(void) { return min_words ? min_words : 1; }
