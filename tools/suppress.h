/* SPDX-License-Identifier: MIT */
/*
 * tools/suppress.h - rules for leaks that nobody wants to see.
 *
 * A file has rules of two kinds, as other leak finders write them; # begins a
 * comment.
 *
 *   leak:PATTERN      LeakSanitizer's: PATTERN stands somewhere in the name of
 *                     a function, source file or module of any frame.  *
 *                     is anything, ^ and $ the name's start and end.  A frame
 *                     in no module is in "<unknown module>".
 *   {                 valgrind's: the frames from the innermost on, each by
 *      NAME           fun:GLOB, obj:GLOB (module) or src:GLOB (FILE:LINE);
 * "..." cgc:leak       is any number of frames, and so is what follows the last
 *      fun:GLOB       line.  Memcheck:Leak is read too; other tools' rules are
 *      ...            skipped, and so are malloc and its like at the start,
 *   }                 which are no frames here.
 *
 * The first rule that matches takes the group, and keeps count of it.
 */
#ifndef CGC_TOOLS_SUPPRESS_H
#define CGC_TOOLS_SUPPRESS_H

#include "stack.h"

struct cgc_suppress;

/* One rule, and what it has eaten. */
struct cgc_suppress_rule {
  const char *text; /* leak:PATTERN, or the NAME of a block */
  const char *file;
  unsigned long line;
  uint64_t groups;
  uint64_t objects;
  uint64_t bytes;
};

struct cgc_suppress *cgc_suppress_open(void);
void cgc_suppress_close(struct cgc_suppress *s);

/**
 * Add the rules of a file.
 * returns  0, or CGC_EXIT_OWN after a line on stderr with the file's line
 */
int cgc_suppress_read(struct cgc_suppress *s, const char *path);

/** Find the rule that takes a stack of CLASS, or NULL. */
struct cgc_suppress_rule *cgc_suppress_match(struct cgc_suppress *s,
                                             const struct cgc_stack *stack,
                                             enum cgc_raw_class class);

/** The Ith rule in the order of the files, or NULL. */
const struct cgc_suppress_rule *cgc_suppress_rule(const struct cgc_suppress *s,
                                                  size_t i);

#endif
