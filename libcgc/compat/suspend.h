/* SPDX-License-Identifier: MIT */
/*
 * compat/suspend.h - one thread held up, until it is let go.
 *
 *   suspend   wanted ─► signal ─► the handler waits, asleep is set
 *             (busy in the collector: the handler returns, the signal is
 *             sent again a moment later)
 *   resume    wanted is cleared ─► the handler returns
 *
 * The signal is bdwgc's (GC_get_suspend_signal).  A thread that is held up so
 * is stopped by collections like any other.
 *
 *   I1  A record stays in its list for ever; there is one for each thread
 *       that was ever held up.
 *
 * Who comes in: the program.  Locks: none; the list only grows.
 */
#ifndef CGC_COMPAT_SUSPEND_H
#define CGC_COMPAT_SUSPEND_H

#include "compat/variable.h"

#endif
