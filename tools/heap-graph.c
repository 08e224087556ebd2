/* SPDX-License-Identifier: MIT */
#include "heap-graph.h"

#include "heap-array.h"
#include "heap-bias.h"
#include "store.h"

#include <stdlib.h>
#include <string.h>

enum { AHEAD = 16, BEFORE = 16, EVERY = 1 << 18 };

static const uint64_t address_bits = (1ull << 48) - 1;

/* ---- words --------------------------------------------------------------- */

static uint64_t option(const struct cgc_image *im, enum cgc_layout_id id) {
  return cgc_image_field(im, im->value[CGC_L_at_options], id);
}

void cgc_graph_open(struct cgc_graph *g, struct cgc_image *im) {
  *g = (struct cgc_graph){
      .im = im,
      .packed = option(im, CGC_L_options_packed),
      .relative = option(im, CGC_L_options_relative),
      .biased = option(im, CGC_L_options_biased),
      .tagged = option(im, CGC_L_options_tagged),
      .before_start = option(im, CGC_L_options_before_start),
      .unaligned = option(im, CGC_L_options_unaligned),
      .strict = im->strict,
      .avoid = g->avoid,
  };
  if (g->biased && !im->bias)
    im->bias = cgc_bias_new(im);
}

void cgc_graph_odd_word(const struct cgc_graph *g, uint64_t where,
                        uint64_t word, uint64_t block, cgc_graph_word_fn fn,
                        void *ctx) {
  struct cgc_image_object obj;
  uint64_t far = block + word;
  if (g->tagged && cgc_image_has(g->im, word & address_bits))
    fn(where, word & address_bits, ctx);
  if (g->before_start && cgc_image_has(g->im, word + BEFORE))
    fn(where, word + BEFORE, ctx);
  if (g->relative && block && word && word % 16 == 0 &&
      cgc_image_has(g->im, far) && cgc_image_find(g->im, far, &obj) &&
      obj.addr == far)
    fn(where, far, ctx);
}

bool cgc_graph_counts(const struct cgc_graph *g, uint64_t to) {
  struct cgc_image_object obj;
  if (!cgc_image_find(g->im, to, &obj))
    return false;
  uint64_t offset = to - obj.addr;
  return offset == 0 || (offset < CGC_IMAGE_DISPLACEMENTS &&
                         g->im->allowed[offset / 64] >> (offset % 64) & 1);
}

/* ---- roots --------------------------------------------------------------- */

struct roots {
  struct cgc_graph *g;
  cgc_graph_word_fn fn;
  void *ctx;
  uint64_t where; /* the word under way */
};

static void give_block(uint64_t block, void *ctx) {
  const struct roots *r = ctx;
  r->fn(r->where, block, r->ctx);
}

/* What static data know by its address less its length. */
static void give_biased(struct roots *r, const struct cgc_root_piece *piece) {
  struct cgc_bias_word w = {(const uint64_t *)(const void *)piece->bytes,
                            piece->n / 8, 0};
  for (; w.i < w.n; w.i++) {
    r->where = piece->addr + w.i * 8;
    cgc_bias_each(r->g->im->bias, r->g->im, &w, give_block, r);
  }
}

static void give_piece(const struct cgc_root_piece *piece, void *ctx) {
  struct roots *r = ctx;
  bool data =
      piece->place == CGC_PLACE_DATA || piece->place == CGC_PLACE_MAPPING;
  bool packed = piece->place == CGC_PLACE_CODE || (r->g->unaligned && data);
  if (r->g->avoid >> piece->place & 1)
    return;
  bool moved =
      piece->place == CGC_PLACE_STACK || piece->place == CGC_PLACE_REGISTER;
  r->g->strict = r->g->im->strict && !moved;
  r->g->piece = piece;
  r->g->root_bytes += piece->n;
  cgc_graph_words(r->g, piece->addr, piece->bytes, piece->n, 0, packed, r->fn,
                  r->ctx);
  if (data && r->g->biased)
    give_biased(r, piece);
}

