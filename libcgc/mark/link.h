/* SPDX-License-Identifier: MIT */
/*
 * mark/link.h - weak links: words that become NULL when an object dies.
 *
 *   short   cleared as soon as the object is not reachable from roots
 *   long    cleared when it is not even reachable from an object that waits
 *           for its finalizer
 *
 * Two tables of each sort, in memory that nothing is marked from:
 *
 *   by_link   address of the link -> object, next and previous link to it
 *   by_obj    object              -> its first link
 *
 * so that an object which is freed finds its links as fast as the other way.
 *
 *   I1  Each link of by_link stands exactly once in the chain of its object.
 *   I2  The slot of a linked object, and of one that holds a link, carries
 *       CGC_SLOT_SPECIAL, so that free() knows to come here.
 *
 * The order in a cycle: clear_dead(short), finalizers are found and what they
 * need is marked, clear_dead(long).
 *
 * Who comes in: front/api, front/alloc (forget), cycle/ (clear_dead).
 * Locks: one (CGC_RANK_LINK) for all; the caller is busy.
 * Meaning and results are those of bdwgc's disappearing links.
 */
#ifndef CGC_MARK_LINK_H
#define CGC_MARK_LINK_H

#include "heap/heap.h"

/** Register the lock for fork; once, at start. */
void cgc_link_init(void);

/**
 * Have *LINK become NULL when OBJ dies.
 * link     8-byte aligned; if it lies in an object, it goes with that object
 * obj      start of an object; what is none is never found dead
 * returns  0; -EEXIST: LINK was registered, and is for OBJ now; -ENOMEM;
 *          -EINVAL: one of them is NULL
 */
int cgc_link_register(void **link, const void *obj, bool is_long);

/** Forget LINK; *LINK stays.  returns  whether it was registered */
bool cgc_link_unregister(void **link, bool is_long);

/**
 * The link at LINK is at NEW_LINK now; neither word is touched.
 * returns  0; -ENOENT: LINK is not registered; -EEXIST: NEW_LINK is;
 *          -EINVAL: NEW_LINK is NULL
 */
int cgc_link_move(void **link, void **new_link, bool is_long);

/** The object at ADDR is being freed: forget links to it and links in it. */
void cgc_link_forget(uintptr_t addr);

/**
 * World stopped, marking done: set *link to NULL for each link of this sort
 * whose object is not marked, and forget it.  The call for long links also
 * forgets all links, short and long, that stand in dead objects themselves;
 * not earlier, since a finalizer may bring such an object back.
 * returns  links cleared
 */
size_t cgc_link_clear_dead(const struct cgc_heap *heap, bool is_long);

/** Links registered. */
size_t cgc_link_count(bool is_long);

/** Assert I1 and I2. */
void cgc_link_check(void);

#endif
