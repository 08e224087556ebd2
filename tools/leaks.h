/* SPDX-License-Identifier: MIT */
/*
 * tools/leaks.h - what was found, sorted for whoever prints it.
 *
 * The raw report's groups after the suppressions: those that are shown, by
 * size, and the sums.
 *
 *   raw groups ─ suppressed? ─┬─ no:  shown, by class and size; totals[class]
 *                             └─ yes: the rule's counters, suppressed
 *
 * I1  A class's totals are the sums of its shown groups.
 */
#ifndef CGC_TOOLS_LEAKS_H
#define CGC_TOOLS_LEAKS_H

#include "settings.h"
#include "stack.h"
#include "suppress.h"

struct cgc_leaks_total {
  uint64_t groups;
  uint64_t objects; /* heads and what is below them */
  uint64_t bytes;
};

struct cgc_leaks {
  struct cgc_raw *raw;
  struct cgc_stacks *stacks;
  struct cgc_suppress *suppress;
  const struct cgc_raw_group **shown; /* by class, then the largest first */
  size_t nshown;
  struct cgc_leaks_total totals[CGC_RAW_NCLASSES];
  struct cgc_leaks_total suppressed;
};

/**
 * Sort the groups of RAW.
 * returns  0, or CGC_EXIT_OWN after a line on stderr: a suppression file can't
 *          be read.  RAW is closed with the leaks, in any case.
 */
int cgc_leaks_open(struct cgc_leaks *leaks, struct cgc_raw *raw,
                   const struct cgc_settings *settings);
void cgc_leaks_close(struct cgc_leaks *leaks);

/** A group's stack with its names. */
const struct cgc_stack *cgc_leaks_stack(const struct cgc_leaks *leaks,
                                        const struct cgc_raw_group *group);

/** A group's bytes (objects): the heads' and those below. */
uint64_t cgc_leaks_bytes(const struct cgc_raw_group *group);
uint64_t cgc_leaks_objects(const struct cgc_raw_group *group);

/** What keeps a group, in words; NULL when nothing does. */
const char *cgc_leaks_holder(const struct cgc_leaks *leaks,
                             const struct cgc_raw_group *group);

/** Is this the check at the program's end, not one on the way? */
bool cgc_leaks_is_last(const struct cgc_leaks *leaks);

/** When it was looked: "at exit", "ended by SIGTERM", "check 2 (period)". */
const char *cgc_leaks_when(const struct cgc_leaks *leaks);

/** What happened to a class's objects ("24 B VERB in 1 object"), and what
 * that means. */
const char *cgc_leaks_verb(enum cgc_raw_class class);
const char *cgc_leaks_meaning(enum cgc_raw_class class);

#endif
