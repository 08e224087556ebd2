/* SPDX-License-Identifier: MIT */
/*
 * world/mailbox.h - registers of threads that a debugger holds.
 *
 * A thread that a debugger does not let run (gdb's scheduler-locking) cannot
 * tell its registers when it is asked to stop.  The debugger knows them: it
 * writes them here before it calls GC_collect, and the stop takes them.
 *
 *   used words:  | tid | n | sp | fs_base | n words | tid | n | ... |
 *
 * The words are all registers that may hold a pointer, in any order, those of
 * the vectors included.
 *
 * Who comes in: a debugger, from outside; world/stop; front/debug clears it.
 * Locks: none; the debugger writes while nobody runs.
 */
#ifndef CGC_WORLD_MAILBOX_H
#define CGC_WORLD_MAILBOX_H

#include "base/base.h"

#include <sys/types.h>

enum { CGC_MAILBOX_WORDS = 8192 };

struct cgc_mailbox {
  uint64_t capacity; /* words; const */
  uint64_t used;     /* of them */
  uint64_t word[CGC_MAILBOX_WORDS];
};

extern CGC_PUBLIC struct cgc_mailbox cgc_debug_mailbox;

/* What it says of one thread. */
struct cgc_mailbox_thread {
  uintptr_t sp;
  uintptr_t fs_base;
  uintptr_t lo, hi; /* where its registers stand in the box */
};

/** Look for thread TID.  returns  false: nothing is said of it */
bool cgc_mailbox_find(pid_t tid, struct cgc_mailbox_thread *thread);

void cgc_mailbox_clear(void);

#endif
