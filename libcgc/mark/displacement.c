/* SPDX-License-Identifier: MIT */
#include "mark/displacement.h"

struct cgc_displacement cgc_displacement;

void cgc_displacement_set_all(bool all) {
  atomic_store_explicit(&cgc_displacement.some, !all, memory_order_relaxed);
}

void cgc_displacement_allow(size_t offset) {
  if (offset < CGC_DISPLACEMENT_MAX)
    atomic_fetch_or_explicit(&cgc_displacement.allowed[offset / 64],
                             1ULL << (offset % 64), memory_order_relaxed);
}
