/* SPDX-License-Identifier: MIT */
/*
 * front/leak.h - finding leaks: CGC_LEAK, from the start to the report.
 *
 *   start    CGC_LEAK is set: blocks are noted (look/block), nothing is
 *            reclaimed any more, so what is lost is still there to be told
 *   check    look/loss ─► a raw file (look/report) ─► the printer
 *            ─► its status, which an exit hands on
 *
 * A check is made when the process ends (front/exit), and on demand.  Each
 * tells what is lost now and how much of that no check told before; one on
 * demand also which stacks' live blocks grew three times in succession.
 *
 * A wrong free (front/misuse) is told with the block's stacks, in a report of
 * its own.
 *
 * CGC_LEAK is a list separated by colons, `\:' being a colon of an option.
 * What is known here; all else is the printer's:
 *
 *   on                     nothing; off, 0 or nothing at all: no leak finding
 *   reachable              what was not freed and is reachable is told, too
 *   depth=N                frames kept of each stack
 *   exit-code=N            0: an exit keeps its status
 *   pid=N                  only the process N reports: what cgc leak started,
 *                          whichever program it executes
 *   follow-children        children of fork and programs executed report, too
 *   signal=NAME            a check at each such signal
 *   period=SECONDS         a check every so often
 *   fail=...               see front/fail
 *
 * The printer is CGC_LEAK_PRINTER, else the cgc of this installation: `cgc
 * leak --print FILE', on a copy of stderr made at the start.  Where it can't
 * be started a plain list is written there.
 *
 * Who comes in: front/malloc, front/alloc, front/exit, front/api.
 * Locks: one check at a time; the second waits.
 */
#ifndef CGC_FRONT_LEAK_H
#define CGC_FRONT_LEAK_H

#include "front/fail.h"

#include <sys/types.h>

struct cgc_leak_options {
  bool on;
  bool reachable;
  bool follow;
  pid_t pid; /* 0: any */
  unsigned depth;
  int exit_code;
  int signal;         /* 0: none */
  uint64_t period_ns; /* 0: none */
};

/** Const after start. */
extern CGC_HIDDEN struct cgc_leak_options cgc_leak;

/**
 * Read TEXT, the value of CGC_LEAK, which is kept.
 * returns  what is wrong with it, or NULL
 */
const char *cgc_leak_parse(const char *text, struct cgc_leak_options *options);

/**
 * Look for CGC_LEAK in the environment ENV, and begin; the first time that the
 * heap is used.  returns  whether leaks are looked for
 */
bool cgc_leak_start(char *const *env);

/** Where the stack of a thread that ends is dead. */
struct cgc_leak_end {
  uintptr_t dead_lo;
  uintptr_t dead_hi;
  uintptr_t main_hi;
  bool main_returned;
  bool in_handler; /* of a signal: the loader can't be asked */
  bool goes_on;    /* the process does not end */
};

/** Whether this process is one that reports. */
bool cgc_leak_is_ours(void);

/**
 * Look for leaks and report them.
 * reason   as look/report has it
 * end      where the process ends; NULL: it goes on
 * returns  the printer's status; -EBUSY: this thread is inside the collector;
 *          -ENOTSUP: leaks are not looked for; or what look/loss says
 * caller   holds no lock, is not busy
 */
int cgc_leak_check(const char *reason, const struct cgc_leak_end *end);

/**
 * A block of malloc's family: the size it was asked for, and the caller's
 * frame, from which its stack is told.
 */
void cgc_leak_made(const void *ptr, size_t size, const void *frame);

/**
 * Count a call of KIND; whether it is one that was asked to fail.
 * errors   ENOMEM in errno then
 */
bool cgc_leak_fails(enum cgc_fail_kind kind, const void *frame);

/** Objects that were lost at the last check. */
size_t cgc_leak_lost(void);

/**
 * Have a check made where the next block is noted.
 * threads  any, signal handlers too
 */
void cgc_leak_ask(void);

/** The code of some module may be gone. */
void cgc_leak_closed(void);

#endif
