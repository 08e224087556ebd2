/* SPDX-License-Identifier: MIT */
/*
 * world/root.h - everything outside the heap that may point into it.
 *
 * /proc/self/maps, read with the world stopped, says what there is; no list
 * of libc or the loader is asked, since a stopped thread may hold its lock.
 *
 *   each thread    registers; [sp, end of the mapping that holds sp); the stack
 *                  it registered on, if it now runs on another; where its
 *                  alternate signal stack is, which only the kernel may know
 *   mappings       scope ALL_MAPPINGS: every private one that is not ours, and
 *                  writable shared memory; of files only the pages that were
 *                  written to, of the others those that are there
 *                  scope DATA: writable data of loaded files with the .bss
 *                  behind, the mappings that hold a thread's TLS
 *                  scope NAMED: none
 *   named ranges   world/range, less what is excluded
 *   kernel's       world/kernel
 *
 * The dead part of a stack, below sp, is left out where the mapping is surely
 * one thread's stack: the main thread's, or one with a guard below it and one
 * thread pointer in it.  In any other mapping that holds an sp (coroutines,
 * alternate stacks) something alive may lie below, so all of it is visited.
 *
 * Who comes in: cycle/.  Calls: os/mapping, world/.
 * Locks: none; the world is stopped.
 */
#ifndef CGC_WORLD_ROOT_H
#define CGC_WORLD_ROOT_H

#include "base/base.h"

enum cgc_root_scope { CGC_ROOTS_ALL_MAPPINGS, CGC_ROOTS_DATA, CGC_ROOTS_NAMED };

/* Where a range of roots was found. */
enum cgc_root_kind {
  CGC_ROOT_REGISTERS,
  CGC_ROOT_STACK,
  CGC_ROOT_DATA,    /* a mapping of a file, or its .bss */
  CGC_ROOT_MAPPING, /* any other mapping */
  CGC_ROOT_CODE,    /* made at run time: words stand at any byte */
  CGC_ROOT_NAMED,   /* told by the program */
  CGC_ROOT_KERNEL
};

/* LO and HI are multiples of 8; HI may be LO. */
typedef void (*cgc_root_fn)(uintptr_t lo, uintptr_t hi, enum cgc_root_kind kind,
                            void *ctx);

/**
 * Call FN for every range of roots.
 * caller   stopped the world and stored its own sp in its record
 * returns  0, or -errno when the mappings can't be read: then nothing may be
 *          reclaimed in this cycle
 */
int cgc_root_visit(enum cgc_root_scope scope, cgc_root_fn fn, void *ctx);

/** Bytes given to the callback and mappings seen, by the last visit. */
struct cgc_root_counters {
  uint64_t bytes;
  uint64_t stack_bytes;
  uint64_t nmappings;
  uint64_t ns;
};
extern struct cgc_root_counters cgc_root_counters;

#endif
