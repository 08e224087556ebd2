/* SPDX-License-Identifier: MIT */
/*
 * cycle/phase.h - the phases of a cycle, each one function.
 *
 *   START   flush the caches, finish the last sweep, prepare the mark bits
 *   MARK    scan roots and pinned objects, drain the queue
 *   REMARK  what has changed since (nothing while the world stands still)
 *   WEAK    short links, finalizers, long links, toggle references, what is to
 *           be disclaimed
 *   FLIP    what is unmarked is garbage from here on
 *
 * What they work on and what they found stands in one struct.  None of them
 * calls back; the conductors, cycle/beside and cycle/cycle, say what comes
 * when.  The phase word is written here alone.
 *
 *   I1  Between FLIP and START every object that the last cycle found
 *       reachable is intact.
 *
 * Who comes in: cycle/beside, cycle/cycle, the cycle's lock held.
 * Locks: none of its own.
 */
#ifndef CGC_CYCLE_PHASE_H
#define CGC_CYCLE_PHASE_H

#include "mark/worker.h"
#include "world/root.h"

enum cgc_phase {
  CGC_PHASE_IDLE,
  CGC_PHASE_START,
  CGC_PHASE_MARK,
  CGC_PHASE_REMARK,
  CGC_PHASE_WEAK,
  CGC_PHASE_FLIP,
  CGC_PHASE_SWEEP
};

enum cgc_cycle_reason {
  CGC_CYCLE_TRIGGER, /* the heap has grown to the pacer's trigger */
  CGC_CYCLE_ASKED,   /* GC_collect */
  CGC_CYCLE_MEMORY,  /* the system has no more memory */
  CGC_CYCLE_STRESS   /* CGC_STRESS */
};

/* What the time of a stop goes to. */
enum cgc_part {
  CGC_PART_STOP,    /* until all threads stood */
  CGC_PART_FLUSH,   /* caches, the last sweep, marks prepared */
  CGC_PART_ROOTS,   /* found and scanned */
  CGC_PART_PINNED,  /* the same of pinned objects */
  CGC_PART_WRITTEN, /* pages written while marking */
  CGC_PART_MARK,    /* what all these lead to */
  CGC_PART_WEAK,    /* links, finalizers */
  CGC_PART_FLIP,    /* and threads that go on */
  CGC_PARTS
};

/* One stop. */
struct cgc_stand {
  uint64_t ns; /* from the first thread's stop until all may go on */
  uint64_t part_ns[CGC_PARTS];
};

/* What a cycle did; the finished hook gets it. */
struct cgc_cycle_report {
  uint64_t number;
  enum cgc_cycle_reason reason;
  uint64_t began_ns; /* CLOCK_MONOTONIC */
  uint64_t nstops;   /* times that the world stood */
  uint64_t stop_ns;  /* until all threads stood still */
  uint64_t pause_ns; /* from the first thread's stop until all may go on */
  struct cgc_stand longest;
  uint64_t cpu_ns;     /* CPU time of all markers, also beside the program */
  uint64_t roots_ns;   /* of the pause: finding and scanning roots */
  uint64_t slice_ns;   /* the longest that a thread marked in an allocation */
  uint64_t nrounds;    /* of visits to written pages */
  bool young;          /* what earlier cycles marked was not looked at */
  bool all_at_once;    /* the last stop was as long as it had to be */
  unsigned nmarkers;   /* that marked while the world stood */
  uint64_t rescanned;  /* OS pages that were written while marking */
  size_t before_bytes; /* in use when it began */
  size_t live_bytes;   /* marked, or allocated meanwhile */
  size_t heap_bytes;   /* committed */
  size_t trigger_bytes;
  uint64_t marked_objects;
  uint64_t scanned_bytes;
  uint64_t root_bytes;
};

/* What the phases of one cycle work on. */
struct cgc_work {
  enum cgc_root_scope scope;
  struct cgc_workers *workers;
  struct cgc_marker *marker; /* of the collecting thread, open since MARK */
  struct cgc_cycle_report *report;
  size_t expected_bytes;  /* alive, at most; SIZE_MAX: who knows */
  uint64_t stood_ns;      /* since when the world stands; 0: it runs */
  uint64_t stood_cpu_ns;  /* the process's CPU time then */
  struct cgc_stand stand; /* the stop that is on */
  uint64_t lap_ns;        /* when its last part ended */
};

extern _Atomic int cgc_phase;

/* Hooks, see cycle/cycle.h. */
extern void (*cgc_cycle_phase_hook)(enum cgc_phase phase);
extern void (*cgc_cycle_roots_hook)(struct cgc_marker *marker);
extern void (*cgc_cycle_marked_hook)(struct cgc_heap *heap);

void cgc_phase_enter(enum cgc_phase phase);

/** Stop the world, and let it go on; the report counts the time. */
void cgc_phase_stop_world(struct cgc_work *work);
void cgc_phase_start_world(struct cgc_work *work);
/** The same, which gives up as cgc_stop_try does.  returns  0 or -EDEADLK */
int cgc_phase_try_stop_world(struct cgc_work *work);

/** World stopped: the time since the last part ended is PART's. */
void cgc_phase_lap(struct cgc_work *work, enum cgc_part part);

/** CGC_VERIFY: check every floor; world stopped. */
void cgc_phase_verify(void);

/** World stopped: every slot is in a span that a central has. */
void cgc_phase_flush(void);

/** START, world stopped. */
void cgc_phase_start(struct cgc_work *work);

/**
 * World stopped: scan all roots; what they lead to waits if the marker is
 * bounded.
 * returns  0, or what world/root says: then nothing may be reclaimed
 */
int cgc_phase_roots(struct cgc_work *work);

/**
 * World stopped, the marks prepared: begin marking beside the program.  What
 * the roots lead to waits; those that only scanning tells come at the end.
 */
int cgc_phase_first_roots(struct cgc_work *work);

/** MARK, world stopped: from the roots to the end, with all workers. */
int cgc_phase_mark(struct cgc_work *work);

/** WEAK, world stopped, everything reachable marked. */
void cgc_phase_weak(struct cgc_work *work);

/** FLIP, world stopped; LIVE bytes are in use from here on. */
void cgc_phase_flip(struct cgc_work *work, size_t live);

#endif
