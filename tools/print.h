/* SPDX-License-Identifier: MIT */
/*
 * tools/print.h - cgc leak --print: from a raw report to what people read.
 *
 * The library starts it when a program has been checked, and waits; it runs in
 * a process of its own, so the program's heap and locks don't matter.
 */
#ifndef CGC_TOOLS_PRINT_H
#define CGC_TOOLS_PRINT_H

#include "base/base.h"

/**
 * Print the raw report at PATH as LIST, the value of CGC_LEAK, says, and remove
 * it.
 * returns  0; the list's exit-code when something is lost that no rule
 *          suppresses; CGC_EXIT_OWN after a line on stderr when the report
 *          can't be read (it is kept then), or LIST or a suppression file
 */
int cgc_print_report(const char *path, const char *list);

#endif
