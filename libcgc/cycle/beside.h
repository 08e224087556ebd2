/* SPDX-License-Identifier: MIT */
/*
 * cycle/beside.h - a cycle that runs while the program does.
 *
 *   OFF ─► SWEEPING ─► ARMING ─► PREPARING ─► MARKING ─► FINISHING ─► OFF
 *              stop: hold        stop: roots         ^  stop: |remark
 *                                                    '--------' too much
 *
 *   SWEEPING   the last cycle's garbage, some spans at each step
 *   ARMING     all of the heap is clean in the books of the barrier
 *   PREPARING  mark bits: nothing is marked, and what is allocated is white
 *   MARKING    from the first roots and pinned objects; then the pages that
 *              were written meanwhile, in rounds while that pays
 *   FINISHING  more rounds, until few pages are left
 *   remark     the world stands: pages written since, roots again, weak
 *              things, flip; if that takes longer than the pause target the
 *              world goes on, and it comes back to it after another round
 *
 * Each step is bounded, and allocation asks for one as it goes on.  Between
 * the stops the work is done in slices: by a background thread (concurrent), or
 * by the step itself up to the pause target (incremental; and always where the
 * program allocates faster than the thread marks, and in FINISHING, so that it
 * cannot write pages faster than they are visited).  Only a program that does
 * so all the same, or whose heap grows to four times what it was, stands for
 * as long as it takes; the trace says so.
 *
 * A young cycle keeps the marks of the cycle before, so it is neither armed nor
 * prepared: what is marked is old and stays, and of that only what stands on
 * pages written since is scanned again.  It reclaims what was allocated since
 * then; what died of the old waits for a full cycle.
 *
 *   I1  While it is on the heap is held and nothing is unswept.
 *   I2  At the flip every object that a marking from scratch would mark is
 *       marked (mark/audit proves it under CGC_VERIFY), but for what only a
 *       word names that is older than the object's span: of a page that is
 *       free nothing can be marked.  Such a word is no pointer to the object,
 *       since whoever stores one writes to a page or has it in a root.
 *
 * A cycle that cannot end, or that somebody cannot wait for, is cut short: it
 * leaves nothing but marks that the next cycle prepares anew.
 *
 * Who comes in: cycle/cycle, its lock held, the thread busy.
 * Locks: none of its own.
 * Source: Boehm, Demers, Shenker 1991; the slices are Go's and Lua's.
 */
#ifndef CGC_CYCLE_BESIDE_H
#define CGC_CYCLE_BESIDE_H

#include "cycle/background.h"
#include "cycle/barrier.h"
#include "cycle/phase.h"

enum cgc_beside_stage {
  CGC_BESIDE_OFF,
  CGC_BESIDE_SWEEPING,
  CGC_BESIDE_ARMING,
  CGC_BESIDE_PREPARING,
  CGC_BESIDE_MARKING,
  CGC_BESIDE_FINISHING,
  CGC_BESIDE_DISARMING
};

/* Zeroed memory is a valid instance. */
struct cgc_beside {
  enum cgc_beside_stage stage;
  bool threaded;     /* the slices are a background thread's */
  bool young;        /* what was marked before stays so */
  bool remembers;    /* marks and the record of writes since hold: the next
                        cycle may be young */
  bool cut;          /* cut short; the heap is still held */
  _Atomic bool over; /* the stage's slices are done */
  struct cgc_work work;
  struct cgc_cycle_report report;
  struct cgc_barrier barrier;
  struct cgc_background background;
  size_t at, end;       /* pages: how far the slices of a stage are */
  bool counts;          /* of the round to come: is it worth it? */
  uint64_t since_ns;    /* when pages were armed that are written now */
  uint64_t nfound;      /* OS pages found written in the round before */
  unsigned round;       /* of visits to written pages, in this stage */
  unsigned ntries;      /* stops to remark */
  uint64_t grown_bytes; /* the heap's, when the cycle began */
  size_t born_bytes;    /* allocated since, at the flip */
  size_t live_bytes;    /* then, by the last of them */
  size_t limit_bytes;   /* in use: then the rest is done in one step */
};

CGC_INLINE bool cgc_beside_is_on(const struct cgc_beside *beside) {
  return beside->stage != CGC_BESIDE_OFF;
}

/**
 * Begin a cycle, WORK has its scope and workers; a young one where the last
 * cycle allows it and YOUNG.
 * returns  0; -ENOSYS: nothing keeps a record of writes, or there are objects
 *          that must not be scanned while the program runs
 */
int cgc_beside_begin(struct cgc_beside *beside, const struct cgc_work *work,
                     enum cgc_cycle_reason reason, bool threaded, bool young);

/**
 * One step of the cycle that is on.
 * returns  1: it goes on; 0: it is done, the report says what it did; -errno
 *          of a root that could not be read: cut short
 */
int cgc_beside_step(struct cgc_beside *beside);

/** What the program may allocate until the next step; less at the end. */
size_t cgc_beside_step_bytes(const struct cgc_beside *beside);

/**
 * Whether a thread that allocates shall wait for a step that another takes: it
 * would undo what that one does.
 */
bool cgc_beside_wants_all(const struct cgc_beside *beside);

/** Nobody marks any more; the next stop must call cgc_beside_clean_up. */
void cgc_beside_cut_short(struct cgc_beside *beside);

/** World stopped, or the child of a fork. */
void cgc_beside_clean_up(struct cgc_beside *beside);

/** In the child of a fork, its only thread. */
void cgc_beside_fork_child(struct cgc_beside *beside);

#endif
