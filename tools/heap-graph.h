/* SPDX-License-Identifier: MIT */
/*
 * tools/heap-graph.h - who points to whom, and what is reached.
 *
 * The target's heap is marked in this process: breadth first from the roots,
 * so that the first way found to an object is a shortest one.
 *
 *   queue     objects to be looked at, then all reached ones that were
 *   reached   a bit for each slot; of those that hold no object, too, so that
 *             one question is enough
 *   parent    when ways are wanted: for each slot the number of the one that
 *             it was found from, or ROOT | index into roots
 *
 * A word is taken for a pointer where the collector takes it for one (options
 * packed, relative, biased, tagged, before_start, unaligned; descriptors of
 * kinds; the bytes that count where not all do).  To what each object points is
 * found in one pass over the heap: see heap-link.
 */
#ifndef CGC_TOOLS_HEAP_GRAPH_H
#define CGC_TOOLS_HEAP_GRAPH_H

#include "heap-link.h"
#include "heap-roots.h"

#include <string.h>

/* What is read of an object at once. */
enum { CGC_GRAPH_PART = 1 << 20 };

/* A word that points to an object from outside the heap. */
struct cgc_graph_root {
  uint64_t addr;
  uint64_t word;
  const struct cgc_thread *thread;
  const struct cgc_segment *segment;
  enum cgc_root_place place;
};

#define CGC_GRAPH_ROOT 0x80000000u
#define CGC_GRAPH_NONE 0xffffffffu

struct cgc_graph {
  struct cgc_image *im;
  bool packed, relative, biased, tagged, before_start, unaligned;
  bool strict;    /* some bytes of an object count: not of stacks, registers */
  unsigned avoid; /* bits of enum cgc_root_place: not looked at */
  uint64_t *reached;
  uint32_t *parent; /* NULL: not wanted */
  uint32_t *queue;
  size_t nqueue;
  size_t ndone;      /* of them looked at */
  uint64_t nreached; /* objects */
  uint64_t root_bytes;
  struct cgc_graph_root *roots;
  size_t nroots;
  struct cgc_links links;             /* since it was marked */
  const struct cgc_root_piece *piece; /* of the roots being scanned; NULL */
};

/**
 * Mark all that is reached.
 * ways  remember how each object was reached
 */
void cgc_graph_mark(struct cgc_graph *g, struct cgc_image *im, bool ways);
void cgc_graph_close(struct cgc_graph *g);

static inline bool cgc_graph_is_reached(const struct cgc_graph *g,
                                        uint32_t id) {
  return (g->reached[id / 64] & g->im->live[id / 64]) >> (id % 64) & 1;
}

/* A word of WHERE, an address of the target, that may be a pointer to TO. */
typedef void (*cgc_graph_word_fn)(uint64_t where, uint64_t to, void *ctx);

/** What the options add to the meaning of an aligned word. */
void cgc_graph_odd_word(const struct cgc_graph *g, uint64_t where,
                        uint64_t word, uint64_t block, cgc_graph_word_fn fn,
                        void *ctx);

/** Whether a pointer to that byte counts, where not each does. */
bool cgc_graph_counts(const struct cgc_graph *g, uint64_t to);

/**
 * Call FN for what N bytes may point to in the heap.
 * addr   theirs in the target
 * block  where the object begins that they are part of; 0: none
 */
CGC_INLINE void cgc_graph_words(const struct cgc_graph *g, uint64_t addr,
                                const uint8_t *bytes, size_t n, uint64_t block,
                                bool every_byte, cgc_graph_word_fn fn,
                                void *ctx) {
  size_t step = every_byte ? 1 : g->packed ? 4 : 8;
  bool odd = g->tagged || g->before_start || g->relative;
  for (size_t at = 0; at + 8 <= n; at += step) {
    uint64_t word;
    memcpy(&word, bytes + at, sizeof word);
    if (cgc_image_has(g->im, word)) {
      if (cgc_likely(!g->strict) || cgc_graph_counts(g, word))
        fn(addr + at, word, ctx);
    } else if (odd && word && at % 8 == 0)
      cgc_graph_odd_word(g, addr + at, word, block, fn, ctx);
  }
}

/** The same for N bytes of an object. */
CGC_INLINE void cgc_graph_part(const struct cgc_graph *g, uint64_t addr,
                               uint64_t n, uint64_t block, cgc_graph_word_fn fn,
                               void *ctx) {
  for (uint64_t at = 0; at < n; at += CGC_GRAPH_PART) {
    size_t part = cgc_min(n - at, CGC_GRAPH_PART + 4u); /* packed words */
    const uint8_t *bytes =
        cgc_image_bytes(g->im, addr + at - g->im->base, part);
    cgc_graph_words(g, addr + at, bytes, part, block, false, fn, ctx);
  }
}

/**
 * The same for the object of number ID: what the collector would look at.
 * FN asks for no object.  Kinds that say it themselves are
 * cgc_graph_described's.
 */
void cgc_graph_described(const struct cgc_graph *g, uint32_t id,
                         cgc_graph_word_fn fn, void *ctx);
CGC_INLINE void cgc_graph_object(const struct cgc_graph *g, uint32_t id,
                                 cgc_graph_word_fn fn, void *ctx) {
  const struct cgc_image_kind *kind = cgc_image_kind_of(g->im, id);
  if (cgc_unlikely(kind->form != CGC_FORM_WORDS)) {
    if (kind->form != CGC_FORM_NOTHING)
      cgc_graph_described(g, id, fn, ctx);
    return;
  }
  uint64_t addr = g->im->base + cgc_image_place(g->im, id);
  cgc_graph_part(g, addr, cgc_image_size(g->im, id), addr, fn, ctx);
}

/**
 * Call FN for what the roots may point to in the heap; meanwhile the graph's
 * piece says where they stand.
 * own  only the collector's own data, see heap-roots
 */
void cgc_graph_roots(struct cgc_graph *g, bool own, cgc_graph_word_fn fn,
                     void *ctx);

/** Set the graph's reading rules; cgc_graph_mark does it. */
void cgc_graph_open(struct cgc_graph *g, struct cgc_image *im);

#endif
