/* SPDX-License-Identifier: MIT */
/*
 * compat/finalizer.h - who runs finalizers, by bdwgc's variables; and all of
 * them at the end.
 *
 * Registering, links and running are front/common's.
 *
 * Who comes in: the program; compat/event before a collection.  Locks: none.
 */
#ifndef CGC_COMPAT_FINALIZER_H
#define CGC_COMPAT_FINALIZER_H

#include "compat/variable.h"

/** Have cycle/invoke do as the variables say. */
void cgc_finalizer_take_over(void);

#endif
