/* SPDX-License-Identifier: MIT */
/*
 * front/init.h - from nothing to a heap.
 *
 * The first call that needs the heap makes it; in the malloc library that is
 * one of ld.so's, before any constructor ran and before environ was set.  So
 * nothing here calls malloc, starts a thread or reads /proc, and the options
 * come from the environment that the kernel left on the stack.
 *
 * Who comes in: front/alloc and front/api.  Locks: init's own, the highest.
 */
#ifndef CGC_FRONT_INIT_H
#define CGC_FRONT_INIT_H

#include "base/base.h"

struct cgc_mutator;

/* What differs between the libraries; front/role-*.c. */
struct cgc_role {
  bool serves_malloc;    /* all mappings are roots, not only data */
  void (*prepare)(void); /* NULL; after the options, before the heap is made */
  void (*started)(char *const *env); /* the heap is made; or NULL */
  const char *request; /* what a debugger calls; NULL: GC_request */
};
extern const struct cgc_role cgc_role;

/** Whether there is a heap; makes none. */
bool cgc_init_is_ready(void);

/**
 * The calling thread's record, the heap made first if need be.
 * returns  NULL when there is no memory, or in a signal handler that
 *          interrupted the making
 * errors   errno is kept
 */
struct cgc_mutator *cgc_init_thread(void);

/**
 * The same, busy: how a function of the contract comes in.
 * returns  NULL also in a handler that interrupted the collector
 */
struct cgc_mutator *cgc_init_enter(void);

#endif
