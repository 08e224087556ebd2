/* SPDX-License-Identifier: MIT */
/*
 * compat/closure.h - objects that are asked about, or finalized, when they die.
 *
 *   GC_finalized_malloc:  | closure + 1 | the program's object ... |
 *
 * mark/disclaim finds the dead and calls; a closure is a disclaim function that
 * calls the program's finalizer and lets the object go.
 *
 * Who comes in: the program.  Calls: mark/disclaim, compat/descriptor.
 * Locks: none.
 */
#ifndef CGC_COMPAT_CLOSURE_H
#define CGC_COMPAT_CLOSURE_H

#include "compat/variable.h"
#include "gc/gc_disclaim.h"

#endif
