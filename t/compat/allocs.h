/* SPDX-License-Identifier: MIT */
/* t/compat/allocs.h - the debugging allocator's ways, and the kind of each. */
#ifndef T_COMPAT_ALLOCS_H
#define T_COMPAT_ALLOCS_H

#include <gc.h>

enum { PTRFREE, NORMAL, UNCOLLECTABLE, AUNCOLLECTABLE };

typedef void *(*alloc_fn)(size_t size, const char *file, int line);

static const struct {
  alloc_fn fn;
  int kind;
} allocs[] = {
    {GC_debug_malloc, NORMAL},
    {GC_debug_malloc_atomic, PTRFREE},
    {GC_debug_malloc_uncollectable, UNCOLLECTABLE},
    {GC_debug_malloc_atomic_uncollectable, AUNCOLLECTABLE},
    {GC_debug_malloc_ignore_off_page, NORMAL},
    {GC_debug_malloc_atomic_ignore_off_page, PTRFREE},
    {GC_debug_malloc_stubborn, NORMAL},
};
enum { NALLOCS = sizeof allocs / sizeof allocs[0] };

#endif
