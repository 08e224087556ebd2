/* SPDX-License-Identifier: MIT */
/*
 * compat/start.h - GC_init, and what each module does at it.
 *
 * The heap is made at the first call that needs it.  What the program has to
 * tell before that, in variables and by functions, is taken over then.
 *
 * Who comes in: the program; front/init by the role.  Locks: front/init's.
 */
#ifndef CGC_COMPAT_START_H
#define CGC_COMPAT_START_H

#include "compat/variable.h"

/** The options are read, the heap is not made: take over what was set. */
void cgc_start_prepare(void);

/** The heap is made, and nobody else is here yet. */
void cgc_start_started(char *const *env);

#endif
