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

CGC_SCANS_MEMORY
static void look_at(const char *p, uintptr_t base, size_t bytes,
                    uintptr_t block, struct cgc_scan_found *found) {
  uintptr_t word = *(const unaligned_word *)p;
  if (word - base < bytes)
    found->addresses[found->naddresses++] = word;
  else if (block && (uintptr_t)p % 8 == 0 && word != 0 && word % 16 == 0 &&
           block + word - base < bytes)
    found->distances[found->ndistances++] = block + word;
}

static void thorough_plain(const char *p, size_t n, uintptr_t base,
                           size_t bytes, uintptr_t block,
                           struct cgc_scan_found *found) {
  found->naddresses = found->ndistances = 0;
  for (const char *end = p + n; p + sizeof(uintptr_t) <= end; p += 4)
    look_at(p, base, bytes, block, found);
}

/* Lanes of A that lie in the range: all ones. */
__attribute__((target("avx2"))) static inline __m256i
in_range(__m256i a, __m256i low, __m256i limit) {
  return _mm256_cmpgt_epi64(limit, _mm256_sub_epi64(a, low));
}

/*
 * 32 bytes at a time, twice: from P and from P + 4.  Where neither holds an
 * address or a distance, as nearly everywhere, that was all.
 */
CGC_SCANS_MEMORY __attribute__((target("avx2"))) static void
thorough_avx2(const char *p, size_t n, uintptr_t base, size_t bytes,
              uintptr_t block, struct cgc_scan_found *found) {
  const long long top = (long long)(1ULL << 63);
  const __m256i low = _mm256_set1_epi64x((long long)base - top);
  const __m256i low_distance =
      _mm256_set1_epi64x((long long)(base - block) - top);
  const __m256i limit = _mm256_set1_epi64x((long long)bytes + top);
  const __m256i zero = _mm256_setzero_si256();
  const __m256i fraction = _mm256_set1_epi64x(15);
  const __m256i blocks = _mm256_set1_epi64x(block ? -1 : 0);
  const char *end = p + n;
  found->naddresses = found->ndistances = 0;
  for (; p + 36 <= end; p += 32) {
    __m256i a = _mm256_loadu_si256((const __m256i *)p);
    __m256i b = _mm256_loadu_si256((const __m256i *)(p + 4));
    __m256i d = _mm256_cmpeq_epi64(_mm256_and_si256(a, fraction), zero);
    d = _mm256_andnot_si256(_mm256_cmpeq_epi64(a, zero), d);
    d = _mm256_and_si256(_mm256_and_si256(d, blocks),
                         in_range(a, low_distance, limit));
    a = in_range(a, low, limit);
    b = in_range(b, low, limit);
    d = _mm256_or_si256(_mm256_or_si256(a, b), d);
    if (_mm256_testz_si256(d, d))
      continue;
    for (int i = 0; i < 32; i += 4)
      look_at(p + i, base, bytes, block, found);
  }
  for (; p + sizeof(uintptr_t) <= end; p += 4)
    look_at(p, base, bytes, block, found);
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
