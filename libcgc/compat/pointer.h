/* SPDX-License-Identifier: MIT */
/*
 * compat/pointer.h - checks of pointers, and pointers that count.
 *
 * Who comes in: the program.  Locks: none.
 */
#ifndef CGC_COMPAT_POINTER_H
#define CGC_COMPAT_POINTER_H

#include "compat/variable.h"

/** Once, when the heap is made: GC_all_interior_pointers holds from now. */
void cgc_pointer_init(void);

#endif
