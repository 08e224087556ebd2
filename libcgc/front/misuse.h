/* SPDX-License-Identifier: MIT */
/*
 * front/misuse.h - what happens when free() is given a wrong pointer.
 *
 * One line on stderr that says what is wrong, with the address and the block
 * that it belongs to, then the call stack; the CGC_BAD_FREE option says
 * whether the process ends there, goes on, or goes on in silence:
 *
 *   cgc: [42] error: free(0x7f0010): double free, block=0x7f0010 size=32
 *   cgc:   #0 0x55d1c2 prog+0x1c2 main
 *
 * The heap was not touched: the wrong free is the program's fault and has no
 * effect.
 *
 * Who comes in: front/alloc, front/malloc.  Calls: the log, the unwinder.
 */
#ifndef CGC_FRONT_MISUSE_H
#define CGC_FRONT_MISUSE_H

#include "heap/arena.h"

enum cgc_misuse {
  CGC_MISUSE_DOUBLE_FREE, /* the start of a slot that is free */
  CGC_MISUSE_INTERIOR,    /* inside a slot, not its start */
  CGC_MISUSE_NOT_HEAP     /* no slot of the heap */
};

/**
 * Report a wrong free of PTR and do as CGC_BAD_FREE says; errno is kept.
 * object   the slot that PTR points into; NULL with CGC_MISUSE_NOT_HEAP
 * threads  any that holds no lock and is not busy (the unwinder allocates)
 */
CGC_COLD void cgc_misuse_free(enum cgc_misuse what, const void *ptr,
                              const struct cgc_object *object);

/**
 * Tells more of a wrong free than the call stack, in its place.
 * returns  false: it could not
 */
extern bool (*cgc_misuse_hook)(enum cgc_misuse what, const void *ptr,
                               const struct cgc_object *object);

/** Write the line's text, without prefix; returns its length (bytes). */
size_t cgc_misuse_describe(char *buf, size_t size, enum cgc_misuse what,
                           const void *ptr, const struct cgc_object *object);

#endif
