/* SPDX-License-Identifier: MIT */
#include "heap-tree.h"

#include "heap-array.h"
#include "store.h"
#include "tool.h"

#include <stdlib.h>
#include <string.h>

enum {
  EVERY = 1 << 18,
  EDGES_MIN = 1 << 18,
  AHEAD = 32,  /* links */
  GLANCE = 32, /* slots */
  BACK = 4     /* levels */
};

/* Its number, for a slot that was glanced at. */
#define SEEN UINT32_MAX

/* A link between nodes by which the search found nothing new. */
struct edge {
  uint32_t from, to;
};

struct build {
  struct cgc_tree *t;
  struct cgc_graph *g;
  const struct cgc_tree_query *query;
  bool own;               /* the roots under way are the collector's own data */
  struct cgc_links links; /* their numbers are nodes, or SEEN */
  struct edge *edge;
  uint64_t nedges, room;
  uint32_t *semi;
};

/* 0: no block, or not reached. */
static uint32_t node_of(const struct build *b, uint64_t addr) {
  struct cgc_image_object o;
  return cgc_image_find(b->t->im, addr, &o) ? b->links.of[o.id].number : 0;
}

/* ---- the search ---------------------------------------------------------- */

/* A node with links still to be followed. */
struct level {
  const uint32_t *at;
  uint32_t left;
  uint32_t node;
};

/*
 * Ask for the lines of what SLOT leads to, breadth first, a few dozen of them:
 * the search, which goes on from one to the next, would wait for each (20
 * million blocks at random: 2.6 s, without 4.6).
 */
static void glance(struct build *b, uint32_t slot) {
  uint32_t list[GLANCE] = {slot};
  size_t n = 1;
  for (size_t i = 0; i < n; i++) {
    struct cgc_link *link = &b->links.of[list[i]];
    if (link->number)
      continue;
    link->number = SEEN;
    struct cgc_link_list to = cgc_links_from(&b->links, list[i]);
    for (uint32_t j = 0; j < to.n && n < GLANCE; j++) {
      list[n++] = to.id[j];
      __builtin_prefetch(&b->links.of[to.id[j]], 1);
    }
  }
}

/* SLOT becomes a node, reached from node PARENT. */
static struct level enter(struct build *b, uint32_t slot, uint32_t parent) {
  struct cgc_tree *t = b->t;
  uint32_t node = t->n++;
  glance(b, slot);
  b->links.of[slot].number = node;
  t->slot[node] = slot;
  t->idom[node] = parent;
  if (node % EVERY == 0)
    cgc_progress("blocks", node, t->im->nlive);
  struct cgc_link_list to = cgc_links_from(&b->links, slot);
  return (struct level){to.id, to.n, node};
}

static void note_edge(struct build *b, uint32_t from, uint32_t to) {
  if (b->nedges == b->room) {
    if (b->room * 2 > UINT32_MAX)
      exit(cgc_tool_error(CGC_HEAP_FAILED, "too many pointers: 4 billion"));
    b->edge = cgc_array_resize(b->edge, b->room * sizeof *b->edge,
                               b->room * 2 * sizeof *b->edge);
    b->room *= 2;
  }
  b->edge[b->nedges++] = (struct edge){from, to};
}

/* The next one that L's node leads to first. */
static bool step(struct build *b, struct level *l, uint32_t *slot) {
  for (; l->left > 0; l->left--) {
    uint32_t number = b->links.of[*l->at].number;
    *slot = *l->at++;
    if (number != 0 && number != SEEN) {
      note_edge(b, l->node, number);
      continue;
    }
    l->left--;
    return true;
  }
  return false;
}

/*
 * All that SLOT leads to, below node PARENT.  A node's last link takes its
 * place on the stack, so a list needs none.  On the way back, what comes next
 * is asked for.
 */
static void search(struct build *b, struct level *stack, uint32_t slot,
                   uint32_t parent) {
  struct level l = enter(b, slot, parent);
  for (size_t depth = 0;;) {
    if (!step(b, &l, &slot)) {
      if (depth == 0)
        return;
      l = stack[--depth];
      if (depth >= BACK)
        __builtin_prefetch(&b->links.of[*stack[depth - BACK].at], 1);
      continue;
    }
    parent = l.node;
    if (l.left > 0)
      stack[depth++] = l;
    l = enter(b, slot, parent);
  }
}

