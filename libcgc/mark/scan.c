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

static const cgc_scan_fn kernels[CGC_SCAN_KERNELS] = {
    [CGC_SCAN_PLAIN] = scan_plain,
    [CGC_SCAN_AVX2] = scan_avx2,
    [CGC_SCAN_AVX512] = scan_avx512,
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

cgc_scan_fn cgc_scan_choose(enum cgc_scan_kernel kernel) {
  int best = CGC_SCAN_KERNELS - 1;
  if (cgc_scan_has(kernel))
    return kernels[kernel];
  while (!cgc_scan_has((enum cgc_scan_kernel)best))
    best--;
  return kernels[best];
}
