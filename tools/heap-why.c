/* SPDX-License-Identifier: MIT */
/*
 * tools/heap-why.c - cgc heap: ways from the roots to a block.
 *
 * The shortest way is what the marking left in the graph's parents.  Others
 * are, for each block or root that points to the asked one, the shortest way
 * to that, unless it leads through the asked one itself.
 */
#include "heap.h"

#include "heap-dot.h"
#include "store.h"
#include "tool.h"

#include <stdlib.h>

enum { WAYS = 20 };

struct ways {
  struct cgc_heap_view *v;
  const struct cgc_graph *graph;
  struct cgc_image_object of;
  uint32_t *block; /* of the way at hand, the last one first */
  size_t n, room;
  uint64_t shown;
};

/* ---- one way ------------------------------------------------------------- */

struct step {
  const struct cgc_image_object *to;
  uint64_t where;
};

static void found_step(uint64_t where, uint64_t to, void *ctx) {
  struct step *s = ctx;
  if (s->where == 0 && to - s->to->addr < s->to->size)
    s->where = where;
}

/* How far into FROM the pointer to TO stands. */
static uint64_t offset_of(const struct ways *w,
                          const struct cgc_image_object *from,
                          const struct cgc_image_object *to) {
  struct step s = {to, 0};
  cgc_graph_object(w->graph, from->id, found_step, &s);
  return s.where - from->addr;
}

static void begin_row(struct ways *w) {
  cgc_out_row(&w->v->out);
  if (w->v->options.all)
    cgc_out_number(&w->v->out, "way", 3, w->shown);
}

static void show_root(struct ways *w, const char *name) {
  begin_row(w);
  cgc_out_text(&w->v->out, "from", -28, "%s", name);
  cgc_out_text(&w->v->out, "kind", 0, "root");
  cgc_out_end_row(&w->v->out);
}

static void show_block(struct ways *w, const char *offset,
                       const struct cgc_image_object *o) {
  begin_row(w);
  cgc_out_text(&w->v->out, "offset", 8, "%s", offset);
  cgc_out_text(&w->v->out, "kind", 0, "->");
  cgc_out_text(&w->v->out, "block", 0, "0x%lx (%lu bytes)",
               (unsigned long)o->addr, (unsigned long)o->size);
  cgc_out_end_row(&w->v->out);
}

static void draw(const char *offset, const struct cgc_image_object *from,
                 const struct cgc_image_object *to) {
  cgc_dot_block(to->addr, "%lu bytes", (unsigned long)to->size);
  if (*offset)
    cgc_dot_arrow(from->addr, to->addr, offset + 3);
}

static void show(struct ways *w, const struct cgc_graph_root *root) {
  struct cgc_image_object from = {0}, to;
  const char *name = cgc_namer_root(w->v->namer, root);
  bool dot = w->v->options.dot;
  w->shown++;
  cgc_image_object(w->graph->im, w->block[w->n - 1], &to);
  if (dot)
    cgc_dot_root(name, to.addr);
  else
    show_root(w, name);
  for (size_t i = w->n; i-- > 0; from = to) {
    char offset[32] = "";
    cgc_image_object(w->graph->im, w->block[i], &to);
    if (i + 1 < w->n)
      snprintf(offset, sizeof offset, "at +%lu",
               (unsigned long)offset_of(w, &from, &to));
    if (dot)
      draw(offset, &from, &to);
    else
      show_block(w, offset, &to);
  }
}

static void append(struct ways *w, uint32_t id) {
  w->block = cgc_store_room(w->block, w->n, sizeof *w->block);
  w->block[w->n++] = id;
}

/*
 * Append the way to ID, from its end on.
 * returns  the root; NULL: it leads through the asked one
 */
static const struct cgc_graph_root *follow(struct ways *w, uint32_t id) {
  for (; !(id & CGC_GRAPH_ROOT); id = w->graph->parent[id]) {
    if (w->n > 0 && id == w->of.id)
      return NULL;
    append(w, id);
  }
  return &w->graph->roots[id & ~CGC_GRAPH_ROOT];
}

/* ---- all of them --------------------------------------------------------- */

static void show_by(const struct cgc_heap_ref *ref, void *ctx) {
  struct ways *w = ctx;
  uint64_t limit = w->v->options.limit ? w->v->options.limit : WAYS;
  const struct cgc_graph_root *root = &ref->root;
  if (w->shown >= limit)
    return;
  w->n = 0;
  append(w, w->of.id);
  if (ref->source.span) {
    if (!cgc_graph_is_reached(w->graph, ref->source.id))
      return;
    root = follow(w, ref->source.id);
  }
  if (root)
    show(w, root);
}

static void show_all(struct ways *w) {
  if (w->v->options.all) {
    cgc_heap_each_ref(&w->v->graph, &w->of, show_by, w);
  } else {
    const struct cgc_graph_root *root = follow(w, w->of.id);
    if (root)
      show(w, root);
  }
}

static int nothing(const struct ways *w) {
  return cgc_tool_error(CGC_HEAP_FAILED,
                        w->v->options.avoid
                            ? "0x%lx: nothing else reaches it"
                            : "0x%lx: nothing reaches it; the next collection "
                              "takes it",
                        (unsigned long)w->of.addr);
}

int cgc_heap_why(struct cgc_heap_view *v) {
  struct ways w = {.v = v};
  if (!cgc_heap_find_argument(v, &w.of))
    return CGC_HEAP_FAILED;
  w.graph = cgc_heap_marked(v, true);
  bool reached = cgc_graph_is_reached(w.graph, w.of.id);
  if (v->options.dot)
    cgc_dot_begin();
  else
    cgc_out_table(&v->out, "why", NULL);
  if (reached)
    show_all(&w);
  if (v->options.dot)
    cgc_dot_end();
  else
    cgc_out_end_table(&v->out);
  free(w.block);
  return reached ? 0 : nothing(&w);
}
