/* SPDX-License-Identifier: MIT */
/*
 * compat/backptr.h - who points to an object, found by searching.
 *
 * With the world stopped: first all objects but the one itself, word by word,
 * then the roots.  The program's threads have its address in registers and on
 * stacks as soon as they ask for it, so these come last.
 *
 * Who comes in: the program.  Calls: heap/walk, world/root, world/stop.
 * Locks: none.
 */
#ifndef CGC_COMPAT_BACKPTR_H
#define CGC_COMPAT_BACKPTR_H

#include "compat/variable.h"
#include "gc/gc_backptr.h"

#endif
