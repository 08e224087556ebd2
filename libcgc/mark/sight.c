/* SPDX-License-Identifier: MIT */
#include "mark/sight.h"

CGC_SCANS_MEMORY
CGC_NOINLINE void cgc_sight_odd(struct cgc_marker *m, const uintptr_t *p,
                                size_t n) {
  for (size_t i = 0; i < n; i++)
    cgc_visit_odd_word(m, p[i]);
}
