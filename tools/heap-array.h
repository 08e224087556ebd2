/* SPDX-License-Identifier: MIT */
/*
 * tools/heap-array.h - arrays as large as a heap, and how far we are.
 *
 * Memory straight from the kernel, in huge pages where it has them: the arrays
 * are read at random, and what is never touched costs nothing.  What was given
 * back serves the arrays that need no zeroes, since fresh memory takes a
 * second for each gigabyte.  Without memory the program ends.
 */
#ifndef CGC_TOOLS_HEAP_ARRAY_H
#define CGC_TOOLS_HEAP_ARRAY_H

#include "base/base.h"

/** Zeroes. */
void *cgc_array_map(size_t bytes);
/** Anything at all. */
void *cgc_array_take(size_t bytes);
void *cgc_array_resize(void *array, size_t old_bytes, size_t bytes);
/** Give ARRAY back; NULL is none. */
void cgc_array_unmap(void *array, size_t bytes);
/** The same of one that was hardly touched. */
void cgc_array_drop(void *array, size_t bytes);

/**
 * DONE of TOTAL things, called WHAT, are dealt with: told on a terminal once
 * the program has run for two seconds.
 */
void cgc_progress(const char *what, uint64_t done, uint64_t total);
/** Wipe that line, before anything else is printed. */
void cgc_progress_end(void);

#endif
