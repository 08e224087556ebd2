/* SPDX-License-Identifier: MIT */
/*
 * mark/scan.h - the scan kernels: which words may be pointers?
 *
 * A kernel looks at up to 64 bytes at once and answers by a mask of places.
 * One compare with the range of the heap sorts out nearly everything that is
 * no pointer, so that memory is read as fast as it comes.
 *
 *   words      bit i: word i lies in the range
 *   places     bit i: the upper half of a word that lies in the range stands
 *              at byte 4 i, so the word may begin at 4 i - 4
 *   distances  bit i: word i is the distance from the block to some address
 *              of the range: a multiple of 16, not 0, and no address itself
 *
 * Where an object's neighbours are looked for, the same look tells which slots
 * of a window of 64 are named (mark/window.h), by a multiplication in each lane
 * and no branch for each word.
 *
 * They are inline, since an object is a few words and a call would cost more
 * than the look; AVX-512, AVX2 or plain C is chosen with the marker's loop
 * around them.  All kernels give the same answer.
 *
 * Who comes in: the marker.
 */
#ifndef CGC_MARK_SCAN_H
#define CGC_MARK_SCAN_H

#include "heap/sizeclass.h"

#include <immintrin.h>

enum {
  CGC_SCAN_WORDS = 8, /* at once, at most */
  CGC_SCAN_BYTES = 64
};

#define CGC_SCAN_TARGET_AVX2 __attribute__((target("avx2,bmi,bmi2,lzcnt")))
#define CGC_SCAN_TARGET_AVX512                                                 \
  __attribute__((target("avx512f,avx2,bmi,bmi2,lzcnt")))

/* What to look for: the range [base, base + bytes); const for a cycle. */
struct cgc_scan_range {
  uintptr_t base;
  size_t bytes;
  uint32_t upper_low;  /* upper half of the first address */
  uint32_t upper_span; /* of the last one, less that */
  /* Eight of each, as the vector kernels take them from memory. */
  uintptr_t bases[8] CGC_ALIGNED(64);
  size_t sizes[8] CGC_ALIGNED(64);
  uintptr_t signed_bases[4] CGC_ALIGNED(32); /* moved by 2^63, see below */
  size_t signed_sizes[4] CGC_ALIGNED(32);
};

void cgc_scan_range_set(struct cgc_scan_range *range, uintptr_t base,
                        size_t bytes);

typedef uintptr_t cgc_unaligned_word __attribute__((aligned(1), may_alias));

/* The word whose upper half stands at place I of what begins at P. */
CGC_SCANS_MEMORY
CGC_INLINE uintptr_t cgc_scan_word_at(const char *p, unsigned i) {
  return *(const volatile cgc_unaligned_word *)(p + 4 * i - 4);
}

/* Each looks at N words at P, N <= CGC_SCAN_WORDS. */
typedef unsigned (*cgc_scan_fn)(const uintptr_t *p, size_t n,
                                const struct cgc_scan_range *r);
/* BLOCK is the start of the object that P is part of. */
typedef unsigned (*cgc_scan_distances_fn)(const uintptr_t *p, size_t n,
                                          const struct cgc_scan_range *r,
                                          uintptr_t block);

/* Slots of one size from BASE on, up to 64 of them; all lie in the range. */
struct cgc_scan_window {
  uintptr_t base;
  size_t bytes;
  uint32_t magic; /* offset * magic >> 32: its slot */
};

/* What the words say that name a slot of a window. */
struct cgc_scan_near {
  uint64_t slots;
  unsigned words; /* places of these words */
};

/* Whether one of N words lies in the page of ADDR. */
typedef bool (*cgc_scan_beside_fn)(const uintptr_t *p, size_t n,
                                   uintptr_t addr);

typedef struct cgc_scan_near (*cgc_scan_near_fn)(
    const uintptr_t *p, size_t n, const struct cgc_scan_window *w);

/* The places of the upper halves of WORDS. */
CGC_INLINE unsigned cgc_scan_places_of(unsigned words) {
  words = (words | words << 4) & 0x0f0f;
  words = (words | words << 2) & 0x3333;
  words = (words | words << 1) & 0x5555;
  return words << 1;
}

/* ---- Plain C ---------------------------------------------------------- */

CGC_SCANS_MEMORY
CGC_INLINE unsigned cgc_scan_words_plain(const uintptr_t *p, size_t n,
                                         const struct cgc_scan_range *r) {
  unsigned mask = 0;
  for (unsigned i = 0; i < n; i++)
    mask |= (unsigned)(p[i] - r->base < r->bytes) << i;
  return mask;
}

