/* SPDX-License-Identifier: MIT */
/*
 * compat/reachable.h - which objects the last collection found: their mark
 * bits, and all of them.
 *
 * They are noted while the world stands still and told when it goes on, the
 * allocation lock held: no collection comes, and nothing waits for a thread
 * that was stopped.
 *
 * Who comes in: the program.  Calls: heap/walk, world/stop.
 * Locks: compat/guard's.
 */
#ifndef CGC_COMPAT_REACHABLE_H
#define CGC_COMPAT_REACHABLE_H

#include "compat/descriptor.h"

#endif
