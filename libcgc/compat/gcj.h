/* SPDX-License-Identifier: MIT */
/*
 * compat/gcj.h - objects whose first word leads to their type's descriptor.
 *
 *   object | type ─┼──► | ... | descriptor | ...      its second word
 *
 * Objects of the debugging allocator have its header in front, which the mark
 * procedure that the client gave passes over: GC_USR_PTR_FROM_BASE.
 *
 * Who comes in: the program; compat/debug.  Calls: compat/descriptor.
 * Locks: none.
 */
#ifndef CGC_COMPAT_GCJ_H
#define CGC_COMPAT_GCJ_H

#include "compat/variable.h"
#include "gc/gc_gcj.h"

#endif
