/* SPDX-License-Identifier: MIT */
/*
 * tools/folded.h - lost bytes as folded stacks.
 *
 *   main;read_config;strdup 2560
 *
 * A line for each lost group, outermost function first, with the bytes of its
 * heads and of what is below them: what flamegraph.pl, inferno and speedscope
 * read.  A ; in a name becomes a colon.
 */
#ifndef CGC_TOOLS_FOLDED_H
#define CGC_TOOLS_FOLDED_H

#include "leaks.h"

#include <stdio.h>

void cgc_folded_print(FILE *out, const struct cgc_leaks *leaks);

/** Print a frame's function, else module+offset. */
void cgc_folded_print_name(FILE *out, const struct cgc_stack_frame *f);

#endif
