/* SPDX-License-Identifier: MIT */
/*
 * tools/stack.h - call stacks with their names.
 *
 * A raw stack's addresses, each turned into the functions that stand there.
 * The frames of an address are made once and shared by all stacks, so that
 * 100,000 stacks through the same functions cost a pointer for each frame.
 *
 * The library's own frames are left out: they say no more than "allocated".
 */
#ifndef CGC_TOOLS_STACK_H
#define CGC_TOOLS_STACK_H

#include "raw.h"
#include "symbol.h"

/* One function of one address. */
struct cgc_stack_frame {
  size_t id;                           /* 0, 1, ...: for tables beside this */
  const struct cgc_raw_module *module; /* NULL: the address is in no file */
  uint64_t addr;                       /* the file's, or the process's */
  const char *function; /* NULL: not known; with the rest as in tools/symbol */
  const char *file;
  unsigned line;
  unsigned column;
  bool inlined;
};

struct cgc_stack {
  size_t n;
  const struct cgc_stack_frame **frames; /* innermost first */
};

struct cgc_stacks;

/** Make the names of RAW's stacks available; they live as long as RAW's. */
struct cgc_stacks *cgc_stacks_open(struct cgc_raw *raw);
void cgc_stacks_close(struct cgc_stacks *s);

/** The stack with its names, found at the first call. */
const struct cgc_stack *cgc_stack_of(struct cgc_stacks *s,
                                     struct cgc_raw_stack *raw);

/** How many frames have been made until now: their ids are below. */
size_t cgc_stacks_nframes(const struct cgc_stacks *s);

/** Say which variable holds: "name+8", or NULL when no symbol is there. */
const char *cgc_stack_variable(struct cgc_stacks *s,
                               struct cgc_raw_module *module, uint64_t addr);

/** The module's file name without directories; "?" for none. */
const char *cgc_stack_module_name(const struct cgc_raw_module *module);

#endif
