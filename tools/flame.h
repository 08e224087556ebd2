/* SPDX-License-Identifier: MIT */
/*
 * tools/flame.h - lost bytes by call path, as a tree.
 *
 *   main ─┬─ read_config ── strdup      2560
 *         └─ make_list                   880
 *
 * A node is a function under its callers; its bytes are those of all lost
 * groups that were allocated below it.  Lines and addresses of one function
 * are one node.
 */
#ifndef CGC_TOOLS_FLAME_H
#define CGC_TOOLS_FLAME_H

#include "leaks.h"

#include <stdio.h>

struct cgc_flame;

/** Make the tree of all that is lost. */
struct cgc_flame *cgc_flame_open(const struct cgc_leaks *leaks);
void cgc_flame_close(struct cgc_flame *flame);

/**
 * Print "names":[...],"flame":NODE, where a NODE is [number of its name,
 * bytes, [NODE...]]; the root's number is -1.  Nodes of less than a 2000th of
 * all are left out.
 */
void cgc_flame_print(FILE *out, const struct cgc_flame *flame);

#endif
