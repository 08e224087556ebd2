/* SPDX-License-Identifier: MIT */
#include "heap/sweep.h"

#include "base/option.h"

#include <string.h>

/* Bits of the word that no slot has. */
static uint64_t beyond(const struct cgc_span *span, uint32_t word) {
  uint32_t n = span->nslots - 64 * word;
  return n < 64 ? ~0ULL << n : 0;
}

static void set_marks(const struct cgc_arena *arena,
                      const struct cgc_span *span, bool white) {
  uint64_t *marks = cgc_arena_mark_words(arena, span);
  uint64_t *scanned = cgc_arena_scanned_words(arena, span);
  bool pinned = cgc_kind_is_pinned(span->kind);
  uint32_t words = cgc_span_words(span);
  for (uint32_t w = 0; w < words; w++)
    marks[w] = scanned[w] = pinned  ? ~0ULL
                            : white ? beyond(span, w)
                                    : ~cgc_span_live(span, w);
  /* Where the slots fill their words, an address in the tail has the next. */
  if (words < span->npages * CGC_LINE_WORDS)
    marks[words] = ~0ULL;
}

void cgc_sweep_prepare(const struct cgc_arena *arena,
                       const struct cgc_span *span) {
  set_marks(arena, span, false);
}

void cgc_sweep_whiten(const struct cgc_arena *arena,
                      const struct cgc_span *span) {
  set_marks(arena, span, true);
}

static void poison(const struct cgc_span *span, uint32_t index) {
  memset((void *)cgc_span_slot_address(span, index), CGC_POISON,
         span->slot_size);
}

static void poison_dead(const struct cgc_span *span, uint32_t word,
                        uint64_t dead) {
  for (; dead; dead &= dead - 1)
    poison(span, 64 * word + (uint32_t)__builtin_ctzl(dead));
}

/* Nobody owns a dead slot; its neighbours' owners may be changing them. */
static void free_some(uint8_t *slots, uint8_t dead) {
  for (; dead; dead &= (uint8_t)(dead - 1))
    slots[__builtin_ctz(dead)] = CGC_SLOT_FREE;
}

/* FREE says which of the word's slots were free before. */
static void free_dead(struct cgc_span *span, uint32_t word, uint64_t dead,
                      uint64_t free) {
  uint8_t *slots = span->slots + 64 * word;
  if (cgc_unlikely(cgc_options.stress != 0))
    poison_dead(span, word, dead);
  if ((dead | free) == ~0ULL) {
    memset(slots, CGC_SLOT_FREE, 64);
    return;
  }
  for (; dead; dead >>= 8, slots += 8) {
    if ((uint8_t)dead == 0xff)
      *(uint64_t *)(void *)slots = 0; /* eight times FREE */
    else
      free_some(slots, (uint8_t)dead);
  }
}

/* Of the word's slots the LIVE ones stay marked, and all these are scanned. */
static void keep_marks(const struct cgc_arena *arena,
                       const struct cgc_span *span, uint32_t word,
                       uint64_t live) {
  uint64_t *marks = cgc_arena_mark_words(arena, span);
  marks[word] = (marks[word] & live) | beyond(span, word);
  cgc_arena_scanned_words(arena, span)[word] = marks[word];
}

/* A slot becomes FREE here and by central's lock alone, so one look will do. */
uint32_t cgc_sweep_span(const struct cgc_arena *arena, struct cgc_span *span) {
  const uint64_t *marks = cgc_arena_mark_words(arena, span);
  bool pinned = cgc_kind_is_pinned(span->kind);
  uint32_t freed = 0;
  uint32_t nfree = 0;
  for (uint32_t w = 0; w < cgc_span_words(span); w++) {
    uint64_t free = cgc_span_free(span, w);
    uint64_t live = cgc_span_live(span, w);
    uint64_t dead = pinned ? 0 : live & ~marks[w];
    free_dead(span, w, dead, free);
    if (arena->sticky && !pinned)
      keep_marks(arena, span, w, live);
    freed += cgc_popcount(dead);
    nfree += cgc_popcount(free | dead);
  }
  if (freed)
    span->needs_zero = true;
  span->nfree = nfree;
  return freed;
}
