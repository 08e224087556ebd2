/* SPDX-License-Identifier: MIT */
#include "heap-tree.h"

#include "heap-array.h"
#include "store.h"

#include <stdlib.h>
#include <string.h>

enum { LOG_MIN = 1 << 20, EVERY = 1 << 18, AHEAD = 24 };

/*
 * The pointers found, as nodes' slots and later as nodes: those of node i are
 * log[first[i]] up to log[first[i + 1]], for a node's pointers are noted when
 * the search comes to it.
 */
struct build {
  struct cgc_tree *t;
  struct cgc_graph *g;
  uint32_t *log;
  uint64_t nlog, room;
  uint64_t *first;
  uint32_t *semi;
  uint32_t last; /* slot noted last, of the node under way */
};

/* ---- the search ---------------------------------------------------------- */

struct level {
  uint32_t node;
  uint32_t at; /* of its pointers: the next one to follow */
};

static void note_edge(uint64_t where, uint64_t to, void *ctx) {
  struct build *b = ctx;
  const struct cgc_image *im = b->t->im;
  uint32_t slot = cgc_image_number(im, to);
  (void)where;
  if (slot == CGC_IMAGE_NONE || slot == b->last || !cgc_image_is_live(im, slot))
    return;
  if (b->nlog == b->room) {
    b->log = cgc_array_resize(b->log, b->room * 4, b->room * 8);
    b->room *= 2;
  }
  b->last = slot;
  b->log[b->nlog++] = slot;
  __builtin_prefetch(&b->t->number[slot]);
  __builtin_prefetch(im->contents + (to - im->base));
}

/* SLOT becomes a node, reached from node PARENT. */
static void enter(struct build *b, uint32_t slot, uint32_t parent) {
  struct cgc_tree *t = b->t;
  struct cgc_image_object o;
  uint32_t node = t->n++;
  t->number[slot] = node;
  t->slot[node] = slot;
  t->idom[node] = parent;
  b->first[node] = b->nlog;
  b->last = slot; /* a block that points to itself does not count */
  cgc_image_object(t->im, slot, &o);
  const uint8_t *bytes = cgc_graph_bytes(b->g, &o);
  if (bytes)
    cgc_graph_words(b->g, o.addr, bytes, o.size, o.addr, false, note_edge, b);
  if (node % EVERY == 0)
    cgc_progress("blocks", node, t->im->nlive);
}

/* All that SLOT leads to. */
static void search(struct build *b, struct level *stack, uint32_t slot) {
  struct cgc_tree *t = b->t;
  size_t depth = 0;
  enter(b, slot, 0);
  stack[0] = (struct level){t->n - 1, 0};
  for (;;) {
    struct level *l = &stack[depth];
    uint64_t at = b->first[l->node] + l->at;
    uint64_t end = l->node + 1 < t->n ? b->first[l->node + 1] : b->nlog;
    while (at < end && t->number[b->log[at]])
      at++;
    l->at = (uint32_t)(at + 1 - b->first[l->node]);
    if (at < end) {
      enter(b, b->log[at], l->node);
      stack[++depth] = (struct level){t->n - 1, 0};
    } else if (depth-- == 0) {
      return;
    }
  }
}

/* ---- roots --------------------------------------------------------------- */

static void note_root(uint64_t where, uint64_t to, void *ctx) {
  struct build *b = ctx;
  struct cgc_tree *t = b->t;
  struct cgc_image_object o;
  const struct cgc_root_piece *p = b->g->piece;
  if (!cgc_image_find(t->im, to, &o) || !cgc_image_is_live(t->im, o.id))
    return;
  t->roots = cgc_store_room(t->roots, t->nroots, sizeof *t->roots);
  t->roots[t->nroots++] =
      (struct cgc_graph_root){where, to, p->thread, p->segment, p->place};
}

static void search_roots(struct build *b, struct level *stack, size_t from) {
  struct cgc_tree *t = b->t;
  for (size_t i = from; i < t->nroots; i++) {
    struct cgc_image_object o;
    if (cgc_image_find(t->im, t->roots[i].word, &o) && !t->number[o.id])
      search(b, stack, o.id);
  }
}

