/* SPDX-License-Identifier: MIT */
/*
 * mark/rescan.h - what was written after it was scanned, scanned again.
 *
 * A marker beside the program scans each object once, while the program goes
 * on writing.  A pointer that is written into an object already scanned would
 * be missed, so every page that was written since (os/dirty) is visited again:
 *
 *   written page --marked and live objects on it--> their words --> marker
 *
 * Objects that are not marked need no visit: whoever reaches one later scans
 * it then.  What is written may lead to what the heap has grown by, so the
 * marker is extended first.
 *
 * Who comes in: cycle/, beside the program or with the world stopped, the heap
 * held.  Calls: mark/marker.  Locks: none.
 * Source: Boehm, Demers, Shenker, "Mostly Parallel Garbage Collection", 1991.
 */
#ifndef CGC_MARK_RESCAN_H
#define CGC_MARK_RESCAN_H

#include "mark/marker.h"

/**
 * Scan the marked and live objects in [LO, HI) of the arena; what they lead to
 * waits in MARKER's queue.
 */
void cgc_rescan(struct cgc_marker *marker, uintptr_t lo, uintptr_t hi);

#endif
