/* SPDX-License-Identifier: MIT */
/*
 * tools/heap-retain.c - cgc heap: who keeps how much alive.
 */
#include "heap.h"

#include "heap-array.h"
#include "heap-dot.h"
#include "heap-tree.h"
#include "store.h"
#include "tool.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 20, CHAIN_PERCENT = 90 };

static void build(struct cgc_heap_view *v, struct cgc_tree *t,
                  const struct cgc_tree_query *query) {
  cgc_graph_open(&v->graph, &v->image);
  cgc_tree_build(t, &v->graph, query);
  cgc_progress_end();
}

static void object_of(const struct cgc_tree *t, uint32_t node,
                      struct cgc_image_object *o) {
  cgc_image_object(t->im, t->slot[node], o);
}

static size_t rows(const struct cgc_heap_view *v) {
  return v->options.limit ? v->options.limit : ROWS;
}

/* ---- the largest of many nodes ------------------------------------------- */

struct largest {
  const struct cgc_tree *t;
  uint32_t *node; /* the most bytes first */
  size_t n, limit;
};

static void largest_open(struct largest *l, const struct cgc_tree *t,
                         size_t limit) {
  limit = cgc_min(limit, t->n);
  *l = (struct largest){t, cgc_store_grow(NULL, limit * 4 + 4), 0, limit};
}

static void largest_add(struct largest *l, uint32_t node) {
  const uint64_t *bytes = l->t->bytes;
  size_t i = l->n;
  if (i == l->limit && (i == 0 || bytes[l->node[i - 1]] >= bytes[node]))
    return;
  i = i < l->limit ? l->n++ : i - 1;
  for (; i > 0 && bytes[l->node[i - 1]] < bytes[node]; i--)
    l->node[i] = l->node[i - 1];
  l->node[i] = node;
}

static void show_nodes(struct cgc_heap_view *v, const struct cgc_tree *t,
                       const char *table, const uint32_t *node, size_t n) {
  struct cgc_image_object o;
  cgc_out_table(&v->out, table, "    RETAINED    OBJECTS      SIZE BLOCK");
  for (size_t i = 0; i < n; i++) {
    object_of(t, node[i], &o);
    cgc_out_row(&v->out);
    cgc_out_number(&v->out, "retained_bytes", 12, t->bytes[node[i]]);
    cgc_out_number(&v->out, "retained_objects", 10, t->objects[node[i]]);
    cgc_out_number(&v->out, "size", 9, o.size);
    cgc_out_address(&v->out, "block", 0, o.addr);
    cgc_out_end_row(&v->out);
  }
  cgc_out_end_table(&v->out);
}

static void draw_node(const struct cgc_tree *t, uint32_t node) {
  struct cgc_image_object o;
  char retained[24], own[24];
  object_of(t, node, &o);
  cgc_dot_block(o.addr, "%s, retains %s in %u", cgc_out_size(own, o.size),
                cgc_out_size(retained, t->bytes[node]), t->objects[node]);
}

static void draw_arrow(const struct cgc_tree *t, uint32_t from, uint32_t to) {
  struct cgc_image_object f, o;
  object_of(t, from, &f);
  object_of(t, to, &o);
  cgc_dot_arrow(f.addr, o.addr, "");
}

/* ---- holders ------------------------------------------------------------- */

struct keeper {
  struct cgc_heap_keeper k;
  struct cgc_holder holder;
  uint32_t example; /* the node that retains the most; 0: none */
};

struct keepers {
  struct cgc_heap_view *v;
  const struct cgc_tree *t;
  struct cgc_store *store;
  struct keeper *all;
  size_t n, last;
  uint64_t *taken; /* a bit for each node */
};

static bool is_of(const struct keeper *k, const struct cgc_graph_root *r) {
  const struct cgc_holder *h = &k->holder;
  if (h->thread || r->thread)
    return h->thread == r->thread;
  return h->hi ? h->lo <= r->addr && r->addr < h->hi : h->place == r->place;
}

static bool is_last(const struct keepers *k, const struct cgc_graph_root *r) {
  return k->last < k->n && is_of(&k->all[k->last], r);
}

/* The number of the keeper whose root R is. */
static uint32_t keeper_of(const struct cgc_graph_root *r, void *ctx) {
  struct keepers *k = ctx;
  if (is_last(k, r))
    return (uint32_t)k->last;
  for (k->last = 0; k->last < k->n; k->last++)
    if (is_last(k, r))
      return (uint32_t)k->last;
  struct keeper new = {.k = {.name = NULL}};
  const char *name = cgc_namer_holder(k->v->namer, r, &new.holder);
  new.k.name = cgc_store_intern(k->store, name, strlen(name));
  k->all = cgc_store_room(k->all, k->n, sizeof *k->all);
  k->all[k->n] = new;
  return (uint32_t)k->n++;
}

