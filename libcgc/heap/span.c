/* SPDX-License-Identifier: MIT */
#include "heap/span.h"

#include "heap/meta.h"

#include <emmintrin.h>

struct cgc_span *cgc_span_new(uintptr_t base, size_t npages, unsigned class,
                              enum cgc_kind kind) {
  bool large = class == CGC_CLASS_LARGE;
  uint32_t nslots = large ? 1 : cgc_size_classes[class].nslots;
  struct cgc_span *span = cgc_meta_alloc(cgc_span_struct_bytes(nslots));
  if (!span)
    return NULL;
  span->base = base;
  span->slot_size =
      large ? npages << CGC_PAGE_SHIFT : cgc_size_classes[class].size;
  span->npages = (uint32_t)npages;
  span->nslots = nslots;
  span->nfree = nslots;
  span->class = (uint8_t) class;
  span->kind = (uint8_t)kind;
  span->where = large ? CGC_SPAN_LARGE : CGC_SPAN_CACHED;
  return span;
}

void cgc_span_delete(struct cgc_span *span) {
  cgc_meta_free(span, cgc_span_struct_bytes(span->nslots));
}

/* The bits of WORD that stand for slots of the span. */
static uint64_t existing(const struct cgc_span *span, uint32_t word) {
  uint32_t left = span->nslots - 64 * word;
  return left >= 64 ? ~0ULL : (1ULL << left) - 1;
}

/*
 * One load for each 16 states: their owners change them meanwhile, and two
 * loads would see a slot neither HELD nor LIVE that went from one to the other.
 */
static __m128i load(const uint8_t *bytes, int i) {
  return *(const volatile __m128i *)(const void *)(bytes + 16 * i);
}

static uint64_t highest_bits(__m128i v, int i) {
  return (uint64_t)(uint32_t)_mm_movemask_epi8(v) << (16 * i);
}

uint64_t cgc_span_live(const struct cgc_span *span, uint32_t word) {
  uint64_t bits = 0;
  for (int i = 0; i < 4; i++)
    bits |=
        highest_bits(_mm_slli_epi16(load(span->slots + 64 * word, i), 7), i);
  return bits;
}

uint64_t cgc_span_free(const struct cgc_span *span, uint32_t word) {
  const __m128i free = _mm_set1_epi8(CGC_SLOT_FREE);
  uint64_t bits = 0;
  for (int i = 0; i < 4; i++)
    bits |=
        highest_bits(_mm_cmpeq_epi8(load(span->slots + 64 * word, i), free), i);
  return bits & existing(span, word);
}

uint32_t cgc_span_count_free(const struct cgc_span *span) {
  uint32_t n = 0;
  for (uint32_t w = 0; w < cgc_span_words(span); w++)
    n += cgc_popcount(cgc_span_free(span, w));
  return n;
}

static bool state_is_known(uint8_t state) {
  return state == CGC_SLOT_FREE || state == CGC_SLOT_LIVE ||
         state == CGC_SLOT_HELD || state == (CGC_SLOT_LIVE | CGC_SLOT_SPECIAL);
}

void cgc_span_check(const struct cgc_span *span) {
  cgc_check(span->base % CGC_PAGE == 0);
  cgc_check(span->kind < CGC_KIND_LIMIT);
  if (span->class == CGC_CLASS_LARGE) {
    cgc_check(span->nslots == 1);
    cgc_check(span->slot_size == (size_t)span->npages << CGC_PAGE_SHIFT);
  } else {
    cgc_check(span->class >= 1 && span->class <= CGC_CLASSES);
    cgc_check(span->slot_size == cgc_size_classes[span->class].size);
    cgc_check(span->nslots == cgc_size_classes[span->class].nslots);
    cgc_check(span->npages == cgc_size_classes[span->class].npages);
  }
  for (uint32_t i = 0; i < span->nslots; i++)
    cgc_check(state_is_known(span->slots[i]));
}