/* What points to a block that is reached already says nothing new. */
static void forget_reached(struct cgc_tree *t, size_t from) {
  struct cgc_image_object o;
  size_t n = from;
  for (size_t i = from; i < t->nroots; i++)
    if (cgc_image_find(t->im, t->roots[i].word, &o) && !t->number[o.id])
      t->roots[n++] = t->roots[i];
  t->nroots = n;
}

static void search_all(struct build *b) {
  struct cgc_tree *t = b->t;
  size_t nslots = (size_t)t->im->nslots + 2;
  struct level *stack = cgc_array_map(nslots * sizeof *stack);
  t->number = cgc_array_map(nslots * 4);
  t->slot = cgc_array_map(nslots * 4);
  t->idom = cgc_array_map(nslots * 4);
  b->first = cgc_array_map(nslots * 8);
  b->room = LOG_MIN;
  b->log = cgc_array_map(b->room * 4);
  t->n = 1;
  cgc_graph_roots(b->g, false, note_root, b);
  search_roots(b, stack, 0);
  size_t from = t->nroots;
  cgc_graph_roots(b->g, true, note_root, b);
  forget_reached(t, from);
  search_roots(b, stack, from);
  b->first[t->n] = b->nlog;
  cgc_array_unmap(stack, nslots * sizeof *stack);
}

/* ---- semidominators ------------------------------------------------------ */

/* The pointers to node w that come from later nodes. */
struct later {
  uint64_t *first; /* of from[], for w; w's end is first[w + 1] */
  uint32_t *from;
  uint64_t n;
};

/* From earlier nodes the first one counts, which is the least. */
static void take_earlier(struct build *b, struct later *later) {
  struct cgc_tree *t = b->t;
  for (uint32_t v = 0; v < t->n; v++)
    b->semi[v] = t->idom[v];
  for (size_t i = 0; i < t->nroots; i++)
    b->semi[cgc_tree_find(t, t->roots[i].word)] = 0;
  for (uint64_t e = 0; e < b->nlog; e++) {
    __builtin_prefetch(&t->number[b->log[cgc_min(e + AHEAD, b->nlog - 1)]]);
    b->log[e] = t->number[b->log[e]];
  }
  for (uint32_t v = 1; v < t->n; v++)
    for (uint64_t e = b->first[v]; e < b->first[v + 1]; e++) {
      uint32_t w = b->log[e], next = b->log[cgc_min(e + AHEAD, b->nlog - 1)];
      __builtin_prefetch(&b->semi[next]);
      __builtin_prefetch(&later->first[next + 1]);
      if (v > w)
        later->first[w + 1]++;
      else if (v < b->semi[w])
        b->semi[w] = v;
    }
}

static void sort_later(struct build *b, struct later *later) {
  uint32_t n = b->t->n;
  for (uint32_t w = 0; w < n; w++)
    later->first[w + 1] += later->first[w];
  later->n = later->first[n];
  later->from = cgc_array_take(later->n * 4);
  for (uint32_t v = n - 1; v > 0; v--)
    for (uint64_t e = b->first[v]; e < b->first[v + 1]; e++) {
      uint32_t next = b->log[e > AHEAD ? e - AHEAD : 0];
      __builtin_prefetch(&later->first[next + 1]);
      if (v > b->log[e])
        later->from[--later->first[b->log[e] + 1]] = v;
    }
  /* first[w + 1] has come down to where w's begin. */
  memmove(later->first, later->first + 1, n * sizeof *later->first);
  later->first[n] = later->n;
}

/* The forest of the nodes after LAST, with paths compressed. */
struct tree_node {
  uint32_t above; /* node's ancestor, its parent at first */
  uint32_t best;  /* least semi from the node up to, not with, above */
};

struct forest {
  struct tree_node *node;
  uint32_t *path; /* room for one */
};

