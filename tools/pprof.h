/* SPDX-License-Identifier: MIT */
/*
 * tools/pprof.h - lost bytes, or a whole heap, as a profile for pprof.
 *
 * profile.proto, zipped, with functions, lines and inlined frames in it, so
 * that "go tool pprof" needs neither the program nor debug information.  A
 * sample is a lost group.  Its values, in this order:
 *
 *   leaked_objects, leaked_space   heads and what is below them (the default)
 *   direct_objects, direct_space   heads alone
 *
 * Of a whole heap, whose reachable groups count, too:
 *
 *   inuse_objects, inuse_space     reachable (the default)
 *   leaked_objects, leaked_space   lost
 */
#ifndef CGC_TOOLS_PPROF_H
#define CGC_TOOLS_PPROF_H

#include "leaks.h"

#include <stdio.h>

void cgc_pprof_write(FILE *out, const struct cgc_leaks *leaks);
void cgc_pprof_write_heap(FILE *out, const struct cgc_leaks *leaks);

#endif
