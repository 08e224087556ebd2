/* SPDX-License-Identifier: MIT */
/*
 * compat/debug.h - bdwgc's debugging allocator: each object knows where it was
 * allocated, and an overrun is found.
 *
 *   program's pointer = GC_USR_PTR_FROM_BASE(start of the slot)
 *
 * so GC_base of it is the slot's start, and finalizers are registered there;
 * they get the program's pointer by a closure.
 *
 * Who comes in: the program, by the GC_MALLOC family under GC_DEBUG.
 * Calls: compat/smash, front/alloc.  Locks: none.
 */
#ifndef CGC_COMPAT_DEBUG_H
#define CGC_COMPAT_DEBUG_H

#include "compat/descriptor.h"

/* Declared in gc.h for those programs only that define something for it. */
GC_API wchar_t *GC_debug_wcsdup(const wchar_t *text, const char *file,
                                int line);

#endif
