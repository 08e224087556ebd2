/* SPDX-License-Identifier: MIT */
/*
 * base/log.h - the lines that the collector prints, and how it dies.
 *
 * A line is formatted into a stack buffer and leaves by one write(2): no
 * malloc, no stdio, no lock, so it works in a signal handler, with the world
 * stopped and inside malloc.  The form is
 *
 *   cgc: [pid] level: message key=value
 *
 * Who comes in: everybody.  Calls: nothing.
 *
 * Formats known: %s %c %d %u %x %p %% with l and z before d, u and x, a
 * minimum width (blank or zero padded), and %.Ns.  Anything else is printed
 * as it stands, so that a mistake shows in the line.
 */
#ifndef CGC_BASE_LOG_H
#define CGC_BASE_LOG_H

#include "base/base.h"

#include <stdarg.h>

enum cgc_log_level { CGC_LOG_ERROR, CGC_LOG_WARNING, CGC_LOG_INFO };

enum { CGC_LOG_LINE_MAX = 1024 };

/**
 * Format into BUF like snprintf, with the formats listed above.
 * returns  the length of the text, never more than SIZE - 1 (bytes)
 * threads  any, signal handlers too
 */
size_t cgc_log_format(char *buf, size_t size, const char *fmt, ...)
    CGC_PRINTF(3, 4);
size_t cgc_log_vformat(char *buf, size_t size, const char *fmt, va_list args);

/** Write one line of LEVEL; errno is kept. */
void cgc_log(enum cgc_log_level level, const char *fmt, ...) CGC_PRINTF(2, 3);

/** Write text without prefix, as tables and traces need it; errno is kept. */
void cgc_log_raw(const char *fmt, ...) CGC_PRINTF(1, 2);

/** Where lines go: a file descriptor, 2 at the start. */
void cgc_log_set_fd(int fd);
int cgc_log_fd(void);

/**
 * A broken invariant or corrupt heap: one line, the call stack (if the hook
 * is set), abort.
 */
CGC_NORETURN CGC_COLD void cgc_fatal(const char *fmt, ...) CGC_PRINTF(1, 2);

/**
 * Gets the text of each warning in place of the line; NULL: none does.  May be
 * called with locks held and the world stopped.
 */
extern void (*cgc_warning_hook)(const char *text);

/** Prints the call stack of a fatal line; set by the floor that can. */
extern void (*cgc_fatal_hook)(void);

#endif