static void add(struct keepers *k, struct keeper *keeper, uint32_t node) {
  keeper->k.bytes += k->t->bytes[node];
  keeper->k.objects += k->t->objects[node];
}

static bool is_stack(const struct cgc_tree_root *r) {
  return r->root.place == CGC_PLACE_STACK ||
         r->root.place == CGC_PLACE_REGISTER;
}

/* What several keep counts for the first. */
static void take_root(struct keepers *k, const struct cgc_tree_root *r) {
  const struct cgc_tree *t = k->t;
  struct keeper *keeper = &k->all[r->holder];
  uint32_t node = r->node, above = t->idom[node];
  bool taken = k->taken[node / 64] >> (node % 64) & 1;
  if (above == 0 && !taken) {
    k->taken[node / 64] |= 1ull << (node % 64);
    add(k, keeper, node);
  }
  if ((above == 0 && !taken) || above == t->holders[r->holder].node)
    if (!keeper->example || t->bytes[node] > t->bytes[keeper->example])
      keeper->example = node;
}

static int by_bytes(const void *a, const void *b) {
  const struct keeper *x = a, *y = b;
  return x->k.bytes > y->k.bytes ? -1 : x->k.bytes < y->k.bytes;
}

/* Blocks that hang on nothing alone, since several blocks lead to each. */
static struct keeper shared_blocks(const struct keepers *k) {
  struct keeper shared = {.k = {.name = "several blocks at once"}};
  for (uint32_t node = 1; node < k->t->n; node++)
    if (k->t->slot[node] && k->t->idom[node] == 0 &&
        !(k->taken[node / 64] >> (node % 64) & 1)) {
      shared.k.bytes += k->t->bytes[node];
      shared.k.objects += k->t->objects[node];
    }
  return shared;
}

static void find_keepers(struct keepers *k) {
  const struct cgc_tree *t = k->t;
  size_t bytes = ((size_t)t->n / 64 + 1) * 8;
  k->taken = memset(cgc_store_grow(NULL, bytes), 0, bytes);
  for (size_t i = 0; i < k->n; i++)
    add(k, &k->all[i], t->holders[i].node);
  for (int stacks = 0; stacks < 2; stacks++)
    for (size_t i = 0; i < t->nroots; i++)
      if (is_stack(&t->roots[i]) == stacks)
        take_root(k, &t->roots[i]);
  struct keeper shared = shared_blocks(k);
  if (shared.k.objects) {
    k->all = cgc_store_room(k->all, k->n, sizeof *k->all);
    k->all[k->n++] = shared;
  }
  if (k->n)
    qsort(k->all, k->n, sizeof *k->all, by_bytes);
}

static void build_ranked(struct keepers *k, struct cgc_tree *t) {
  build(k->v, t,
        &(struct cgc_tree_query){
            .holder_of = keeper_of, .ctx = k, .ranked = true});
}

static void show_keepers(struct keepers *k) {
  struct cgc_table_out *out = &k->v->out;
  cgc_out_table(out, "holders", "    RETAINED    OBJECTS KEPT BY");
  for (size_t i = 0; i < k->n && i < rows(k->v); i++) {
    cgc_out_row(out);
    cgc_out_number(out, "retained_bytes", 12, k->all[i].k.bytes);
    cgc_out_number(out, "retained_objects", 10, k->all[i].k.objects);
    cgc_out_text(out, "holder", 0, "%s", k->all[i].k.name);
    cgc_out_end_row(out);
  }
  cgc_out_end_table(out);
}

/* ---- top ----------------------------------------------------------------- */

/* Of a list or the like only its first block: the others retain nearly all. */
static bool is_chained(const struct cgc_tree *t, uint32_t node) {
  uint32_t above = t->idom[node];
  return t->slot[above] &&
         t->bytes[node] > t->bytes[above] / 100 * CHAIN_PERCENT;
}

