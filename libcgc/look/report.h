/* SPDX-License-Identifier: MIT */
/*
 * look/report.h - the raw report: what was found, for a program that prints it.
 *
 * Text, a record on each line, fields separated by blanks, strings with %xx for
 * what is no visible ASCII character and for %.  Who reads it passes over
 * records that it does not know.
 *
 *   cgc-leak 1
 *   process PID PATH
 *   reason WHY check N       WHY: exit, _exit, quick_exit, exec, signal:NAME,
 *                            abort, call, request, period; or fault, for
 *                            that record alone, when it happens.  It is the
 *                            N-th look of this process, from 1
 *   module ID BASE END BIAS BUILDID PATH    BUILDID in hex, or -; modules that
 *                            are unloaded by now are listed too
 *   stack ID FRAME...        innermost first: MODULE:OFFSET, the offset in
 *                            the file's own addresses of the last byte of the
 *                            call; or -:ADDRESS.  A stack may be listed again
 *   group CLASS STACK OBJECTS BYTES BELOW-OBJECTS BELOW-BYTES NEW-OBJECTS
 *         NEW-BYTES ADDR[,ADDR...] HOLDER
 *                            (in one line) CLASS: lost, stack-only,
 *                            low-confidence, reachable.  OBJECTS and BYTES are
 *                            of the heads.  NEW: what no check told before.
 *                            HOLDER: -, data:MODULE:OFFSET, thread:TID,
 *                            mapping:BASE
 *   growth STACK BYTES OBJECTS CHECKS       live blocks of a stack whose bytes
 *                            rose at each of the last CHECKS checks
 *   fault KIND N STACK       call N of KIND was made to fail
 *   calls KIND N             so many calls of KIND were made (with fail= only)
 *   total CLASS OBJECTS BYTES
 *   badfree KIND ADDR BLOCK SIZE OFFSET CALLSTACK ALLOCSTACK FREESTACK
 *                            in a report of its own; KIND: double, interior,
 *                            wild.  - stands for what is not known
 *   end                      nothing was cut off
 *
 * Sizes are those asked for.  Addresses and offsets are hex without 0x, all
 * else is decimal.
 *
 * Who comes in: front/leak.  Locks: none.
 */
#ifndef CGC_LOOK_REPORT_H
#define CGC_LOOK_REPORT_H

#include "look/loss.h"

struct cgc_report {
  int fd;
  int error; /* of the first write that failed, -errno; 0: none */
  size_t n;
  char buf[4096];
};

void cgc_report_begin(struct cgc_report *report, int fd);

/** One record, with the formats of base/log. */
void cgc_report_line(struct cgc_report *report, const char *fmt, ...)
    CGC_PRINTF(2, 3);

/** A record that ends with the string TEXT. */
void cgc_report_text(struct cgc_report *report, const char *head,
                     const char *text);

/** All modules. */
void cgc_report_modules(struct cgc_report *report);

/** Stack ID. */
void cgc_report_stack(struct cgc_report *report, uint32_t id);

/** The groups with their stacks, and the totals. */
void cgc_report_groups(struct cgc_report *report,
                       const struct cgc_groups *groups);

/** The last record.  returns  0, or -errno of a write */
int cgc_report_end(struct cgc_report *report);

#endif
