/* SPDX-License-Identifier: MIT */
/*
 * tools/map.h - a table from numbers to pointers.
 *
 * Grows as it is filled; nothing is ever taken out.
 */
#ifndef CGC_TOOLS_MAP_H
#define CGC_TOOLS_MAP_H

#include "base/base.h"

/* All zeroes is an empty one. */
struct cgc_map {
  struct cgc_map_slot *slots;
  size_t nslots; /* a power of two */
  size_t used;   /* at most half of nslots */
};

/** The place of KEY's value; NULL stands there at first. */
void **cgc_map_place(struct cgc_map *m, uint64_t key);

/** KEY's value, or NULL. */
void *cgc_map_get(const struct cgc_map *m, uint64_t key);

/** Free the table (the values are the caller's); it is empty then. */
void cgc_map_clear(struct cgc_map *m);

#endif
