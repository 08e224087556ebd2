/* SPDX-License-Identifier: MIT */
/*
 * cycle/cycle.h - the collector's state machine, and the only conductor.
 *
 *   IDLE ─► START ─► MARK ─► REMARK ─► WEAK ─► FLIP ─► SWEEP ─► IDLE
 *
 * CGC_MODE=stw: all of it while the world stands.  Else a cycle that allocation
 * asks for runs beside the program, step by step (cycle/beside); one that
 * somebody waits for cuts it short and stands.
 *
 * Each phase is one function of cycle/phase; none of what it calls calls back.
 * The sweep is allocation's (heap/heap).
 *
 *   I1  Nothing is reclaimed in a cycle whose roots could not all be read.
 *
 * Who comes in: front/ (trigger, explicit, out of memory).
 * Locks: cycle.lock, the highest but front/init's; who holds it is busy, who
 * waits for it is not.
 * Source: Lua's lgc.c for the form, Boehm-Demers-Shenker 1991 for the phases.
 */
#ifndef CGC_CYCLE_CYCLE_H
#define CGC_CYCLE_CYCLE_H

#include "base/lock.h"
#include "cycle/beside.h"
#include "cycle/pacer.h"

/* All cycles of this process; guard: cycle.lock for writing. */
struct cgc_cycle_counters {
  uint64_t ncycles;
  uint64_t pause_ns;
  uint64_t cpu_ns;
  uint64_t longest_ns;
  uint64_t reclaimed_bytes; /* in use before, less what was alive */
  struct cgc_cycle_report last;
};

/** For look/layout: what the roots are. */
extern const void *const cgc_cycle_view[1];
extern struct cgc_cycle_counters cgc_cycle_counters;

/*
 * Hooks, NULL or a function.  wanted: before anything else, nothing is held and
 * the thread is not busy; false refuses the cycle.  phase: the phase word
 * has changed; the cycle lock is held, the world stands from MARK to SWEEP.
 * roots: world stopped, marks what only it knows.  marked: world stopped,
 * marking is complete, nothing swept.  finished: the world goes on; the cycle
 * lock is held.
 */
extern bool (*cgc_cycle_wanted_hook)(enum cgc_cycle_reason reason);
extern void (*cgc_cycle_finished_hook)(const struct cgc_cycle_report *report);

/**
 * Once: SCOPE says what the roots are.
 * returns  false when there is no memory for the collector's stack
 */
bool cgc_cycle_init(enum cgc_root_scope scope);

/** In the child of a fork: a cycle of another thread never ends there. */
void cgc_cycle_fork_child(void);

/**
 * Run one cycle, or a step of one that runs beside the program.  With another
 * reason than ASKED, a cycle that another thread finished meanwhile will do.
 * returns  0; -EBUSY: this thread is inside the collector, or the process is
 *          the child of a vfork; -EAGAIN: collections are off or the hook
 *          refused; -EDEADLK: a debugger holds a thread still; -ENOMEM, or
 *          what world/root says: nothing was reclaimed
 * caller   has a record, is not busy
 */
int cgc_cycle_collect(enum cgc_cycle_reason reason);

/**
 * The same for ASKED, for a debugger: before whoever else wants to collect.
 * returns  also -ETIMEDOUT: another has been collecting until DEADLINE_NS
 */
int cgc_cycle_collect_by(uint64_t deadline_ns);

/* Marks afresh what it wants to know; the report is there to be written to. */
typedef int (*cgc_survey_fn)(const struct cgc_work *work, void *ctx);

/**
 * Call FN with the world stopped, the caches flushed and the mark bits
 * prepared, on the collector's stack; then let the world go on.  Nothing is
 * reclaimed, and marks mean nothing afterwards.  Collections may be off.
 * returns  what FN does; -EBUSY as cgc_cycle_collect; -ENOMEM
 * caller   has a record, is not busy
 */
int cgc_cycle_survey(cgc_survey_fn fn, void *ctx);

/** Have free memory go back to the system in time (cycle/trimmer). */
void cgc_cycle_trim(void);

/** Collections off and on; calls nest. */
void cgc_cycle_disable(void);
void cgc_cycle_enable(void);
bool cgc_cycle_is_disabled(void);

/** What is a root from the next cycle on. */
void cgc_cycle_set_scope(enum cgc_root_scope scope);

/** No cycle below so many BYTES in use: the program asks for room. */
void cgc_cycle_set_room(size_t bytes);

/** Growth of the live heap, in percent, that starts a cycle; 0: never. */
void cgc_cycle_set_percent(uint64_t percent);

/** Before the first cycle: one that finds nothing puts off no other. */
void cgc_cycle_set_steady(void);

extern CGC_HIDDEN _Atomic size_t cgc_cycle_trigger_bytes;

/** Whether the heap has grown to the trigger. */
CGC_INLINE bool cgc_cycle_due(void) {
  return cgc_unlikely(
      cgc_heap_in_use(&cgc_heap) >=
      atomic_load_explicit(&cgc_cycle_trigger_bytes, memory_order_relaxed));
}

#endif
