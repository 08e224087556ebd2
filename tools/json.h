/* SPDX-License-Identifier: MIT */
/*
 * tools/json.h - the report as JSON lines.
 *
 * One object on each line, each with its "type"; cgc-leak(1) has the schema.
 * Lines of several reports may stand in one file: each begins with "process"
 * and ends with "summary".
 */
#ifndef CGC_TOOLS_JSON_H
#define CGC_TOOLS_JSON_H

#include "leaks.h"

#include <stdio.h>

void cgc_json_print(FILE *out, const struct cgc_leaks *leaks);

/** Print TEXT as a JSON string, in quotes; NULL is null.  Bytes that are no
 * UTF-8 become U+FFFD, and "</" can't come out, so that a script element may
 * hold it. */
void cgc_json_string(FILE *out, const char *text);

#endif
