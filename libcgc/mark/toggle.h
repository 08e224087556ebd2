/* SPDX-License-Identifier: MIT */
/*
 * mark/toggle.h - references that are strong or weak as the client says.
 *
 * For an object that has a twin in another world (a proxy of one that counts
 * references): while the other world uses the twin the object must stay, else
 * it may go.  Each cycle asks for each such object, while the world still runs:
 *
 *   DROP    not any more a reference of this sort
 *   STRONG  the object is a root of this cycle
 *   WEAK    it is not; if it dies, the reference goes with it
 *
 *   I1  The slot of an object in the table carries CGC_SLOT_SPECIAL, so that
 *       free() knows to come here.
 *
 * Who comes in: compat/ (add), cycle/ (roots, clear_dead), front/alloc
 * (forget).  Locks: one (CGC_RANK_TOGGLE); the caller is busy.
 * Meaning: bdwgc's GC_toggleref_add.
 */
#ifndef CGC_MARK_TOGGLE_H
#define CGC_MARK_TOGGLE_H

#include "mark/marker.h"

enum cgc_toggle { CGC_TOGGLE_DROP, CGC_TOGGLE_STRONG, CGC_TOGGLE_WEAK };

/* Called inside the collector, with the lock held: it calls nothing of it. */
typedef enum cgc_toggle (*cgc_toggle_fn)(void *obj);

/** Register the lock for fork; once, at start. */
void cgc_toggle_init(void);

/** FN is asked from now on; NULL: nobody, and all stay as they are. */
void cgc_toggle_set(cgc_toggle_fn fn);
cgc_toggle_fn cgc_toggle_get(void);

/**
 * Ask for OBJ, the start of an object, in each cycle; strong or not until then.
 * returns  0; -ENOMEM; -EINVAL: no object starts there
 */
int cgc_toggle_add(void *obj, bool strong);

/** The object at ADDR is being freed: forget it. */
void cgc_toggle_forget(uintptr_t addr);

/** A cycle begins, the world runs: ask for each. */
void cgc_toggle_ask(void);

/** World stopped: mark those that are strong. */
void cgc_toggle_visit_roots(struct cgc_marker *marker);

/** World stopped, all is marked: forget those that died. */
void cgc_toggle_clear_dead(const struct cgc_heap *heap);

/** References of this sort. */
size_t cgc_toggle_count(void);

/** Assert I1. */
void cgc_toggle_check(void);

#endif
