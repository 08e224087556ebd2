/* SPDX-License-Identifier: MIT */
/*
 * cycle/pacer.h - when to collect next: arithmetic on one struct.
 *
 *   trigger = live + live * percent / 100 * stretch,
 *             at least live + what pays for the last cycle's time,
 *             at least the minimum, and the room that the program asked for
 *
 * so that marking, which costs what is live, is paid for by as much
 * allocation.  In a tiny heap a cycle costs what finding the roots does, and
 * what the program allocates in between should stay in the processor's cache:
 *
 *   150 bytes for each ns that the last cycle took, up to 3/8 of the cache;
 *   beyond it, where a byte costs more, 25 bytes
 *
 * (80 us: 12 MiB, and an object of 1 KiB takes 33 ns; where 32 MiB pass between
 * two cycles it takes 45, two threads' each 70 in place of 59).
 * No more than 32 MiB, so that a small heap stays small (binary trees with 4 to
 * 8 MiB alive: 193 ms where the most are 16 MiB, 161 at 32, 138 at 64); and
 * less for who asks for less than 100 percent.
 *
 * A program that frees what it no longer needs gives the collector nothing to
 * find: after a cycle that reclaimed less than 1/16 the stretch doubles, up to
 * 4, and one that reclaimed more sets it back to 1.  What such a program might
 * begin to leak costs at most four times its live heap, once.
 * A program that leaves all to the collector may be building something up, and
 * has a heap that is not its own to keep small: a steady pacer keeps the
 * stretch at 1, and pays for a cycle's time with 12 MiB at most.
 *
 * A cycle that runs beside the program begins earlier, by as much as the
 * program allocated during the last such cycle, so that it ends about where one
 * with the world stopped would begin; but at half of the way at the earliest.
 *
 * Young cycles keep what earlier ones found alive.  When that has grown by half
 * of the percentage since the last full cycle, the next one is full.
 *
 * Near a soft limit the trigger comes closer, but never nearer to the live
 * heap than 1/16 of it.  A cycle that took more CPU time than the program since
 * the one before doubles that distance, and one that took less than half of it
 * halves it again: the collector may take half of the time, not all.
 *
 * Who comes in: cycle/cycle.  Calls: nothing.
 * Source: Go's GOGC and GOMEMLIMIT.
 */
#ifndef CGC_CYCLE_PACER_H
#define CGC_CYCLE_PACER_H

#include "base/base.h"

struct cgc_pacer {
  uint64_t percent;     /* of the live heap; 0: never */
  size_t minimum_bytes; /* no trigger below; 0: what a cycle costs decides */
  size_t room_bytes;    /* no trigger below, whatever else decides */
  uint64_t cost_ns;     /* CPU time of the last cycle */
  size_t cached_bytes;  /* what may be allocated and stay in the cache */
  size_t limit_bytes;   /* soft limit of the heap; 0: none */
  size_t runway_bytes;  /* allocated while the last cycle marked */
  size_t full_bytes;    /* live after the last full cycle */
  size_t live_bytes;    /* after the last cycle */
  unsigned stretch;     /* 1, 2 or 4 */
  unsigned stretch_max; /* 1 or 4 */
  unsigned ease;        /* 1 to 64, a power of two */
  size_t trigger_bytes; /* in use that starts the next cycle */
};

void cgc_pacer_init(struct cgc_pacer *pacer, uint64_t percent,
                    size_t minimum_bytes, size_t limit_bytes);

/** Set the percentage, and the trigger above the LIVE bytes by it. */
void cgc_pacer_set_percent(struct cgc_pacer *pacer, uint64_t percent,
                           size_t live);

/** The program asks for BYTES of room: set the trigger above the LIVE bytes. */
void cgc_pacer_set_room(struct cgc_pacer *pacer, size_t bytes, size_t live);

/**
 * A cycle found LIVE bytes where BEFORE bytes were in use: set the trigger.
 */
void cgc_pacer_update(struct cgc_pacer *pacer, size_t before, size_t live);

/** Set the soft limit, and the trigger above the LIVE bytes by it. */
void cgc_pacer_set_limit(struct cgc_pacer *pacer, size_t bytes, size_t live);

/**
 * The cycle that found LIVE bytes took NS of CPU time, the program PROGRAM_NS
 * since the cycle before.
 */
void cgc_pacer_set_cost(struct cgc_pacer *pacer, uint64_t ns,
                        uint64_t program_ns, size_t live);

/** The processor's cache has BYTES; 0: not known. */
void cgc_pacer_set_cache(struct cgc_pacer *pacer, size_t bytes);

/** A cycle that was not young found LIVE bytes. */
void cgc_pacer_set_full(struct cgc_pacer *pacer, size_t live);

/** Whether the next cycle shall not be young. */
bool cgc_pacer_wants_full(const struct cgc_pacer *pacer);

/** The stretch is always 1, and what cycles cost counts for less. */
void cgc_pacer_set_steady(struct cgc_pacer *pacer);

/** During a cycle beside the program BYTES were allocated: begin earlier. */
void cgc_pacer_set_runway(struct cgc_pacer *pacer, size_t bytes);

/** A cycle failed with IN_USE bytes: try again when a quarter more is. */
void cgc_pacer_put_off(struct cgc_pacer *pacer, size_t in_use);

/** Assert that the trigger is above what was live, and not below the minimum
 * unless a limit says so. */
void cgc_pacer_check(const struct cgc_pacer *pacer, size_t live);

#endif
