/* SPDX-License-Identifier: MIT */
/*
 * compat/kinds.h - allocation by the number of a kind, one object or a list.
 *
 * A list is linked through the objects' first words, and its head stands where
 * the program keeps it.  All of it is alive because each first word is
 * scanned; of a kind where that is not so a list has one object.
 *
 * Who comes in: the program; compat/debug.  Calls: front/alloc, heap/cache.
 * Locks: none; the thread is busy while it takes a list.
 */
#ifndef CGC_COMPAT_KINDS_H
#define CGC_COMPAT_KINDS_H

#include "compat/descriptor.h"
#include "gc/gc_inline.h"

/* Declared in gc_inline.h only for programs with threads. */
GC_API void *GC_malloc_kind_global(size_t size, int kind);

/** KIND if there is such a kind; else the process ends. */
enum cgc_kind cgc_kinds_known(int kind);

/** What the program says of OBJ, of KIND, for a message; "" if nothing. */
const char *cgc_kinds_describe(void *obj, enum cgc_kind kind,
                               char text[GC_TYPE_DESCR_LEN + 1]);

#endif