/* Blocks that a thread's stack stands in. */
static void give_stacks(const struct roots *r) {
  const struct cgc_target *t = r->g->im->target;
  for (size_t i = 0; i < t->nthreads; i++) {
    struct cgc_root_piece piece = {.place = CGC_PLACE_REGISTER,
                                   .thread = &t->threads[i]};
    r->g->piece = &piece;
    if (cgc_image_has(r->g->im, t->threads[i].sp) &&
        !(r->g->avoid >> piece.place & 1))
      r->fn(offsetof(struct user_regs_struct, rsp), t->threads[i].sp, r->ctx);
  }
}

static void give_pinned(const struct roots *r) {
  struct cgc_root_piece piece = {.place = CGC_PLACE_PINNED};
  r->g->piece = &piece;
  for (size_t i = 0; i < r->g->im->nspans; i++) {
    const struct cgc_image_span *s = &r->g->im->spans[i];
    for (uint32_t j = 0; s->pinned && j < s->nslots; j++)
      r->fn(0, s->base + j * s->slot_size, r->ctx);
  }
}

void cgc_graph_roots(struct cgc_graph *g, bool own, cgc_graph_word_fn fn,
                     void *ctx) {
  struct roots r = {.g = g, .fn = fn, .ctx = ctx};
  cgc_roots_walk(g->im, own, give_piece, &r);
  if (!own) {
    give_stacks(&r);
    give_pinned(&r);
  }
  g->piece = NULL;
  g->strict = g->im->strict;
}

/* ---- marking ------------------------------------------------------------- */

static uint32_t note_root(struct cgc_graph *g, uint64_t where, uint64_t word) {
  const struct cgc_root_piece *p = g->piece;
  if (!g->parent)
    return CGC_GRAPH_NONE;
  g->roots = cgc_store_room(g->roots, g->nroots, sizeof *g->roots);
  g->roots[g->nroots] =
      (struct cgc_graph_root){where, word, p->thread, p->segment, p->place};
  return CGC_GRAPH_ROOT | (uint32_t)g->nroots++;
}

/* The object of number ID was not reached yet. */
CGC_INLINE void reach(struct cgc_graph *g, uint32_t id, uint32_t parent) {
  g->reached[id / 64] |= 1ull << (id % 64);
  g->nreached++;
  if (g->parent)
    g->parent[id] = parent;
  g->queue[g->nqueue++] = id;
}

CGC_INLINE bool is_new(const struct cgc_graph *g, uint32_t id) {
  return !(g->reached[id / 64] >> (id % 64) & 1);
}

static void visit_root(uint64_t where, uint64_t to, void *ctx) {
  struct cgc_graph *g = ctx;
  uint32_t id = cgc_image_number(g->im, to);
  if (id && is_new(g, id))
    reach(g, id, note_root(g, where, to));
}

static void drain(struct cgc_graph *g) {
  for (; g->ndone < g->nqueue; g->ndone++) {
    uint32_t from = g->queue[g->ndone];
    if (g->ndone + AHEAD < g->nqueue)
      __builtin_prefetch(&g->links.of[g->queue[g->ndone + AHEAD]]);
    if (g->ndone % EVERY == 0)
      cgc_progress("marked", g->nreached, g->im->nlive);
    struct cgc_link_list to = cgc_links_from(&g->links, from);
    for (size_t i = 0; i < to.n; i++)
      if (is_new(g, to.id[i]))
        reach(g, to.id[i], from);
  }
}

void cgc_graph_mark(struct cgc_graph *g, struct cgc_image *im, bool ways) {
  cgc_graph_open(g, im);
  cgc_links_open(&g->links, g);
  g->reached = cgc_array_map((size_t)im->nslots / 8 + 8);
  g->queue = cgc_array_map((size_t)im->nslots * 4);
  g->parent = ways ? cgc_array_map((size_t)im->nslots * 4) : NULL;
  for (size_t i = 0; i < im->nslots / 64; i++)
    g->reached[i] = ~im->live[i];
  cgc_graph_roots(g, false, visit_root, g);
  drain(g);
  /* Last, so that it explains only what nothing else does. */
  cgc_graph_roots(g, true, visit_root, g);
  drain(g);
}

void cgc_graph_close(struct cgc_graph *g) {
  size_t n = g->im->nslots;
  cgc_links_close(&g->links);
  cgc_array_unmap(g->reached, n / 8 + 8);
  cgc_array_unmap(g->queue, n * 4);
  cgc_array_unmap(g->parent, n * 4);
  free(g->roots);
}
