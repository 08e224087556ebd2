/* SPDX-License-Identifier: MIT */
#include "mark/scan.h"

#include <immintrin.h>

CGC_SCANS_MEMORY
static size_t scan_plain(const uintptr_t *words, size_t n, uintptr_t base,
                         size_t bytes, uintptr_t *out) {
  size_t kept = 0;
  for (size_t i = 0; i < n; i++) {
    out[kept] = words[i];
    kept += words[i] - base < bytes;
  }
  return kept;
}

/*
 * Unsigned compare by signed: both sides are moved by 2^63.  Most groups of
 * eight hold no pointer, so a group is looked into only if its mask is not
 * empty.
 */
CGC_SCANS_MEMORY __attribute__((target("avx2"))) static size_t
scan_avx2(const uintptr_t *words, size_t n, uintptr_t base, size_t bytes,
          uintptr_t *out) {
  const long long top = (long long)(1ULL << 63);
  const __m256i low = _mm256_set1_epi64x((long long)base - top);
  const __m256i limit = _mm256_set1_epi64x((long long)bytes + top);
  size_t kept = 0, i = 0;
  for (; i + 8 <= n; i += 8) {
    __m256i a = _mm256_loadu_si256((const __m256i *)(words + i));
    __m256i b = _mm256_loadu_si256((const __m256i *)(words + i + 4));
    a = _mm256_cmpgt_epi64(limit, _mm256_sub_epi64(a, low));
    b = _mm256_cmpgt_epi64(limit, _mm256_sub_epi64(b, low));
    unsigned mask = (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(a)) |
                    (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(b)) << 4;
    for (; mask; mask &= mask - 1)
      out[kept++] = words[i + (unsigned)__builtin_ctz(mask)];
  }
  return kept + scan_plain(words + i, n - i, base, bytes, out + kept);
}

CGC_SCANS_MEMORY __attribute__((target("avx512f"))) static size_t
scan_avx512(const uintptr_t *words, size_t n, uintptr_t base, size_t bytes,
            uintptr_t *out) {
  const __m512i low = _mm512_set1_epi64((long long)base);
  const __m512i limit = _mm512_set1_epi64((long long)bytes);
  size_t kept = 0, i = 0;
  for (; i + 8 <= n; i += 8) {
    __m512i a = _mm512_loadu_si512(words + i);
    unsigned mask = _mm512_cmplt_epu64_mask(_mm512_sub_epi64(a, low), limit);
    for (; mask; mask &= mask - 1)
      out[kept++] = words[i + (unsigned)__builtin_ctz(mask)];
  }
  return kept + scan_plain(words + i, n - i, base, bytes, out + kept);
}

/* ---- Every fourth byte, and distances --------------------------------- */

typedef uintptr_t unaligned_word __attribute__((aligned(1), may_alias));

void cgc_scan_range_set(struct cgc_scan_range *r, uintptr_t base,
                        size_t bytes) {
  *r = (struct cgc_scan_range){.base = base, .bytes = bytes};
  uintptr_t last = base + bytes - (bytes > 0);
  for (int i = 0; i < 4; i++) {
    r->upper_low[i] = (uint32_t)(base >> 32);
    r->upper_span[i] = (uint32_t)((last >> 32) - (base >> 32));
  }
  for (int i = 0; i < 2; i++) {
    r->distance_low[i] = -(uint64_t)bytes;
    r->distance_limit[i] = bytes;
  }
}

CGC_SCANS_MEMORY
CGC_INLINE void look_for_address(const char *p, const struct cgc_scan_range *r,
                                 struct cgc_scan_found *found) {
  uintptr_t word = *(const unaligned_word *)p;
  found->addresses[found->naddresses] = word;
  found->naddresses += word - r->base < r->bytes;
}

CGC_SCANS_MEMORY
CGC_INLINE void look_for_distance(const char *p, const struct cgc_scan_range *r,
                                  uintptr_t block,
                                  struct cgc_scan_found *found) {
  uintptr_t word = *(const uintptr_t *)p;
  if (word != 0 && word % 16 == 0 && word - r->base >= r->bytes &&
      block + word - r->base < r->bytes)
    found->distances[found->ndistances++] = block + word;
}

/* From P on; START is where the memory begins, at most 4 bytes before. */
static void look_at_each(const char *start, const char *p, const char *end,
                         const struct cgc_scan_range *r, uintptr_t block,
                         struct cgc_scan_found *found) {
  for (const char *q = p > start ? p - 4 : p; q + sizeof(uintptr_t) <= end;
       q += 4)
    look_for_address(q, r, found);
  for (; block && p + sizeof(uintptr_t) <= end; p += sizeof(uintptr_t))
    look_for_distance(p, r, block, found);
}

