/* SPDX-License-Identifier: MIT */
/*
 * look/module.h - the program's loaded files, those that are gone too.
 *
 *   address in code ─► number ─► path, build-id, bias, [lo, hi)
 *
 * The loader is asked when an address lies in no known file, and when one was
 * closed.  A file that is unloaded keeps its number and entry, so what was
 * recorded of it can still be named; when it is loaded again it gets another.
 *
 *   I1  numbers are 1, 2, ... in the order of first sight; an entry is never
 *       changed but for `gone'.
 *   I2  entries that are not gone do not overlap.
 *
 * The loader may only be asked while the world runs, by a thread that is not
 * busy: its lock may be held by a thread that we wait for.
 *
 * Who comes in: look/stack, front/leak.  Locks: the loader's keeps the writers
 * apart; readers need none.
 */
#ifndef CGC_LOOK_MODULE_H
#define CGC_LOOK_MODULE_H

#include "base/base.h"

enum { CGC_MODULE_MAX = (1 << 16) - 1, CGC_MODULE_ID_MAX = 64 };

struct cgc_module {
  uintptr_t lo;   /* first byte of its segments */
  uintptr_t hi;   /* behind the last */
  uintptr_t bias; /* address less the file's own virtual address */
  const char *path;
  uint8_t id[CGC_MODULE_ID_MAX]; /* build-id */
  uint8_t id_bytes;              /* 0: it has none */
  _Atomic bool gone;
};

/* The file that this code is in, for who wants to leave it out. */
struct cgc_module_own {
  uintptr_t lo;
  uintptr_t text_hi;
  uintptr_t hi;
};
extern struct cgc_module_own cgc_module_own; /* const after init */

/* For readers from outside: pointers to the entries, and the last number. */
extern const void *const cgc_module_view[2];

/** Make the table, once.  returns  false without memory */
bool cgc_module_init(void);

/**
 * The number of the file that ADDR lies in.
 * returns  0 if it lies in none that is known
 * threads  any, with the world stopped too
 */
unsigned cgc_module_find(uintptr_t addr);

/** The same; asks the loader before it says 0. */
unsigned cgc_module_find_or_look(uintptr_t addr);

/**
 * Ask the loader what is loaded now.
 * gone     called with the number of each file that is not any more
 */
void cgc_module_look(void (*gone)(unsigned module));

/** Entry of NUMBER, from 1 to cgc_module_count(). */
const struct cgc_module *cgc_module_get(unsigned number);
unsigned cgc_module_count(void);

/** Assert I2. */
void cgc_module_check(void);

#endif
