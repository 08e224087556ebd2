/* SPDX-License-Identifier: MIT */
/*
 * front/door.h - malloc replaced under a program that has bdwgc for itself.
 *
 * The library that replaces malloc stands before all others, so that what w3m
 * means by GC_malloc would be ours, and GC_malloc_atomic, which we don't have,
 * libgc.so.1's: half of a collector each.  So what is called by a name of
 * front/door.def goes through a door of that name:
 *
 *   GC_malloc ──► jmp *place ──► closed: opens all doors, and goes through
 *                           ├──► ours (cgc_own_GC_malloc)
 *                           └──► libgc.so.1's, if the process has one
 *
 * A jump needs to know no arguments.
 *
 *   I1  All doors lead to the same library.
 *
 * Who comes in: the program; our constructor.  Locks: the loader's.
 */
#ifndef CGC_FRONT_DOOR_H
#define CGC_FRONT_DOOR_H

#include "base/base.h"

/** Open the doors to bdwgc if the process has one; else they stay closed. */
void cgc_door_find(void);

/**
 * Open the doors, to bdwgc or to us.  A program that uses cgc.h has libcgc.so
 * as well, or no libgc.so.1.
 * threads  any; all find the same
 */
void cgc_door_open(void);

#endif
