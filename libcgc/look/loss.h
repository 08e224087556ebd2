/* SPDX-License-Identifier: MIT */
/*
 * look/loss.h - which blocks are lost, and what heads them.
 *
 * With the world stopped, in this order; a block takes the first class that
 * fits:
 *
 *   reachable   marked from the roots, aligned words only, interior ones too.
 *               No roots are: the stack of the thread that ends the process,
 *               from its sp to the frame that it can't return from; stacks of
 *               threads that have finished; freed blocks, caches
 *   stack-only  words in that dead stack lead to it, and main has not returned
 *   unsure      a word at an odd address or with a tag in its upper bits names
 *               its start; looked for only if there is anything left
 *   lost        the rest
 *
 * Of what is lost the heads are found without recursion: blocks are taken in
 * the order of their addresses, each leads a walk over what no walk has seen
 * yet, and a walk that meets the head of an earlier one makes it no head.  Each
 * group of blocks that point to each other in a circle keeps one head so.
 *
 * Who comes in: front/leak.  Calls: cycle/ for the survey, look/.
 * Locks: none; the world is stopped.
 */
#ifndef CGC_LOOK_LOSS_H
#define CGC_LOOK_LOSS_H

#include "cycle/cycle.h"
#include "look/group.h"

struct cgc_loss_query {
  uintptr_t own_lo; /* the library's own data, which is no root; may be empty */
  uintptr_t own_hi;
  uintptr_t dead_lo; /* the ending thread's stack that is dead; may be empty */
  uintptr_t dead_hi;
  uintptr_t main_hi;  /* end of main's frame, 0: unknown */
  bool main_returned; /* nothing of the dead stack counts */
  bool reachable;     /* group what is reachable by its holder */
  bool growing;       /* count what is live by stack */
};

/* What a survey found; kept from one to the next for its memory. */
struct cgc_loss {
  struct cgc_groups groups;
  struct cgc_groups live; /* by stack only; if asked for */
  struct cgc_amount tracked;
};

/**
 * Look at the heap.
 * returns  0; -EBUSY, -ENOMEM or what world/root says: LOSS tells nothing
 * caller   has a record, is not busy, holds no lock
 */
int cgc_loss_find(const struct cgc_loss_query *query, struct cgc_loss *loss);

#endif
