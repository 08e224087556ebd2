/* SPDX-License-Identifier: MIT */
/*
 * look/trace.h - CGC_TRACE=1: a line for each cycle, two if it ran beside the
 * program.
 *
 *   cgc: [4711] info: cycle 12 at 3.402s heap 61.2->30.4 MiB live 30.4 MiB
 *     pause 8123 us stops 3 rescanned 57 cpu 2.1% trigger
 *
 * (in one line) that is: number; seconds since the start; in use before and
 * after; found alive; how long the world stood, in how many stops; OS pages
 * that were written beside the cycle and marked again; the share of the
 * process's CPU time that cycles took since the start; why.
 *
 *   cgc: [4711] info: cycle 12 longest stop 730 us: stop 21 flush 1 roots 196
 *     pinned 0 written 490 mark 3 weak 0 flip 18; slice 480 us; 14 rounds;
 *     target missed for written
 *
 * where the time of the longest stop went; the longest that an allocation
 * marked; rounds over written pages; if the pause target was missed, the part
 * that took longest, and "all at once" when the program wrote or allocated
 * faster than the cycle could follow.
 *
 * Who comes in: front/init; cycle/cycle by its finished hook.  Locks: none.
 */
#ifndef CGC_LOOK_TRACE_H
#define CGC_LOOK_TRACE_H

#include "cycle/cycle.h"

/** Look at the option, and begin to trace if it is on; note the time. */
void cgc_trace_init(void);

/* What a line needs besides the cycle's report. */
struct cgc_trace_totals {
  uint64_t since_start_ns;
  uint64_t cpu_ns;       /* of the process */
  uint64_t collector_ns; /* CPU time of all cycles, the workers' included */
  size_t after_bytes;    /* in use now */
};

/** The line without its prefix; returns its length, less than SIZE. */
size_t cgc_trace_format(char *buf, size_t size,
                        const struct cgc_cycle_report *report,
                        const struct cgc_trace_totals *totals);

/** The second line, the same way. */
size_t cgc_trace_format_stops(char *buf, size_t size,
                              const struct cgc_cycle_report *report,
                              uint64_t target_ns);

#endif
