/* SPDX-License-Identifier: MIT */
/*
 * tools/page.h - the report as a web page.
 *
 * One file that needs no other one and no network: the totals, the groups with
 * their stacks and the source around each call, a flame graph of the lost
 * bytes, a search.  The page itself is page.html; where it says @DATA@ the
 * report goes in as JSON, which a script of the page shows.
 *
 *   {program, pid, reason, check, build,
 *    totals: [{class, meaning, bytes, objects, groups}],
 *    rules: [{text, file, line, bytes, objects, groups}],
 *    frames: [[function, file, line, module, inlined]],   each once
 *    groups: [{class, bytes, objects, ..., stack: [frame number]}],
 *    rest: {groups, objects, bytes},   too small to be listed
 *    flame: [[bytes, frame number...]], outermost first
 *    sources: {file: {line: text}}}
 */
#ifndef CGC_TOOLS_PAGE_H
#define CGC_TOOLS_PAGE_H

#include "leaks.h"

#include <stdio.h>

/** page.html. */
extern const char cgc_page_template[];

void cgc_page_write(FILE *out, const struct cgc_leaks *leaks);

#endif
