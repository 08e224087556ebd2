/* SPDX-License-Identifier: MIT */
/*
 * compat/segment.h - data of loaded objects: which of it is a root.
 *
 *   GC_no_dls                      none of it, from the next collection on
 *   GC_exclude_static_roots        not these ranges
 *   has-static-roots function      not the segments that it refuses
 *
 * The function is asked before each collection, the world running, since
 * objects come and go; its refusals and the program's ranges are then what
 * world/range excludes.
 *
 * Who comes in: the program; compat/event before a collection.
 * Locks: the guard, for the program's ranges.
 */
#ifndef CGC_COMPAT_SEGMENT_H
#define CGC_COMPAT_SEGMENT_H

#include "compat/guard.h"

/** Before a cycle, nothing held: look at the variable, ask the function. */
void cgc_segment_take_over(void);

#endif
