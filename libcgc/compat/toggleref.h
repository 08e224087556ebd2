/* SPDX-License-Identifier: MIT */
/*
 * compat/toggleref.h - bdwgc's names for mark/toggle.
 *
 * Who comes in: the program.  Calls: mark/toggle.  Locks: none.
 */
#ifndef CGC_COMPAT_TOGGLEREF_H
#define CGC_COMPAT_TOGGLEREF_H

#include "compat/variable.h"

#endif