/* ---- roots --------------------------------------------------------------- */

/* What several roots hold counts for the first: variables before stacks. */
static const uint8_t rank[] = {
    [CGC_PLACE_NAMED] = 0,  [CGC_PLACE_DATA] = 1,      [CGC_PLACE_MAPPING] = 2,
    [CGC_PLACE_CODE] = 3,   [CGC_PLACE_FINALIZER] = 4, [CGC_PLACE_KERNEL] = 5,
    [CGC_PLACE_PINNED] = 6, [CGC_PLACE_STACK] = 7,     [CGC_PLACE_REGISTER] = 7,
};
enum { RANK_STACK = 7, RANK_OWN = 8 };

static struct cgc_tree_holder *holder_of(struct build *b,
                                         const struct cgc_graph_root *root) {
  struct cgc_tree *t = b->t;
  const struct cgc_tree_query *q = b->query;
  uint32_t i = q->holder_of ? q->holder_of(root, q->ctx) : b->own;
  while (i >= t->nholders) {
    t->holders = cgc_store_room(t->holders, t->nholders, sizeof *t->holders);
    t->holders[t->nholders++] =
        (struct cgc_tree_holder){.first = CGC_TREE_NONE, .own = b->own};
  }
  return &t->holders[i];
}

static void note_root(uint64_t where, uint64_t to, void *ctx) {
  struct build *b = ctx;
  struct cgc_tree *t = b->t;
  const struct cgc_root_piece *p = b->g->piece;
  struct cgc_image_object o;
  if (!cgc_image_find(t->im, to, &o) || !cgc_image_is_live(t->im, o.id))
    return;
  t->roots = cgc_store_room(t->roots, t->nroots, sizeof *t->roots);
  struct cgc_tree_root *r = &t->roots[t->nroots];
  r->root = (struct cgc_graph_root){where, to, p->thread, p->segment, p->place};
  struct cgc_tree_holder *holder = holder_of(b, &r->root);
  r->holder = (uint32_t)(holder - t->holders);
  r->next = holder->first;
  holder->first = (uint32_t)t->nroots++;
}

/* All that HOLDER leads to. */
static void search_holder(struct build *b, struct level *stack,
                          struct cgc_tree_holder *holder, bool weak) {
  struct cgc_tree *t = b->t;
  struct cgc_image_object o;
  holder->node = t->n++;
  t->slot[holder->node] = t->idom[holder->node] = 0;
  for (uint32_t i = holder->first; i != CGC_TREE_NONE; i = t->roots[i].next) {
    if (!cgc_image_find(t->im, t->roots[i].root.word, &o))
      continue;
    uint32_t number = b->links.of[o.id].number;
    if (number == 0 || number == SEEN)
      search(b, stack, o.id, holder->node);
    else if (!weak || number > holder->node)
      note_edge(b, holder->node, number);
  }
}

static unsigned rank_of(const struct cgc_tree *t,
                        const struct cgc_tree_holder *holder) {
  if (holder->own || holder->first == CGC_TREE_NONE)
    return RANK_OWN;
  return rank[t->roots[holder->first].root.place];
}

/* Whether what holders of rank R point to counts only if nobody else does. */
static bool is_weak(const struct build *b, unsigned r) {
  return r == RANK_OWN || (b->query->ranked && r == RANK_STACK);
}

static void search_all(struct build *b) {
  struct cgc_tree *t = b->t;
  size_t nslots = t->im->nslots;
  struct level *stack = cgc_array_map(nslots * sizeof *stack);
  b->room = EDGES_MIN;
  b->edge = cgc_array_map(b->room * sizeof *b->edge);
  cgc_graph_roots(b->g, false, note_root, b);
  b->own = true;
  cgc_graph_roots(b->g, true, note_root, b);
  size_t room = nslots + t->nholders + 1;
  t->slot = cgc_array_map(room * 4);
  t->idom = cgc_array_map(room * 4);
  t->n = 1;
  for (unsigned r = 0; r <= RANK_OWN; r++)
    for (size_t i = 0; i < t->nholders; i++)
      if (rank_of(t, &t->holders[i]) == r)
        search_holder(b, stack, &t->holders[i], is_weak(b, r));
  for (size_t i = 0; i < t->nroots; i++)
    t->roots[i].node = node_of(b, t->roots[i].root.word);
  cgc_array_drop(stack, nslots * sizeof *stack);
}

