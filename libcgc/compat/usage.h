/* SPDX-License-Identifier: MIT */
/*
 * compat/usage.h - what there is, in bdwgc's terms.
 *
 *   heap size     committed for objects
 *   free bytes    of these, what no object has
 *   unmapped      of these, what the system has back
 *   total bytes   ever allocated
 *
 * Who comes in: the program.  Calls: look/stat.  Locks: those of the modules.
 */
#ifndef CGC_COMPAT_USAGE_H
#define CGC_COMPAT_USAGE_H

#include "compat/guard.h"

GC_API void GC_incr_bytes_allocd(size_t bytes);
GC_API void GC_incr_bytes_freed(size_t bytes);

#endif
