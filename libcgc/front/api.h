/* SPDX-License-Identifier: MIT */
/*
 * front/api.h - what <cgc.h> alone declares; the rest is in front/common.
 *
 * Each function is its contract's words made into calls of the floors below:
 * allocation by front/alloc, everything else by the module that keeps the
 * table.  What they share is how to come in, cgc_init_enter.
 *
 * Who comes in: the program; front/malloc for GC_release_memory.
 * Locks: none here.
 */
#ifndef CGC_FRONT_API_H
#define CGC_FRONT_API_H

#include "cgc.h"

#endif