CGC_SCANS_MEMORY
CGC_INLINE unsigned cgc_scan_places_plain(const uintptr_t *p, size_t n,
                                          const struct cgc_scan_range *r) {
  unsigned mask = 0;
  for (unsigned i = 0; i < n; i++) {
    uint32_t lower = (uint32_t)p[i];
    uint32_t upper = (uint32_t)(p[i] >> 32);
    mask |= (unsigned)(lower - r->upper_low <= r->upper_span) << 2 * i;
    mask |= (unsigned)(upper - r->upper_low <= r->upper_span) << (2 * i + 1);
  }
  return mask;
}

CGC_SCANS_MEMORY
CGC_INLINE unsigned cgc_scan_distances_plain(const uintptr_t *p, size_t n,
                                             const struct cgc_scan_range *r,
                                             uintptr_t block) {
  unsigned mask = 0;
  for (unsigned i = 0; i < n; i++)
    mask |=
        (unsigned)(p[i] != 0 && p[i] % 16 == 0 && p[i] - r->base >= r->bytes &&
                   p[i] + block - r->base < r->bytes)
        << i;
  return mask;
}

CGC_SCANS_MEMORY
CGC_INLINE bool cgc_scan_beside_plain(const uintptr_t *p, size_t n,
                                      uintptr_t addr) {
  bool hit = false;
  for (size_t i = 0; i < n; i++)
    hit |= (p[i] ^ addr) < CGC_PAGE;
  return hit;
}

CGC_SCANS_MEMORY
CGC_INLINE struct cgc_scan_near
cgc_scan_near_plain(const uintptr_t *p, size_t n,
                    const struct cgc_scan_window *w) {
  struct cgc_scan_near near = {0, 0};
  for (unsigned i = 0; i < n; i++) {
    uintptr_t at = *(const volatile uintptr_t *)&p[i] - w->base;
    if (at >= w->bytes)
      continue;
    near.words |= 1u << i;
    near.slots |= 1ULL << (at * w->magic >> 32);
  }
  return near;
}

/* ---- AVX2 -------------------------------------------------------------
 *
 * The upper group of four words overlaps the lower one where there are fewer
 * than eight.  Slots have an even number of words.
 */

CGC_SCAN_TARGET_AVX2
CGC_INLINE __m256i cgc_scan_load_avx2(const uintptr_t *p) {
  return _mm256_loadu_si256((const __m256i *)p);
}

/* Unsigned compare by signed: both sides are moved by 2^63. */
CGC_SCAN_TARGET_AVX2
CGC_INLINE __m256i cgc_scan_in_range_avx2(__m256i v,
                                          const struct cgc_scan_range *r) {
  __m256i low = _mm256_load_si256((const __m256i *)r->signed_bases);
  __m256i limit = _mm256_load_si256((const __m256i *)r->signed_sizes);
  return _mm256_cmpgt_epi64(limit, _mm256_sub_epi64(v, low));
}

CGC_SCAN_TARGET_AVX2
CGC_INLINE unsigned cgc_scan_mask_avx2(__m256i v) {
  return (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(v));
}

CGC_SCANS_MEMORY CGC_SCAN_TARGET_AVX2 CGC_INLINE unsigned
cgc_scan_words_avx2(const uintptr_t *p, size_t n,
                    const struct cgc_scan_range *r) {
  if (n < 4)
    return cgc_scan_words_plain(p, n, r);
  __m256i a = cgc_scan_load_avx2(p), b = cgc_scan_load_avx2(p + n - 4);
  return cgc_scan_mask_avx2(cgc_scan_in_range_avx2(a, r)) |
         cgc_scan_mask_avx2(cgc_scan_in_range_avx2(b, r)) << (n - 4);
}

CGC_SCAN_TARGET_AVX2
CGC_INLINE unsigned cgc_scan_upper_avx2(__m256i v,
                                        const struct cgc_scan_range *r) {
  __m256i low = _mm256_set1_epi32((int)r->upper_low);
  __m256i span = _mm256_set1_epi32((int)r->upper_span);
  __m256i upper = _mm256_sub_epi32(v, low);
  __m256i hit = _mm256_cmpeq_epi32(_mm256_min_epu32(upper, span), upper);
  return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(hit));
}

