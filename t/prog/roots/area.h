/* SPDX-License-Identifier: MIT */
/* For the victims whose place is an area of memory that malloc didn't give:
 * the chain hangs in one word near the area's end, the rest is untouched.
 */
#ifndef AREA_H
#define AREA_H

#include "chain.h"
#include <sys/mman.h>

enum { AREA_BYTES = 4 << 20, AREA_SLOT = (3 << 20) + 1024 };

static inline void *volatile *area_slot(void *area) {
  return (void *volatile *)((char *)area + AREA_SLOT);
}

CHAIN_FN void area_keep(void *area) { *area_slot(area) = chain_make(0); }

CHAIN_FN int area_run(void *area, const char *name) {
  if (area == MAP_FAILED)
    chain_die(name);
  area_keep(area);
  chain_scrub();
  chain_garbage();
  return chain_check_named(*area_slot(area), 0, name);
}

#endif
