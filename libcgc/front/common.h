/* SPDX-License-Identifier: MIT */
/*
 * front/common.h - what <cgc.h> and bdwgc's <gc.h> promise in the same words.
 *
 * Pointers, finalizers, weak links, ranges of roots: these functions are
 * exported by every library.  What only one contract has, or has otherwise,
 * stands in front/api or in compat/; of that, what lies on the way of both is
 * here, too.
 *
 * Who comes in: the program; front/api, compat/.  Calls: the module that keeps
 * the table.  Locks: none here.
 */
#ifndef CGC_FRONT_COMMON_H
#define CGC_FRONT_COMMON_H

#include "base/base.h"

typedef int (*cgc_common_range_fn)(uintptr_t lo, uintptr_t hi);

/** Give [LOW, HIGH) to CHANGE, of world/range; errno says if it failed. */
void cgc_common_change_ranges(cgc_common_range_fn change, void *low,
                              void *high);

/** GC_posix_memalign over the contract's own GC_memalign. */
int cgc_common_posix_memalign(void **result, size_t align, size_t size,
                              void *(*memalign)(size_t align, size_t size));

/** GC_realloc over the contract's GC_malloc and what it has for no memory. */
void *cgc_common_realloc(void *obj, size_t size, void *(*alloc)(size_t size),
                         void *(*out_of_memory)(size_t size));

#endif
