/* SPDX-License-Identifier: MIT */
/*
 * mark/sight.h - what a kernel sees in a group of words.
 *
 * A group is up to 64 bytes of an object or of a root.  Its hits are the words
 * that may be pointers; they are seen (on to the ring of mark/visit), or
 * collected (for mark/round).  All is inlined into loops that know their way
 * to look, so that each is compiled for its kernel and its options.
 *
 * Who comes in: mark/drain.  Locks: none.
 */
#ifndef CGC_MARK_SIGHT_H
#define CGC_MARK_SIGHT_H

#include "mark/visit.h"

enum cgc_sight_way {
  CGC_SIGHT_ADDRESSES, /* aligned words */
  CGC_SIGHT_CAREFUL,   /* the same while the program may be changing them */
  CGC_SIGHT_STRICT,    /* of them those that name a byte that counts */
  CGC_SIGHT_THOROUGH,  /* and all that the options add */
  CGC_SIGHT_WAYS
};

enum { CGC_SIGHT_HITS = 2 * CGC_SCAN_WORDS /* in a group, at most */ };

/** Tags and pointers before a start in the N words at P (mark/visit.h). */
void cgc_sight_odd(struct cgc_marker *m, const uintptr_t *p, size_t n);

/* One way to look at words, known where it is inlined. */
struct cgc_sight {
  enum cgc_sight_way way;
  cgc_scan_fn hits; /* words, or places where it is thorough */
  cgc_scan_distances_fn distances;
  cgc_scan_beside_fn beside;
  cgc_scan_near_fn near;
};

/* Up to CGC_SCAN_WORDS words, part of the object at BLOCK. */
struct cgc_sight_group {
  const uintptr_t *p;
  size_t n;
  uintptr_t block;
  unsigned hits;
  unsigned distant;
};

/*
 * A thorough look is for programs that know nothing of a collector: every
 * fourth byte (Ruby's IO buffers are packed structs), and distances from
 * BLOCK's start.  The word of an object's first place would begin before it.
 */
CGC_SCANS_MEMORY
CGC_INLINE struct cgc_sight_group
cgc_sight_look(const struct cgc_marker *m, const struct cgc_scan_range *range,
               const uintptr_t *p, size_t n, uintptr_t block, bool first,
               struct cgc_sight look) {
  struct cgc_sight_group g = {p, n, block, look.hits(p, n, range), 0};
  if (look.way != CGC_SIGHT_THOROUGH)
    return g;
  g.hits &= m->places & ~(unsigned)first;
  if (m->relative && block)
    g.distant = look.distances(p, n, range, block);
  return g;
}

/* What WORDS of the group say is known. */
CGC_SCANS_MEMORY
CGC_INLINE void cgc_sight_leave_out(struct cgc_sight_group *g, unsigned words,
                                    struct cgc_sight look) {
  g->hits &=
      ~(look.way == CGC_SIGHT_THOROUGH ? cgc_scan_places_of(words) : words);
}

CGC_SCANS_MEMORY
CGC_INLINE void cgc_sight_see_places(struct cgc_marker *m,
                                     const struct cgc_slot_map *map,
                                     const struct cgc_scan_range *range,
                                     struct cgc_lane *l,
                                     const struct cgc_sight_group *g) {
  for (unsigned hits = g->hits; hits; hits &= hits - 1) {
    uintptr_t word =
        cgc_scan_word_at((const char *)g->p, (unsigned)__builtin_ctz(hits));
    if (word - range->base >= range->bytes ||
        (cgc_unlikely(m->strict) && !cgc_visit_counts(m, map, word)))
      continue;
    cgc_visit_see(m, map, l, word);
  }
  for (unsigned hits = g->distant; hits; hits &= hits - 1) {
    uintptr_t word = *(const volatile uintptr_t *)&g->p[__builtin_ctz(hits)];
    word += g->block;
    if (word - range->base < range->bytes)
      cgc_visit_distant(m, map, l, word);
  }
}

/*
 * From the last word to the first, which is then the first to leave the queue:
 * what was made in this order is met in this order (buffers: 16 ms, not 25).
 */
CGC_SCANS_MEMORY
CGC_INLINE void
cgc_sight_see(struct cgc_marker *m, const struct cgc_slot_map *map,
              const struct cgc_scan_range *range, struct cgc_lane *l,
              const struct cgc_sight_group *g, struct cgc_sight look) {
  unsigned hits = g->hits;
  if (look.way == CGC_SIGHT_THOROUGH) {
    cgc_sight_see_places(m, map, range, l, g);
  } else {
    while (hits) {
      unsigned last = (unsigned)__builtin_clz(hits) ^ 31;
      uintptr_t word = *(const volatile uintptr_t *)&g->p[last];
      hits &= (1u << last) - 1;
      if (look.way == CGC_SIGHT_CAREFUL && word - range->base >= range->bytes)
        continue;
      if (look.way != CGC_SIGHT_STRICT || cgc_visit_counts(m, map, word))
        cgc_visit_see(m, map, l, word);
    }
  }
  cgc_visit_watch_queue(m, l);
}

/* Whether WORD, a hit, is to be followed. */
CGC_SCANS_MEMORY
CGC_INLINE bool cgc_sight_counts(const struct cgc_marker *m, uintptr_t word,
                                 struct cgc_sight look) {
  bool sure = look.way == CGC_SIGHT_ADDRESSES || look.way == CGC_SIGHT_STRICT;
  bool inside = sure || word - m->range.base < m->range.bytes;
  bool strict = look.way == CGC_SIGHT_STRICT ||
                (look.way == CGC_SIGHT_THOROUGH && cgc_unlikely(m->strict));
  return inside && (!strict || cgc_visit_counts(m, &m->map, word));
}

/**
 * Write the words of the group that count to TO, which has room for
 * CGC_SIGHT_HITS; distances are not among them.
 * returns  the end of what was written
 */
CGC_SCANS_MEMORY
CGC_INLINE uintptr_t *cgc_sight_collect(const struct cgc_marker *m,
                                        const struct cgc_sight_group *g,
                                        uintptr_t *to, struct cgc_sight look) {
  for (unsigned hits = g->hits; hits; hits &= hits - 1) {
    unsigned i = (unsigned)__builtin_ctz(hits);
    *to = look.way == CGC_SIGHT_THOROUGH
              ? cgc_scan_word_at((const char *)g->p, i)
              : *(const volatile uintptr_t *)&g->p[i];
    to += cgc_sight_counts(m, *to, look);
  }
  return to;
}

#endif
