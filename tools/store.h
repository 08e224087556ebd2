/* SPDX-License-Identifier: MIT */
/*
 * tools/store.h - memory that is given back all at once.
 *
 * What a tool reads and finds out about one report lives as long as the
 * report: it is taken from a store, never freed singly, and gone when the
 * store is closed.  Strings can be interned: equal ones are then one, and
 * compare by their address.
 *
 * A tool without memory can't go on: it says so and exits with
 * CGC_EXIT_OWN.  So nothing here returns NULL.
 */
#ifndef CGC_TOOLS_STORE_H
#define CGC_TOOLS_STORE_H

#include "base/base.h"

struct cgc_store;

struct cgc_store *cgc_store_open(void);
void cgc_store_close(struct cgc_store *s);

/** Return SIZE bytes of zeroes, aligned to 16. */
void *cgc_store_alloc(struct cgc_store *s, size_t size);

/** Return the only copy of the N bytes at TEXT, with a 0 behind it. */
const char *cgc_store_intern(struct cgc_store *s, const char *text, size_t n);

/** Return the formatted text, interned. */
const char *cgc_store_format(struct cgc_store *s, const char *fmt, ...)
    CGC_PRINTF(2, 3);

/** realloc() that ends the program when it fails. */
void *cgc_store_grow(void *old, size_t size);

/**
 * Make room for one more in a growing array of elements of SIZE bytes.
 * array    the array, NULL at first (realloc'ed: the caller's to free)
 * n        how many stand in it
 * returns  the array, with room for N + 1
 */
void *cgc_store_room(void *array, size_t n, size_t size);

#endif
