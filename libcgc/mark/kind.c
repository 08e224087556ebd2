/* SPDX-License-Identifier: MIT */
#include "mark/kind.h"

struct cgc_kind_ops cgc_kind_table[CGC_KIND_LIMIT];
unsigned cgc_kind_layout_proc;

void cgc_kind_set(enum cgc_kind kind, const struct cgc_kind_ops *ops) {
  cgc_check(kind >= CGC_KIND_DESCRIBED && kind < CGC_KIND_LIMIT);
  cgc_kind_table[kind] = *ops;
}

void cgc_kind_check(void) {
  for (int kind = 0; kind < CGC_KIND_DESCRIBED; kind++)
    cgc_check(!cgc_kind_table[kind].scan); /* I1 */
}
