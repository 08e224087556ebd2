/* SPDX-License-Identifier: MIT */
/*
 * compat/variable.h - bdwgc's exported variables.
 *
 * Programs were linked with copies of them: the dynamic loader resolves a name
 * to the program's copy, ours included, so what the program writes is what is
 * read here.  Each is read where it matters and when it matters, never cached:
 *
 *   at GC_init          GC_all_interior_pointers (and once more when set)
 *   at each collection  GC_dont_gc, GC_no_dls, GC_stackbottom,
 *                       GC_push_other_roots, GC_finalize_on_demand, ...
 *   at the call         GC_oom_fn, GC_on_abort, GC_on_heap_resize
 *
 * Written here: GC_gc_no, GC_stackbottom, the plausible heap addresses.
 *
 * Those of the getters and setters that do nothing but read or write one of
 * them stand here, too.
 *
 * Who comes in: the program; all of compat/.  Locks: none; a word each.
 */
#ifndef CGC_COMPAT_VARIABLE_H
#define CGC_COMPAT_VARIABLE_H

#include "base/base.h"
#include "gc/gc.h"

/* Exported, and declared in gc_mark.h or nowhere. */
GC_API void(GC_CALLBACK *GC_push_other_roots)(void);
GC_API GC_abort_func GC_on_abort;
GC_API void *GC_least_plausible_heap_addr;
GC_API void *GC_greatest_plausible_heap_addr;

#endif