CGC_SCANS_MEMORY CGC_SCAN_TARGET_AVX2 CGC_INLINE unsigned
cgc_scan_places_avx2(const uintptr_t *p, size_t n,
                     const struct cgc_scan_range *r) {
  if (n < 4)
    return cgc_scan_places_plain(p, n, r);
  return cgc_scan_upper_avx2(cgc_scan_load_avx2(p), r) |
         cgc_scan_upper_avx2(cgc_scan_load_avx2(p + n - 4), r) << 2 * (n - 4);
}

CGC_SCAN_TARGET_AVX2
CGC_INLINE unsigned cgc_scan_distant_avx2(__m256i v,
                                          const struct cgc_scan_range *r,
                                          uintptr_t block) {
  const __m256i zero = _mm256_setzero_si256();
  __m256i part = _mm256_and_si256(v, _mm256_set1_epi64x(15));
  __m256i hit = _mm256_cmpeq_epi64(part, zero);
  hit = _mm256_andnot_si256(_mm256_cmpeq_epi64(v, zero), hit);
  hit = _mm256_andnot_si256(cgc_scan_in_range_avx2(v, r), hit);
  v = _mm256_add_epi64(v, _mm256_set1_epi64x((long long)block));
  hit = _mm256_and_si256(hit, cgc_scan_in_range_avx2(v, r));
  return cgc_scan_mask_avx2(hit);
}

CGC_SCANS_MEMORY CGC_SCAN_TARGET_AVX2 CGC_INLINE unsigned
cgc_scan_distances_avx2(const uintptr_t *p, size_t n,
                        const struct cgc_scan_range *r, uintptr_t block) {
  if (n < 4)
    return cgc_scan_distances_plain(p, n, r, block);
  return cgc_scan_distant_avx2(cgc_scan_load_avx2(p), r, block) |
         cgc_scan_distant_avx2(cgc_scan_load_avx2(p + n - 4), r, block)
             << (n - 4);
}

CGC_SCANS_MEMORY CGC_SCAN_TARGET_AVX2 CGC_INLINE bool
cgc_scan_beside_avx2(const uintptr_t *p, size_t n, uintptr_t addr) {
  if (n < 4)
    return cgc_scan_beside_plain(p, n, addr);
  const __m256i page = _mm256_set1_epi64x((long long)(addr / CGC_PAGE));
  __m256i a = _mm256_srli_epi64(cgc_scan_load_avx2(p), CGC_PAGE_SHIFT);
  __m256i b = _mm256_srli_epi64(cgc_scan_load_avx2(p + n - 4), CGC_PAGE_SHIFT);
  a = _mm256_cmpeq_epi64(a, page);
  b = _mm256_cmpeq_epi64(b, page);
  return !_mm256_testz_si256(_mm256_or_si256(a, b), _mm256_set1_epi8(-1));
}

/* Unsigned compare by signed; the lower half of AT is not moved by it. */
CGC_SCAN_TARGET_AVX2
CGC_INLINE __m256i cgc_scan_slots_avx2(__m256i v,
                                       const struct cgc_scan_window *w,
                                       unsigned *words) {
  const uintptr_t top = (uintptr_t)1 << 63;
  __m256i low = _mm256_set1_epi64x((long long)(w->base + top));
  __m256i limit = _mm256_set1_epi64x((long long)(w->bytes + top));
  __m256i at = _mm256_sub_epi64(v, low);
  __m256i hit = _mm256_cmpgt_epi64(limit, at);
  __m256i slot = _mm256_mul_epu32(at, _mm256_set1_epi64x(w->magic));
  slot = _mm256_srli_epi64(slot, 32);
  slot = _mm256_sllv_epi64(_mm256_set1_epi64x(1), slot);
  *words = cgc_scan_mask_avx2(hit);
  return _mm256_and_si256(slot, hit);
}

