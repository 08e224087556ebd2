/* SPDX-License-Identifier: MIT */
/*
 * compat/message.h - warnings, logs and the end, by the program's functions.
 *
 *   cgc_warning_hook ──► the program's warn proc (else a line of base/log)
 *   out of memory    ──► GC_on_abort(NULL), exit(1)
 *   a broken heap    ──► the line, the stack, GC_on_abort(text), abort
 *
 * Who comes in: the program; the rest of compat/.  Calls: base/log.
 * Locks: none.
 */
#ifndef CGC_COMPAT_MESSAGE_H
#define CGC_COMPAT_MESSAGE_H

#include "compat/variable.h"

GC_API void GC_printf(const char *format, ...) CGC_PRINTF(1, 2);
GC_API void GC_err_printf(const char *format, ...) CGC_PRINTF(1, 2);
GC_API void GC_log_printf(const char *format, ...) CGC_PRINTF(1, 2);

/** Once, when the heap is made. */
void cgc_message_init(void);

/** Tell the abort function TEXT, and abort. */
CGC_NORETURN CGC_COLD void cgc_message_abort(const char *text);

#endif
