/* SPDX-License-Identifier: MIT */
/*
 * mark/final.h - finalizers: which are registered, which are ready to run.
 *
 *   register ──► registered ──find: object unreachable──► ready ──take──► run
 *                    ^                                      |
 *                    '---- (unreachable order, reached) ----'
 *
 * One table, object -> its registered and its ready finalizer; an object has
 * at most one of each.  The table keeps no object alive, but what the data of
 * each finalizer points to, and ready objects with all that they reach.
 *
 * What find does, after marking, in the order of steps:
 *   1  for each registered object that is not marked, mark what it points to:
 *        ORDERED, UNREACHABLE   all of it
 *        IGNORE_SELF            all but itself
 *        NO_ORDER               nothing
 *   2  those still not marked are ready;
 *   3  mark the ready ones but UNREACHABLE, with all that they reach;
 *   4  a ready UNREACHABLE one that is marked now goes back, the others are
 *      marked.
 * So of two ORDERED objects the one that is pointed to waits, a cycle of them
 * is never ready, and nothing that a finalizer can see is reclaimed.
 *
 *   I1  nready == length of the ready queue.
 *   I2  The slot of an object in the table carries CGC_SLOT_SPECIAL, so that
 *       free() knows to come here.
 *
 * Who comes in: front/api, front/alloc (forget), cycle/ (roots, find),
 * cycle/invoke (take).  Locks: one (CGC_RANK_FINAL); the caller is busy.
 * Meaning: bdwgc's, with its GC_java_finalization on.
 */
#ifndef CGC_MARK_FINAL_H
#define CGC_MARK_FINAL_H

#include "mark/marker.h"

typedef void (*cgc_final_fn)(void *obj, void *data);

enum cgc_final_order {
  CGC_FINAL_ORDERED,
  CGC_FINAL_IGNORE_SELF,
  CGC_FINAL_NO_ORDER,
  CGC_FINAL_UNREACHABLE
};

/* A finalizer that is registered or ready. */
struct cgc_final_entry {
  uintptr_t obj;
  cgc_final_fn fn;
  void *data;
  enum cgc_final_order order;
  struct cgc_link link; /* in the ready queue */
};

struct cgc_final_call {
  cgc_final_fn fn;
  void *obj;
  void *data;
};

/** For look/layout: the table of entries. */
extern const void *const cgc_final_view[1];

/** Register the lock for fork; once, at start. */
void cgc_final_init(void);

/**
 * Have FN(OBJ, DATA) run when OBJ dies; replaces what was registered.
 * obj      start of an object; for anything else nothing is registered
 * fn       NULL removes
 * old_fn   NULL, or out: what was registered before, NULL if nothing was; the
 *          same for old_data
 * returns  0; -ENOMEM: nothing has changed, old_fn and old_data included
 */
int cgc_final_register(void *obj, cgc_final_fn fn, void *data,
                       enum cgc_final_order order, cgc_final_fn *old_fn,
                       void **old_data);

/** The object at ADDR is being freed: forget its finalizers. */
void cgc_final_forget(uintptr_t addr);

/** World stopped: mark the data of all, and the objects that are ready. */
void cgc_final_visit_roots(struct cgc_marker *marker);

/**
 * World stopped, marking done: find what is ready, as above.  The marker is
 * drained on return.
 * returns  finalizers that became ready
 */
size_t cgc_final_find(struct cgc_marker *marker);

/**
 * Take the ready finalizer that waits longest.  Its object and data are kept
 * alive by *CALL alone from here on, which stands on the caller's stack.
 * returns  false if none is ready
 */
bool cgc_final_take(struct cgc_final_call *call);

/**
 * Make every registered finalizer ready, reachable or not.
 * returns  how many are ready now
 */
size_t cgc_final_ready_all(void);

/** Gets each object that find makes ready, world stopped; NULL: none does. */
extern void (*cgc_final_ready_hook)(void *obj);

/** Finalizers that are ready; takes no lock. */
size_t cgc_final_ready(void);

/** How often find found any; takes no lock. */
uint64_t cgc_final_batches(void);

/** Finalizers registered. */
size_t cgc_final_count(void);

/** Assert I1 and I2. */
void cgc_final_check(void);

#endif
