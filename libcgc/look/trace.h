/* SPDX-License-Identifier: MIT */
/*
 * look/trace.h - CGC_TRACE=1: one line for each cycle.
 *
 *   cgc: [4711] info: cycle 12 at 3.402s heap 61.2->30.4 MiB live 30.4 MiB
 *     pause 8123 us stops 3 rescanned 57 cpu 2.1% trigger
 *
 * (in one line) that is: number; seconds since the start; in use before and
 * after; found alive; how long the world stood, in how many stops; OS pages
 * that were written beside the cycle and marked again; the share of the
 * process's CPU time that cycles took since the start; why.
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

#endif
