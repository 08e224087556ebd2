/* SPDX-License-Identifier: MIT */
/*
 * compat/header.h - what stands around an object of the debugging allocator.
 *
 *   slot | header | the program's SIZE bytes | fill | end | ... | last |
 *          32 B     GC_debug_malloc's result  0..7 B  8 B         8 B
 *
 * Header and last say, each for itself, that the object is one of these, so
 * that either may be overwritten and be missed.
 *
 *   I1  While an object is in use all of it but the program's bytes is as
 *       cgc_header_write left it; the thread is busy while it writes.
 *
 * Who comes in: compat/smash, compat/debug.  Calls: nothing.  Locks: none.
 */
#ifndef CGC_COMPAT_HEADER_H
#define CGC_COMPAT_HEADER_H

#include "heap/arena.h"

struct cgc_header {
  uint64_t start;
  const char *file; /* where it was allocated */
  size_t size;      /* that was asked for, bytes */
  int line;
  unsigned pad;
};

_Static_assert(sizeof(struct cgc_header) % CGC_GRAIN == 0,
               "the object behind it is aligned as any");

/** Bytes of a slot for SIZE bytes of the program's; SIZE_MAX if too many. */
size_t cgc_header_bytes(size_t size);

/** Make the new object OBJ one of SIZE bytes. returns  the program's pointer */
void *cgc_header_write(const struct cgc_object *obj, size_t size,
                       const char *file, int line);

/**
 * OBJ was told of: write again what was overwritten, so that it is told once.
 * Where the header is lost the object becomes as long as its slot allows.
 */
void cgc_header_repair(const struct cgc_object *obj);

/** The object is not one of these any more. */
void cgc_header_erase(const struct cgc_object *obj);

/** The header of OBJ, or NULL. */
struct cgc_header *cgc_header_of(const struct cgc_object *obj);

/** The first address in OBJ that was overwritten, 0 if none was. */
uintptr_t cgc_header_smashed(const struct cgc_object *obj);

CGC_INLINE void *cgc_header_user(struct cgc_header *header) {
  return header + 1;
}

#endif
