/* SPDX-License-Identifier: MIT */
/*
 * tools/heap-link.h - to which objects each object points.
 *
 * The heap is read once, in the order of addresses; what is asked afterwards,
 * at random, is 16 bytes for each slot instead of the objects themselves:
 *
 *   of[slot]   number | up to three slots
 *              number | MANY | index into more
 *   more       ... n | slot 1 | ... | slot n | ...
 *
 * A pointer to what is not allocated, to the object itself, or to the same as
 * the one before it, is none.  number is whoever's that walks the graph.
 */
#ifndef CGC_TOOLS_HEAP_LINK_H
#define CGC_TOOLS_HEAP_LINK_H

#include "heap-image.h"

enum { CGC_LINK_FEW = 3 };
#define CGC_LINK_MANY UINT32_MAX

struct cgc_link {
  uint32_t number; /* 0 at first */
  uint32_t to[CGC_LINK_FEW];
};

struct cgc_links {
  struct cgc_link *of;
  size_t nslots;
  uint32_t *more;
  uint64_t nmore, room;
};

struct cgc_link_list {
  const uint32_t *id;
  uint32_t n;
};

struct cgc_graph;

/** Find the links of what G's image holds; G is opened. */
void cgc_links_open(struct cgc_links *l, const struct cgc_graph *g);
/** May be said twice. */
void cgc_links_close(struct cgc_links *l);

/** To what the object of number ID points. */
CGC_INLINE struct cgc_link_list cgc_links_from(const struct cgc_links *l,
                                               uint32_t id) {
  const uint32_t *to = l->of[id].to;
  if (cgc_likely(to[0] != CGC_LINK_MANY))
    return (struct cgc_link_list){to, (uint32_t)(to[0] != 0) + (to[1] != 0) +
                                          (to[2] != 0)};
  const uint32_t *list = l->more + (to[1] | (uint64_t)to[2] << 32);
  return (struct cgc_link_list){list + 1, list[0]};
}

#endif