/* ---- semidominators ------------------------------------------------------ */

/* The links to node w that come from later nodes. */
struct later {
  uint32_t *first; /* of from[], for w; w's end is first[w + 1] */
  uint32_t *from;
  uint32_t n;
};

/* From earlier nodes the first one counts, which is the least. */
static void take_edges(struct build *b, struct later *later) {
  for (uint64_t i = 0; i < b->nedges; i++) {
    struct edge e = b->edge[i];
    uint32_t next = b->edge[cgc_min(i + AHEAD, b->nedges - 1)].to;
    __builtin_prefetch(&b->semi[next], 1);
    __builtin_prefetch(&later->first[next + 1], 1);
    if (e.from > e.to)
      later->first[e.to + 1]++;
    else if (e.from < b->semi[e.to])
      b->semi[e.to] = e.from;
  }
}

static void sort_edges(struct build *b, struct later *later) {
  uint32_t n = b->t->n;
  for (uint32_t w = 0; w < n; w++)
    later->first[w + 1] += later->first[w];
  later->n = later->first[n];
  later->from = cgc_array_take(later->n * 4ull);
  for (uint64_t i = 0; i < b->nedges; i++) {
    struct edge e = b->edge[i];
    uint32_t next = b->edge[cgc_min(i + AHEAD, b->nedges - 1)].to;
    __builtin_prefetch(&later->first[next + 1], 1);
    if (e.from > e.to)
      later->from[--later->first[e.to + 1]] = e.from;
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
    for (uint32_t i = later->first[w]; i < later->first[w + 1]; i++) {
      __builtin_prefetch(&f.node[later->from[i < AHEAD ? 0 : i - AHEAD]]);
      semi = (uint32_t)cgc_min(semi, evaluate(&f, later->from[i], w));
    }
    b->semi[w] = f.node[w].best = semi;
    if (w % EVERY == 0)
      cgc_progress("of the tree", t->n - w, t->n);
  }
  cgc_array_unmap(f.node, n * sizeof *f.node);
  cgc_array_unmap(f.path, n * 4);
}

static void find_semi(struct build *b) {
  const struct cgc_tree *t = b->t;
  size_t n = t->n;
  struct later later = {.n = 0};
  later.first = memset(cgc_array_take((n + 2) * 4), 0, (n + 2) * 4);
  b->semi = memcpy(cgc_array_take(n * 4), t->idom, n * 4);
  take_edges(b, &later);
  sort_edges(b, &later);
  cgc_array_unmap(b->edge, b->room * sizeof *b->edge);
  take_later(b, &later);
  cgc_array_unmap(later.from, later.n * 4ull);
  cgc_array_unmap(later.first, (n + 2) * 4);
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
    t->bytes[w] = t->slot[w] ? cgc_image_size(t->im, t->slot[w]) : 0;
    t->objects[w] = t->slot[w] != 0;
  }
  for (uint32_t w = t->n - 1; w > 0; w--) {
    t->bytes[t->idom[w]] += t->bytes[w];
    t->objects[t->idom[w]] += t->objects[w];
  }
}

void cgc_tree_build(struct cgc_tree *t, struct cgc_graph *g,
                    const struct cgc_tree_query *query) {
  struct build b = {.t = t, .g = g, .query = query};
  *t = (struct cgc_tree){.im = g->im};
  cgc_links_open(&b.links, g);
  search_all(&b);
  t->asked = node_of(&b, query->asked);
  cgc_links_close(&b.links);
  size_t n = t->n;
  find_semi(&b);
  find_parents(&b);
  cgc_array_unmap(b.semi, n * 4);
  t->bytes = cgc_array_take(n * 8);
  t->objects = cgc_array_take(n * 4);
  t->bytes[0] = t->objects[0] = 0;
  add_up(t);
}

void cgc_tree_close(struct cgc_tree *t) {
  size_t room = t->im->nslots + t->nholders + 1;
  cgc_array_unmap(t->slot, room * 4);
  cgc_array_unmap(t->idom, room * 4);
  cgc_array_unmap(t->bytes, (size_t)t->n * 8);
  cgc_array_unmap(t->objects, (size_t)t->n * 4);
  free(t->roots);
  free(t->holders);
}
