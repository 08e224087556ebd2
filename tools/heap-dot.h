/* SPDX-License-Identifier: MIT */
/*
 * tools/heap-dot.h - an answer as a graph, for dot(1).
 *
 * Blocks are boxes named by their address, roots ovals named by their text.
 */
#ifndef CGC_TOOLS_HEAP_DOT_H
#define CGC_TOOLS_HEAP_DOT_H

#include "base/base.h"

void cgc_dot_begin(void);
void cgc_dot_end(void);

/** The block at ADDR; NOTE stands under its address. */
void cgc_dot_block(uint64_t addr, const char *fmt, ...) CGC_PRINTF(2, 3);

/** An arrow from one block to another, with LABEL, which may be "". */
void cgc_dot_arrow(uint64_t from, uint64_t to, const char *label);

/** An arrow from the root called NAME. */
void cgc_dot_root(const char *name, uint64_t to);

#endif
