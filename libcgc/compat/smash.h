/* SPDX-License-Identifier: MIT */
/*
 * compat/smash.h - objects of the debugging allocator that were overwritten.
 *
 * Looked at when they are freed, and all of them in each collection, when all
 * is marked and the world still stands.  What is found is told once:
 *
 *   cgc: [42] error: smashed 0x7f0038 in or near the object at 0x7f0020,
 *        size=20 prog.c:7
 *
 * Who comes in: compat/debug; cycle/ by its hook.  Calls: compat/header.
 * Locks: none; the world is stopped, or the object is the caller's.
 */
#ifndef CGC_COMPAT_SMASH_H
#define CGC_COMPAT_SMASH_H

#include "compat/header.h"

/** From now on each collection looks at all; again is harmless. */
void cgc_smash_start(void);

/** Tell of OBJ if it was overwritten.  returns  whether it was */
bool cgc_smash_check(const struct cgc_object *obj);

#endif
