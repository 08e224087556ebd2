/* SPDX-License-Identifier: MIT */
/*
 * gc_tiny_fl.h - the arrays of free lists that a client keeps for itself.
 *
 * List I holds objects of I granules; list 0 those that serve requests of
 * no bytes, one granule each.  Compiled programs know these numbers.
 */
#ifndef GC_TINY_FL_H
#define GC_TINY_FL_H

#ifndef GC_GRANULE_BYTES
#define GC_GRANULE_BYTES 16
#define GC_GRANULE_WORDS 2
#endif

#ifndef GC_TINY_FREELISTS
#define GC_TINY_FREELISTS 25
#endif

#define GC_WORDS_TO_GRANULES(n) ((n) / GC_GRANULE_WORDS)
#define GC_RAW_BYTES_FROM_INDEX(i) ((i)*GC_GRANULE_BYTES)

#endif
