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

/* A node with pointers still to be followed. */
struct level {
  uint64_t at, end; /* in the log */
  uint32_t node;
};

static void note_edge(uint64_t where, uint64_t to, void *ctx) {
  struct build *b = ctx;
  const struct cgc_image *im = b->t->im;
  uint32_t slot = cgc_image_number(im, to);
  (void)where;
  if (slot == CGC_IMAGE_NONE || slot == b->last)
    return;
  if (b->nlog == b->room) {
    b->log = cgc_array_resize(b->log, b->room * 4, b->room * 8);
    b->room *= 2;
  }
  b->last = slot;
  b->log[b->nlog++] = slot;
  __builtin_prefetch(&b->t->number[slot]);
  __builtin_prefetch(&im->groups[slot / 64]);
  __builtin_prefetch(im->contents + (to - im->base));
}

/* SLOT becomes a node, reached from node PARENT. */
static void enter(struct build *b, uint32_t slot, uint32_t parent) {
  struct cgc_tree *t = b->t;
  uint32_t node = t->n++;
  t->number[slot] = node;
  t->slot[node] = slot;
  t->idom[node] = parent;
  b->first[node] = b->nlog;
  b->last = slot; /* a block that points to itself does not count */
  cgc_graph_object(b->g, slot, note_edge, b);
  if (node % EVERY == 0)
    cgc_progress("blocks", node, t->im->nlive);
}

/*
 * All that SLOT leads to.  A node's last pointer takes its place on the stack,
 * so a list needs none.
 */
static void search(struct build *b, struct level *stack, uint32_t slot) {
  struct cgc_tree *t = b->t;
  struct level l = {0, 0, 0};
  size_t depth = 0;
  for (;;) {
    enter(b, slot, l.node);
    if (l.at < l.end)
      stack[depth++] = l;
    l = (struct level){b->first[t->n - 1], b->nlog, t->n - 1};
    for (;;) {
      while (l.at < l.end && t->number[b->log[l.at]])
        l.at++;
      if (l.at < l.end)
        break;
      if (depth == 0)
        return;
      l = stack[--depth];
    }
    slot = b->log[l.at++];
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

/* So that the search has one thing to ask of a slot. */
static void number_dead(struct cgc_tree *t) {
  for (uint32_t slot = 0; slot < t->im->nslots; slot++)
    t->number[slot] = cgc_image_is_live(t->im, slot) ? 0 : CGC_TREE_DEAD;
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
  number_dead(t);
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

/* What points nowhere may as well point to the roots, which nobody asks for. */
static uint32_t node_of(const struct cgc_tree *t, uint32_t slot) {
  return t->number[slot] == CGC_TREE_DEAD ? 0 : t->number[slot];
}

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
    b->log[e] = node_of(t, b->log[e]);
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
  for (uint32_t w = 1; w < t->n; w++) {
    t->bytes[w] = cgc_image_size(t->im, t->slot[w]);
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
  return cgc_image_find(t->im, addr, &o) ? node_of(t, o.id) : 0;
}
