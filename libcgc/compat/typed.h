/* SPDX-License-Identifier: MIT */
/*
 * compat/typed.h - objects of which the program tells the layout.
 *
 *   one     | object ... | descriptor |          the slot's last word
 *   array   | elements ... | element's size | its descriptor | count |
 *
 * A layout of up to 62 words is a descriptor of its own; a longer one stands
 * in the collector's memory and is followed by a mark procedure.  Where the
 * layout says nothing that a kind does not, it is that kind: no pointers, or
 * nothing but pointers.
 *
 * Until the last words are written they are zero: nothing is scanned, and
 * nothing was written yet.
 *
 * Who comes in: the program.  Calls: compat/descriptor.  Locks: none.
 */
#ifndef CGC_COMPAT_TYPED_H
#define CGC_COMPAT_TYPED_H

#include "compat/variable.h"
#include "gc/gc_typed.h"

#endif