CGC_SCANS_MEMORY CGC_SCAN_TARGET_AVX2 CGC_INLINE struct cgc_scan_near
cgc_scan_near_avx2(const uintptr_t *p, size_t n,
                   const struct cgc_scan_window *w) {
  unsigned low, high;
  if (n < 4)
    return cgc_scan_near_plain(p, n, w);
  __m256i a = cgc_scan_slots_avx2(cgc_scan_load_avx2(p), w, &low);
  __m256i b = cgc_scan_slots_avx2(cgc_scan_load_avx2(p + n - 4), w, &high);
  a = _mm256_or_si256(a, b);
  __m128i c =
      _mm_or_si128(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
  c = _mm_or_si128(c, _mm_unpackhi_epi64(c, c));
  return (struct cgc_scan_near){(uint64_t)_mm_cvtsi128_si64(c),
                                low | high << (n - 4)};
}

/* ---- AVX-512 ----------------------------------------------------------
 *
 * What is masked out is not read, and is no hit.
 */

CGC_SCAN_TARGET_AVX512
CGC_INLINE __mmask8 cgc_scan_first_avx512(size_t n) {
  return (__mmask8)_bzhi_u32(0xff, (unsigned)n);
}

CGC_SCAN_TARGET_AVX512
CGC_INLINE unsigned cgc_scan_in_range_avx512(__mmask8 which, __m512i v,
                                             const struct cgc_scan_range *r) {
  __m512i at = _mm512_sub_epi64(v, _mm512_load_si512(r->bases));
  return _mm512_mask_cmplt_epu64_mask(which, at, _mm512_load_si512(r->sizes));
}

CGC_SCANS_MEMORY CGC_SCAN_TARGET_AVX512 CGC_INLINE unsigned
cgc_scan_words_avx512(const uintptr_t *p, size_t n,
                      const struct cgc_scan_range *r) {
  __mmask8 which = cgc_scan_first_avx512(n);
  __m512i v = _mm512_maskz_loadu_epi64(which, p);
  return cgc_scan_in_range_avx512(which, v, r);
}

CGC_SCANS_MEMORY CGC_SCAN_TARGET_AVX512 CGC_INLINE unsigned
cgc_scan_places_avx512(const uintptr_t *p, size_t n,
                       const struct cgc_scan_range *r) {
  __mmask16 which = (__mmask16)_bzhi_u32(0xffff, 2 * (unsigned)n);
  __m512i v = _mm512_maskz_loadu_epi32(which, p);
  __m512i upper = _mm512_sub_epi32(v, _mm512_set1_epi32((int)r->upper_low));
  return _mm512_mask_cmple_epu32_mask(which, upper,
                                      _mm512_set1_epi32((int)r->upper_span));
}

CGC_SCANS_MEMORY CGC_SCAN_TARGET_AVX512 CGC_INLINE unsigned
cgc_scan_distances_avx512(const uintptr_t *p, size_t n,
                          const struct cgc_scan_range *r, uintptr_t block) {
  __mmask8 which = cgc_scan_first_avx512(n);
  __m512i v = _mm512_maskz_loadu_epi64(which, p);
  which = _mm512_mask_testn_epi64_mask(which, v, _mm512_set1_epi64(15));
  which = _mm512_mask_test_epi64_mask(which, v, v);
  which &= (__mmask8)~cgc_scan_in_range_avx512(which, v, r);
  v = _mm512_add_epi64(v, _mm512_set1_epi64((long long)block));
  return cgc_scan_in_range_avx512(which, v, r);
}

CGC_SCANS_MEMORY CGC_SCAN_TARGET_AVX512 CGC_INLINE struct cgc_scan_near
cgc_scan_near_avx512(const uintptr_t *p, size_t n,
                     const struct cgc_scan_window *w) {
  __mmask8 which = cgc_scan_first_avx512(n);
  __m512i v = _mm512_maskz_loadu_epi64(which, p);
  __m512i at = _mm512_sub_epi64(v, _mm512_set1_epi64((long long)w->base));
  __mmask8 words = _mm512_mask_cmplt_epu64_mask(
      which, at, _mm512_set1_epi64((long long)w->bytes));
  __m512i slot = _mm512_mul_epu32(at, _mm512_set1_epi64(w->magic));
  slot = _mm512_srli_epi64(slot, 32);
  slot = _mm512_maskz_sllv_epi64(words, _mm512_set1_epi64(1), slot);
  return (struct cgc_scan_near){(uint64_t)_mm512_reduce_or_epi64(slot), words};
}

/* ---- Choosing --------------------------------------------------------- */

enum cgc_scan_kernel { /* in the order of CGC_SCAN's words */
                       CGC_SCAN_AUTO,
                       CGC_SCAN_PLAIN,
                       CGC_SCAN_AVX2,
                       CGC_SCAN_AVX512,
                       CGC_SCAN_KERNELS
};

/** Whether the processor can run KERNEL; AUTO is none. */
bool cgc_scan_has(enum cgc_scan_kernel kernel);

/** KERNEL; the best one for AUTO or for what the processor lacks. */
enum cgc_scan_kernel cgc_scan_choose(enum cgc_scan_kernel kernel);

#endif
