/* SPDX-License-Identifier: MIT */
#include "os/processor.h"

#include <cpuid.h>

/* The two that describe caches one by one, in the same words. */
enum { LEAF_INTEL = 4, LEAF_AMD = (int)0x8000001d };

enum { LEVELS_MAX = 16, TYPE_NONE = 0, TYPE_CODE = 2 };

/* Bits [LO, LO + N) of WORD, which say one less than they mean. */
static size_t field(unsigned word, unsigned lo, unsigned n) {
  return (size_t)((word >> lo) & ((1U << n) - 1)) + 1;
}

/*
 * The cache number I of LEAF.
 * returns  false if there is none
 */
static bool cache_bytes(unsigned leaf, unsigned i, size_t *bytes) {
  unsigned a, b, c, d;
  if (!__get_cpuid_count(leaf, i, &a, &b, &c, &d) || (a & 31) == TYPE_NONE)
    return false;
  size_t ways = field(b, 22, 10), parts = field(b, 12, 10);
  size_t line = field(b, 0, 12), sets = (size_t)c + 1;
  *bytes = (a & 31) == TYPE_CODE ? 0 : ways * parts * line * sets;
  return true;
}

static size_t largest(unsigned leaf) {
  size_t bytes, most = 0;
  for (unsigned i = 0; i < LEVELS_MAX && cache_bytes(leaf, i, &bytes); i++)
    most = cgc_max(most, bytes);
  return most;
}

size_t cgc_processor_cache_bytes(void) {
  return cgc_max(largest(LEAF_INTEL), largest((unsigned)LEAF_AMD));
}
