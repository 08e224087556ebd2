/* SPDX-License-Identifier: MIT */
#include "heap-graph.h"

#include "store.h"
#include "tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { AHEAD = 16, BEFORE = 16, PROGRESS_EVERY = 1 << 18 };

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
      .tagged = option(im, CGC_L_options_tagged),
      .before_start = option(im, CGC_L_options_before_start),
      .unaligned = option(im, CGC_L_options_unaligned),
  };
  cgc_image_read_contents(im);
}

static bool is_inside(const struct cgc_image *im, uint64_t word) {
  return word - im->base < im->bytes;
}

static uint64_t load(const uint8_t *p) {
  uint64_t word;
  memcpy(&word, p, sizeof word);
  return word;
}

/* What the options add to the meaning of an aligned word. */
static void odd_word(const struct cgc_graph *g, uint64_t where, uint64_t word,
                     uint64_t block, cgc_graph_word_fn fn, void *ctx) {
  struct cgc_image_object obj;
  uint64_t far = block + word;
  if (g->tagged && is_inside(g->im, word & address_bits))
    fn(where, word & address_bits, ctx);
  if (g->before_start && is_inside(g->im, word + BEFORE))
    fn(where, word + BEFORE, ctx);
  if (g->relative && block && word && word % 16 == 0 && is_inside(g->im, far) &&
      cgc_image_find(g->im, far, &obj) && obj.addr == far)
    fn(where, far, ctx);
}

void cgc_graph_words(const struct cgc_graph *g, uint64_t addr,
                     const uint8_t *bytes, size_t n, uint64_t block,
                     bool every_byte, cgc_graph_word_fn fn, void *ctx) {
  size_t step = every_byte ? 1 : g->packed ? 4 : 8;
  bool odd = g->tagged || g->before_start || g->relative;
  for (size_t at = 0; at + 8 <= n; at += step) {
    uint64_t word = load(bytes + at);
    if (is_inside(g->im, word))
      fn(addr + at, word, ctx);
    else if (odd && at % 8 == 0)
      odd_word(g, addr + at, word, block, fn, ctx);
  }
}

const uint8_t *cgc_graph_bytes(const struct cgc_graph *g,
                               const struct cgc_image_object *obj) {
  return obj->span->noscan ? NULL : g->im->contents + (obj->addr - g->im->base);
}

/* ---- marking ------------------------------------------------------------- */

static uint32_t note_root(struct cgc_graph *g, uint64_t where, uint64_t word) {
  const struct cgc_root_piece *p = g->piece;
  if (!g->parent || !p)
    return CGC_GRAPH_NONE;
  g->roots = cgc_store_room(g->roots, g->nroots, sizeof *g->roots);
  g->roots[g->nroots] =
      (struct cgc_graph_root){where, word, p->thread, p->segment, p->place};
  return CGC_GRAPH_ROOT | (uint32_t)g->nroots++;
}

static void reach(struct cgc_graph *g, const struct cgc_image_object *obj,
                  uint32_t parent) {
  g->reached[obj->id / 64] |= 1ull << (obj->id % 64);
  g->nreached++;
  g->reached_bytes += obj->size;
  if (g->parent)
    g->parent[obj->id] = parent;
  if (!obj->span->noscan)
    g->queue[g->nqueue++] = obj->addr;
}

static void visit(uint64_t where, uint64_t to, void *ctx) {
  struct cgc_graph *g = ctx;
  struct cgc_image_object obj;
  if (!cgc_image_find(g->im, to, &obj) || cgc_graph_is_reached(g, obj.id) ||
      !cgc_image_is_live(g->im, obj.id))
    return;
  reach(g, &obj, g->from != CGC_GRAPH_NONE ? g->from : note_root(g, where, to));
}

static void visit_piece(const struct cgc_root_piece *piece, void *ctx) {
  struct cgc_graph *g = ctx;
  bool packed = piece->place == CGC_PLACE_DATA ||
                piece->place == CGC_PLACE_MAPPING ||
                piece->place == CGC_PLACE_CODE;
  g->piece = piece;
  g->root_bytes += piece->n;
  cgc_graph_words(g, piece->addr, piece->bytes, piece->n, 0,
                  g->unaligned && packed, visit, g);
  g->piece = NULL;
}

/* Pinned objects, and blocks that a thread's stack stands in. */
static void visit_others(struct cgc_graph *g) {
  const struct cgc_target *t = g->im->target;
  for (size_t i = 0; i < t->nthreads; i++) {
    struct cgc_root_piece piece = {.place = CGC_PLACE_REGISTER,
                                   .thread = &t->threads[i]};
    g->piece = &piece;
    if (is_inside(g->im, t->threads[i].sp))
      visit(offsetof(struct user_regs_struct, rsp), t->threads[i].sp, g);
  }
  g->piece = NULL;
  for (size_t i = 0; i < g->im->nspans; i++) {
    const struct cgc_image_span *s = &g->im->spans[i];
    for (uint32_t j = 0; s->pinned && j < s->nslots; j++)
      visit(0, s->base + j * s->slot_size, g);
  }
}

static uint64_t now_ms(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void show_progress(const struct cgc_graph *g, uint64_t began) {
  if (isatty(2) && now_ms() - began > 2000)
    fprintf(stderr, "\rcgc: %lu of %lu objects ", (unsigned long)g->nreached,
            (unsigned long)g->im->nlive);
}

/* The next objects' contents are asked for before they are needed. */
static void drain(struct cgc_graph *g) {
  uint64_t began = now_ms();
  const uint8_t *contents = g->im->contents;
  struct cgc_image_object obj;
  for (size_t i = g->ndone; i < g->nqueue; i++) {
    if (i + AHEAD < g->nqueue)
      __builtin_prefetch(contents + (g->queue[i + AHEAD] - g->im->base));
    if (i % PROGRESS_EVERY == PROGRESS_EVERY - 1)
      show_progress(g, began);
    cgc_image_find(g->im, g->queue[i], &obj);
    g->from = obj.id;
    cgc_graph_words(g, obj.addr, contents + (obj.addr - g->im->base), obj.size,
                    obj.addr, false, visit, g);
  }
  g->ndone = g->nqueue;
  if (isatty(2) && now_ms() - began > 2000)
    fputs("\r\033[K", stderr);
}

static void *map(size_t bytes) {
  void *p = mmap(NULL, bytes + 1, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED)
    exit(cgc_tool_error(CGC_HEAP_FAILED, "no memory for %zu objects",
                        bytes / 8));
  return p;
}

void cgc_graph_mark(struct cgc_graph *g, struct cgc_image *im, bool ways) {
  cgc_graph_open(g, im);
  g->reached = map((size_t)im->nslots / 8 + 8);
  g->queue = map((size_t)im->nslots * 8);
  g->parent = ways ? map((size_t)im->nslots * 4) : NULL;
  g->from = CGC_GRAPH_NONE;
  cgc_roots_walk(im, false, visit_piece, g);
  visit_others(g);
  drain(g);
  /* Last, so that it explains only what nothing else does. */
  g->from = CGC_GRAPH_NONE;
  cgc_roots_walk(im, true, visit_piece, g);
  drain(g);
}

void cgc_graph_close(struct cgc_graph *g) {
  size_t n = g->im->nslots;
  if (g->reached)
    munmap(g->reached, n / 8 + 9);
  if (g->queue)
    munmap(g->queue, n * 8 + 1);
  if (g->parent)
    munmap(g->parent, n * 4 + 1);
  free(g->roots);
}
