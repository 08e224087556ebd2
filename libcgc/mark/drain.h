/* SPDX-License-Identifier: MIT */
/*
 * mark/drain.h - the loop that marks.
 *
 *   object --look--> words of the heap --mark/visit--> ring --> mark bits
 *     ^                                                           |
 *     '-- next, prefetching contents <-- slots, pieces, spans <---'
 *
 * An object's contents are asked for when it enters next and looked at when it
 * leaves.  Where the front is wide, spans wait instead of objects, and their
 * grey objects are scanned in address order, in rounds (mark/round.h).  An
 * object that names one beside it is scanned with all that hangs on it in its
 * window (mark/window.h).  A list has one object at a time: it is followed
 * without ring and queue.
 *
 * The loop is compiled for each kernel of mark/scan, with and without what the
 * options add.
 *
 *   I1  A drain leaves ring, next and queue with nothing that was not visited
 *       or scanned.
 *
 * Who comes in: mark/marker.  Locks: none but the pool's.
 */
#ifndef CGC_MARK_DRAIN_H
#define CGC_MARK_DRAIN_H

#include "mark/round.h"
#include "mark/sight.h"
#include "mark/window.h"

/** The kernel that the options ask for. */
const struct cgc_drain_kernel *cgc_drain_choose(enum cgc_scan_kernel kernel,
                                                enum cgc_sight_way way);

#endif
