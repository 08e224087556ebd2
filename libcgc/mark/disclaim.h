/* SPDX-License-Identifier: MIT */
/*
 * mark/disclaim.h - kinds whose dead objects somebody asks for once more.
 *
 *   found dead ──find──► waiting ──take──► FN(obj) ──0──► freed (front/alloc)
 *        ^                                    '────not 0──► kept
 *        '------------- a later cycle finds it dead ---------'
 *
 * The function is the client's and may call anything, so it runs neither while
 * the world stands nor in a sweep, but after the cycle, in the thread that ran
 * it.  Until then the object waits as it was found: marked, and not scanned,
 * for what it points to may be gone.  A kind that marks from all keeps what its
 * objects point to, dead ones included.
 *
 *   I1  What waits is LIVE, carries CGC_SLOT_SPECIAL, and is of a kind with a
 *       function.
 *   I2  nwaiting == records that nobody has taken yet.
 *
 * Who comes in: who makes a kind (set), cycle/ (keep, scan, find), front/alloc
 * (take, done, forget).  Locks: one (CGC_RANK_DISCLAIM); the caller is busy, or
 * the world stands.
 * Meaning: bdwgc's GC_register_disclaim_proc.
 */
#ifndef CGC_MARK_DISCLAIM_H
#define CGC_MARK_DISCLAIM_H

#include "mark/marker.h"

/* returns  not 0: keep OBJ this time */
typedef int (*cgc_disclaim_fn)(void *obj);

struct cgc_disclaim_call {
  cgc_disclaim_fn fn;
  void *obj;
};

/** Register the lock for fork; once, at start. */
void cgc_disclaim_init(void);

/**
 * Have FN asked for each dead object of KIND, which is not a pinned one.
 * mark_from_all  what objects of KIND point to is reachable, dead ones included
 */
void cgc_disclaim_set(enum cgc_kind kind, cgc_disclaim_fn fn,
                      bool mark_from_all);

/** World stopped, before anything else is marked: mark what waits. */
void cgc_disclaim_keep(struct cgc_marker *marker);

/** World stopped: mark what all objects of kinds that mark from all point to.
 */
void cgc_disclaim_scan(struct cgc_marker *marker);

/**
 * World stopped, marking done: what is still unmarked and of a kind with a
 * function waits from here on.  Without memory to note it an object is kept.
 * returns  objects that wait now
 */
size_t cgc_disclaim_find(struct cgc_marker *marker);

/** Objects that wait; takes no lock. */
size_t cgc_disclaim_waiting(void);

/** The next that waits.  returns  false if none does */
bool cgc_disclaim_take(struct cgc_disclaim_call *call);

/**
 * FN was called for OBJ.
 * returns  false if OBJ was freed meanwhile
 */
bool cgc_disclaim_done(const void *obj);

/** The object at ADDR is being freed: nobody is asked any more. */
void cgc_disclaim_forget(uintptr_t addr);

/** Assert I1 and I2. */
void cgc_disclaim_check(void);

#endif