static void draw_top(const struct keepers *k, const struct largest *l) {
  const struct cgc_tree *t = k->t;
  struct cgc_image_object o;
  cgc_dot_begin();
  for (size_t i = 0; i < l->n; i++) {
    uint32_t above = t->idom[l->node[i]];
    size_t j = 0;
    draw_node(t, l->node[i]);
    for (; above; above = t->idom[above]) {
      for (j = 0; j < l->n && l->node[j] != above; j++)
        ;
      if (j < l->n)
        break;
    }
    if (above)
      draw_arrow(t, above, l->node[i]);
  }
  for (size_t i = 0; i < k->n && i < rows(k->v); i++)
    if (k->all[i].example) {
      draw_node(t, k->all[i].example);
      object_of(t, k->all[i].example, &o);
      cgc_dot_root(k->all[i].k.name, o.addr);
    }
  cgc_dot_end();
}

int cgc_heap_top(struct cgc_heap_view *v) {
  struct cgc_tree t;
  struct largest l;
  struct keepers k = {.v = v, .t = &t, .store = cgc_store_open()};
  build_ranked(&k, &t);
  find_keepers(&k);
  largest_open(&l, &t, rows(v));
  for (uint32_t node = 1; node < t.n; node++)
    if (t.slot[node] && !is_chained(&t, node))
      largest_add(&l, node);
  if (v->options.dot) {
    draw_top(&k, &l);
  } else {
    show_keepers(&k);
    cgc_out_line(&v->out, "%s", "");
    show_nodes(v, &t, "blocks", l.node, l.n);
  }
  free(l.node);
  free(k.all);
  free(k.taken);
  cgc_store_close(k.store);
  cgc_tree_close(&t);
  if (v->options.dot || !cgc_heap_records(v))
    return 0;
  cgc_out_line(&v->out, "%s", "");
  return cgc_heap_by_stack(v);
}

struct cgc_heap_keeper *cgc_heap_keepers(struct cgc_heap_view *v,
                                         struct cgc_store *store, size_t *n) {
  struct cgc_tree t;
  struct keepers k = {.v = v, .t = &t, .store = store};
  build_ranked(&k, &t);
  find_keepers(&k);
  struct cgc_heap_keeper *all = cgc_store_alloc(store, (k.n + 1) * sizeof *all);
  for (size_t i = 0; i < k.n; i++)
    all[i] = k.all[i].k;
  *n = k.n;
  free(k.all);
  free(k.taken);
  cgc_tree_close(&t);
  return all;
}

/* ---- dominators ---------------------------------------------------------- */

static uint32_t *chain_above(const struct cgc_tree *t, uint32_t node,
                             size_t limit, size_t *n) {
  uint32_t *chain = NULL;
  for (*n = 0; t->slot[node] && *n < limit; node = t->idom[node]) {
    chain = cgc_store_room(chain, *n, sizeof *chain);
    chain[(*n)++] = node;
  }
  return chain;
}

static void draw_dominators(const struct cgc_tree *t, const uint32_t *chain,
                            size_t n, const struct largest *below) {
  cgc_dot_begin();
  for (size_t i = 0; i < n; i++) {
    draw_node(t, chain[i]);
    if (i + 1 < n)
      draw_arrow(t, chain[i + 1], chain[i]);
  }
  for (size_t i = 0; i < below->n; i++) {
    draw_node(t, below->node[i]);
    draw_arrow(t, chain[0], below->node[i]);
  }
  cgc_dot_end();
}

static void show_dominators(struct cgc_heap_view *v, const struct cgc_tree *t,
                            const uint32_t *chain, size_t n,
                            const struct largest *below) {
  show_nodes(v, t, "dominators", chain, n);
  cgc_out_line(&v->out, below->n ? "the largest that only it keeps alive:"
                                 : "it keeps nothing else alive");
  if (below->n || v->options.json)
    show_nodes(v, t, "below", below->node, below->n);
}

int cgc_heap_dominators(struct cgc_heap_view *v) {
  struct cgc_tree t;
  struct largest below;
  size_t n;
  build(v, &t, &(struct cgc_tree_query){.asked = v->addr});
  uint32_t node = t.asked;
  if (node) {
    uint32_t *chain = chain_above(&t, node, rows(v), &n);
    largest_open(&below, &t, rows(v));
    for (uint32_t w = node + 1; w < t.n; w++)
      if (t.idom[w] == node)
        largest_add(&below, w);
    if (v->options.dot)
      draw_dominators(&t, chain, n, &below);
    else
      show_dominators(v, &t, chain, n, &below);
    free(chain);
    free(below.node);
  }
  cgc_tree_close(&t);
  return node ? 0
              : cgc_tool_error(CGC_HEAP_FAILED, "nothing reaches 0x%lx",
                               (unsigned long)v->addr);
}