static void thorough_plain(const char *p, size_t n,
                           const struct cgc_scan_range *r, uintptr_t block,
                           struct cgc_scan_found *found) {
  found->naddresses = found->ndistances = 0;
  look_at_each(p, p, p + n, r, block, found);
}

/*
 * Of the four places of a group: bit i, the word whose upper half stands at
 * place i may be an address, since that half is one of the range's.
 */
__attribute__((target("avx2"))) static inline unsigned
address_places(__m128i group, const struct cgc_scan_range *r) {
  __m128i low = _mm_load_si128((const __m128i *)r->upper_low);
  __m128i span = _mm_load_si128((const __m128i *)r->upper_span);
  __m128i upper = _mm_sub_epi32(group, low);
  __m128i hit = _mm_cmpeq_epi32(_mm_min_epu32(upper, span), upper);
  return (unsigned)_mm_movemask_ps(_mm_castsi128_ps(hit));
}

/* Bit i: the group's word i is a multiple of 16, small enough, and not 0. */
__attribute__((target("avx2"))) static inline unsigned
distance_words(__m128i group, const struct cgc_scan_range *r) {
  const __m128i zero = _mm_setzero_si128();
  const __m128i fraction = _mm_set1_epi64x(15);
  __m128i low = _mm_load_si128((const __m128i *)r->distance_low);
  __m128i limit = _mm_load_si128((const __m128i *)r->distance_limit);
  __m128i hit = _mm_cmpeq_epi64(_mm_and_si128(group, fraction), zero);
  hit = _mm_andnot_si128(_mm_cmpeq_epi64(group, zero), hit);
  hit = _mm_and_si128(hit, _mm_cmpgt_epi64(limit, group));
  hit = _mm_and_si128(hit, _mm_cmpgt_epi64(group, low));
  return (unsigned)_mm_movemask_pd(_mm_castsi128_pd(hit));
}

/*
 * Nearly no group of 16 bytes holds anything; where one does, only the places
 * that may are looked at.
 */
CGC_SCANS_MEMORY __attribute__((target("avx2"))) static void
thorough_avx2(const char *p, size_t n, const struct cgc_scan_range *r,
              uintptr_t block, struct cgc_scan_found *found) {
  const char *start = p, *end = p + n;
  found->naddresses = found->ndistances = 0;
  for (; p + 16 <= end; p += 16) {
    __m128i group = _mm_loadu_si128((const __m128i *)p);
    unsigned places = address_places(group, r);
    if (p == start)
      places &= ~1u; /* its word would begin before the memory */
    for (; places; places &= places - 1)
      look_for_address(p + 4 * __builtin_ctz(places) - 4, r, found);
    for (unsigned words = block ? distance_words(group, r) : 0; words;
         words &= words - 1)
      look_for_distance(p + 8 * __builtin_ctz(words), r, block, found);
  }
  if (p < end)
    look_at_each(start, p, end, r, block, found);
}

/* ---- Choosing --------------------------------------------------------- */

static const cgc_scan_fn kernels[CGC_SCAN_KERNELS] = {
    [CGC_SCAN_PLAIN] = scan_plain,
    [CGC_SCAN_AVX2] = scan_avx2,
    [CGC_SCAN_AVX512] = scan_avx512,
};

static const cgc_scan_thorough_fn thorough_kernels[CGC_SCAN_KERNELS] = {
    [CGC_SCAN_PLAIN] = thorough_plain,
    [CGC_SCAN_AVX2] = thorough_avx2,
    [CGC_SCAN_AVX512] = thorough_avx2,
};

bool cgc_scan_has(enum cgc_scan_kernel kernel) {
  __builtin_cpu_init();
  switch (kernel) {
  case CGC_SCAN_PLAIN:
    return true;
  case CGC_SCAN_AVX2:
    return __builtin_cpu_supports("avx2");
  case CGC_SCAN_AVX512:
    return __builtin_cpu_supports("avx512f");
  default:
    return false;
  }
}

static enum cgc_scan_kernel choose(enum cgc_scan_kernel kernel) {
  int best = CGC_SCAN_KERNELS - 1;
  if (cgc_scan_has(kernel))
    return kernel;
  while (!cgc_scan_has((enum cgc_scan_kernel)best))
    best--;
  return (enum cgc_scan_kernel)best;
}

cgc_scan_fn cgc_scan_choose(enum cgc_scan_kernel kernel) {
  return kernels[choose(kernel)];
}

cgc_scan_thorough_fn cgc_scan_choose_thorough(enum cgc_scan_kernel kernel) {
  return thorough_kernels[choose(kernel)];
}
