/* SPDX-License-Identifier: MIT */
/*
 * tools/text.h - the report that a person reads in a terminal.
 *
 * Groups with their stacks, the largest first, then the sums with what their
 * classes mean, the suppressions that were used, and always last the line that
 * scripts look for:
 *
 *   cgc: leak: 1161 bytes in 29 objects, 3 groups
 *
 * It counts what is lost and not suppressed.  Colour only on a terminal.
 */
#ifndef CGC_TOOLS_TEXT_H
#define CGC_TOOLS_TEXT_H

#include "leaks.h"

#include <stdio.h>

/** Print the report as SETTINGS say. */
void cgc_text_print(FILE *out, const struct cgc_leaks *leaks,
                    const struct cgc_settings *settings);

/** Print the calls that were just made to fail. */
void cgc_text_print_faults(FILE *out, const struct cgc_leaks *leaks);

/** Print the stacks of wrong frees; their headline stands there already. */
void cgc_text_print_badfrees(FILE *out, const struct cgc_leaks *leaks);

/** Print a stack, a frame on each line. */
void cgc_text_print_stack(FILE *out, const struct cgc_leaks *leaks,
                          struct cgc_raw_stack *stack);

/** Print a block for each lost group that a suppression file takes. */
void cgc_text_print_suppressions(FILE *out, const struct cgc_leaks *leaks);

#endif
