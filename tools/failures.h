/* SPDX-License-Identifier: MIT */
/*
 * tools/failures.h - each allocation of a program fails once.
 *
 * A first run counts the calls.  Then the program runs once for each of them,
 * and that one returns NULL: what crashes, hangs, or loses memory that the
 * first run did not lose, is told by the call that failed.
 */
#ifndef CGC_TOOLS_FAILURES_H
#define CGC_TOOLS_FAILURES_H

#include "base/base.h"

/** Is NAME a call that can be made to fail: malloc, ..., any? */
bool cgc_failures_is_call(const char *name);

/** Is TEXT a list for --fail: CALL@NUMBER, CALL@PERCENT% or CALL@all, with
 * commas between? */
bool cgc_failures_valid(const char *text);

/**
 * Run the program ARGV once for each of its calls of CALL.
 * list       CGC_LEAK's value for the runs, without fail= and raw=
 * timeout_s  after so long a run hangs
 * returns    0; the list's exit-code when a call that fails does harm; or the
 *            status for a program that can't be run
 */
int cgc_failures_run(char **argv, const char *list, const char *call,
                     unsigned timeout_s);

#endif
