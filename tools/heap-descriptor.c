/* SPDX-License-Identifier: MIT */
/*
 * tools/heap-descriptor.c - cgc heap: the pointers of objects whose kind says
 * where they are, as compat/descriptor and compat/typed of the library do.
 *
 *   descriptor   its two lowest bits say what the others are
 *     length     so many bytes from the start may be pointers
 *     bitmap     bit 63 for the first word, 62 for the second...
 *     proc       a mark procedure: one of the library's follows a bitmap of any
 *                length; the program's own can't be called, so that each word
 *                of the object counts
 *     object     the descriptor stands in the object, or where its first word
 *                points to
 *
 *   array        elements ... | an element's size | its descriptor | count |
 */
#include "heap-graph.h"

enum {
  WORD = 8,
  TAGS = 3,
  LENGTH = 0,
  BITMAP = 1,
  PROC = 2,
  OBJECT = 3,
  PROC_BITS = 6,
  TYPE_BIAS = 16,
  HOPS = 8,            /* from descriptor to descriptor */
  LAYOUT_MAX = 1 << 24 /* words of one */
};

struct object {
  const struct cgc_graph *g;
  uint64_t lo, hi; /* of the slot */
  cgc_graph_word_fn fn;
  void *ctx;
};

/* Objects are here already; types and layouts stand anywhere. */
static uint64_t word_at(const struct object *o, uint64_t addr) {
  struct cgc_image *im = o->g->im;
  uint64_t word;
  if (addr < o->lo || addr + WORD > o->hi)
    return cgc_target_word(im->target, addr, WORD);
  memcpy(&word, cgc_image_bytes(im, addr - im->base, WORD), sizeof word);
  return word;
}

/* [FROM, FROM + N) of the object, as far as it has them. */
static void give(const struct object *o, uint64_t from, uint64_t n) {
  if (from >= o->lo && from < o->hi)
    cgc_graph_part(o->g, from, cgc_min(n, o->hi - from), o->lo, o->fn, o->ctx);
}

static void follow_bitmap(const struct object *o, uint64_t at, uint64_t bits) {
  for (bits &= ~(uint64_t)TAGS; bits; bits <<= 1, at += WORD)
    if (bits >> 63)
      give(o, at, WORD);
}

/* Number of words, then a bit for each, the lowest first. */
static void follow_layout(const struct object *o, uint64_t at,
                          uint64_t layout) {
  uint64_t n = cgc_min(word_at(o, layout), LAYOUT_MAX), bits = 0;
  for (uint64_t i = 0; i < n; i++, bits >>= 1) {
    if (i % 64 == 0)
      bits = word_at(o, layout + WORD + i / 64 * WORD);
    if (bits & 1)
      give(o, at + i * WORD, WORD);
  }
}

static void call(const struct object *o, uint64_t at, uint64_t which) {
  uint64_t proc = which & ((1 << PROC_BITS) - 1);
  if (proc && proc == o->g->im->layout_proc)
    follow_layout(o, at, which >> PROC_BITS);
  else
    give(o, o->lo, o->hi - o->lo);
}

/* The descriptor that stands in the object at AT, or in its type. */
static uint64_t descriptor_of(const struct object *o, uint64_t at,
                              uint64_t descr) {
  uint64_t type = (int64_t)descr < 0 ? word_at(o, at) : at;
  if (!type)
    return 0;
  descr &= ~(uint64_t)TAGS;
  return word_at(o,
                 (int64_t)descr < 0 ? type - TYPE_BIAS - descr : type + descr);
}

static void follow(const struct object *o, uint64_t at, uint64_t descr) {
  for (int i = 0; i < HOPS && (descr & TAGS) == OBJECT; i++)
    descr = descriptor_of(o, at, descr);
  if ((descr & TAGS) == LENGTH)
    give(o, at, descr);
  else if ((descr & TAGS) == BITMAP)
    follow_bitmap(o, at, descr);
  else
    call(o, at, descr >> 2);
}

static void follow_array(const struct object *o) {
  uint64_t size = word_at(o, o->hi - 3 * WORD);
  uint64_t descr = word_at(o, o->hi - 2 * WORD);
  uint64_t n = word_at(o, o->hi - WORD);
  for (uint64_t at = o->lo; size && n > 0 && at < o->hi; n--, at += size)
    follow(o, at, descr);
}

void cgc_graph_described(const struct cgc_graph *g, uint32_t id,
                         cgc_graph_word_fn fn, void *ctx) {
  const struct cgc_image_kind *kind = cgc_image_kind_of(g->im, id);
  uint64_t lo = g->im->base + cgc_image_place(g->im, id);
  uint64_t size = cgc_image_size(g->im, id);
  struct object o = {g, lo, lo + size, fn, ctx};
  if (kind->form == CGC_FORM_ARRAY)
    follow_array(&o);
  else
    follow(&o, lo, kind->descr + (kind->add_size ? size : 0));
}
