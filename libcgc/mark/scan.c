/* SPDX-License-Identifier: MIT */
#include "mark/scan.h"

#include <cpuid.h>

void cgc_scan_range_set(struct cgc_scan_range *r, uintptr_t base,
                        size_t bytes) {
  const uintptr_t top = (uintptr_t)1 << 63;
  uintptr_t last = base + bytes - (bytes > 0);
  *r = (struct cgc_scan_range){.base = base, .bytes = bytes};
  r->upper_low = (uint32_t)(base >> 32);
  r->upper_span = (uint32_t)((last >> 32) - (base >> 32));
  for (int i = 0; i < 8; i++) {
    r->bases[i] = base;
    r->sizes[i] = bytes;
    r->signed_bases[i % 4] = base + top;
    r->signed_sizes[i % 4] = bytes + top;
  }
}

/* The compilers' own way to ask came later than this. */
static bool has_lzcnt(void) {
  unsigned a, b, c, d;
  return __get_cpuid(0x80000001, &a, &b, &c, &d) && c & bit_LZCNT;
}

bool cgc_scan_has(enum cgc_scan_kernel kernel) {
  __builtin_cpu_init();
  switch (kernel) {
  case CGC_SCAN_PLAIN:
    return true;
  case CGC_SCAN_AVX2:
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2") && has_lzcnt();
  case CGC_SCAN_AVX512:
    return __builtin_cpu_supports("avx512f") && cgc_scan_has(CGC_SCAN_AVX2);
  default:
    return false;
  }
}

enum cgc_scan_kernel cgc_scan_choose(enum cgc_scan_kernel kernel) {
  int best = CGC_SCAN_KERNELS - 1;
  if (cgc_scan_has(kernel))
    return kernel;
  while (!cgc_scan_has((enum cgc_scan_kernel)best))
    best--;
  return (enum cgc_scan_kernel)best;
}