static uint32_t evaluate(const struct forest *f, uint32_t v, uint32_t last) {
  struct tree_node *node = f->node;
  size_t n = 0;
  while (node[v].above > last) {
    f->path[n++] = v;
    v = node[v].above;
  }
  struct tree_node top = node[v];
  while (n > 0) {
    struct tree_node *x = &node[f->path[--n]];
    top.best = (uint32_t)cgc_min(x->best, top.best);
    *x = top;
  }
  return top.best;
}

static void take_later(struct build *b, const struct later *later) {
  struct cgc_tree *t = b->t;
  size_t n = t->n;
  struct forest f = {cgc_array_take(n * sizeof *f.node), cgc_array_take(n * 4)};
  for (uint32_t w = 0; w < n; w++)
    f.node[w].above = t->idom[w];
  for (uint32_t w = t->n - 1; w > 0; w--) {
    uint32_t semi = b->semi[w];
    for (uint64_t i = later->first[w]; i < later->first[w + 1]; i++)
      semi = (uint32_t)cgc_min(semi, evaluate(&f, later->from[i], w));
    b->semi[w] = f.node[w].best = semi;
    if (w % EVERY == 0)
      cgc_progress("of the tree", t->n - w, t->n);
  }
  cgc_array_unmap(f.node, n * sizeof *f.node);
  cgc_array_unmap(f.path, n * 4);
}

/* ---- the tree ------------------------------------------------------------ */

static void find_parents(struct build *b) {
  struct cgc_tree *t = b->t;
  for (uint32_t w = 1; w < t->n; w++) {
    uint32_t d = t->idom[w];
    while (d > b->semi[w])
      d = t->idom[d];
    t->idom[w] = d;
  }
}

static void add_up(struct cgc_tree *t) {
  struct cgc_image_object o;
  for (uint32_t w = 1; w < t->n; w++) {
    cgc_image_object(t->im, t->slot[w], &o);
    t->bytes[w] = o.size;
    t->objects[w] = 1;
  }
  for (uint32_t w = t->n - 1; w > 0; w--) {
    t->bytes[t->idom[w]] += t->bytes[w];
    t->objects[t->idom[w]] += t->objects[w];
  }
}

void cgc_tree_build(struct cgc_tree *t, struct cgc_graph *g) {
  struct build b = {.t = t, .g = g};
  struct later later = {.n = 0};
  *t = (struct cgc_tree){.im = g->im};
  search_all(&b);
  size_t n = t->n, nslots = (size_t)t->im->nslots + 2;
  cgc_image_drop_contents(t->im);
  b.semi = cgc_array_take(n * 4);
  later.first = memset(cgc_array_take((n + 2) * 8), 0, (n + 2) * 8);
  take_earlier(&b, &later);
  sort_later(&b, &later);
  cgc_array_unmap(b.log, b.room * 4);
  cgc_array_unmap(b.first, nslots * 8);
  take_later(&b, &later);
  find_parents(&b);
  cgc_array_unmap(later.from, later.n * 4);
  cgc_array_unmap(later.first, (n + 2) * 8);
  cgc_array_unmap(b.semi, n * 4);
  t->bytes = cgc_array_take(n * 8);
  t->objects = cgc_array_take(n * 4);
  t->bytes[0] = t->objects[0] = 0;
  add_up(t);
}

void cgc_tree_close(struct cgc_tree *t) {
  size_t nslots = (size_t)t->im->nslots + 2;
  cgc_array_unmap(t->number, nslots * 4);
  cgc_array_unmap(t->slot, nslots * 4);
  cgc_array_unmap(t->idom, nslots * 4);
  cgc_array_unmap(t->bytes, (size_t)t->n * 8);
  cgc_array_unmap(t->objects, (size_t)t->n * 4);
  free(t->roots);
}

uint32_t cgc_tree_find(const struct cgc_tree *t, uint64_t addr) {
  struct cgc_image_object o;
  return cgc_image_find(t->im, addr, &o) ? t->number[o.id] : 0;
}
