/* SPDX-License-Identifier: MIT */
/*
 * tools/heap-name.h - what an address of the target is, in words.
 *
 *   list_head+8 (prog)                      data of a file, by its symbols
 *   stack of thread 4711, sp+0x58, in parse (parse.c:120)
 *   register rbx of thread 4711
 *   mapping 0x7f...-0x7f... +0x40
 *
 * Symbols come from the files on disk (tools/symbol), frames from their call
 * frame information.
 */
#ifndef CGC_TOOLS_HEAP_NAME_H
#define CGC_TOOLS_HEAP_NAME_H

#include "heap-graph.h"

struct cgc_namer;

struct cgc_namer *cgc_namer_open(const struct cgc_image *im);
void cgc_namer_close(struct cgc_namer *n);

/** Name the place of a root; the text lasts until the next call. */
const char *cgc_namer_root(struct cgc_namer *n, const struct cgc_graph_root *r);

/* A variable, a thread's stack and registers, a mapping: it holds words. */
struct cgc_holder {
  uint64_t lo, hi; /* where it stands; of a thread 0 */
  const struct cgc_thread *thread;
  enum cgc_root_place place;
};

/**
 * Say what holds the root R, as a whole; the text lasts until the next call.
 */
const char *cgc_namer_holder(struct cgc_namer *n,
                             const struct cgc_graph_root *r,
                             struct cgc_holder *holder);

/** Name any address that is not in the heap. */
const char *cgc_namer_address(struct cgc_namer *n, uint64_t addr);

/** Name the code at PC: function, file and line. */
const char *cgc_namer_code(struct cgc_namer *n, uint64_t pc);

#endif
