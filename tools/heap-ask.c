/* SPDX-License-Identifier: MIT */
/*
 * tools/heap-ask.c - cgc heap: about an address, and what is lost.
 */
#include "heap.h"

#include "store.h"
#include "tool.h"

#include <stdlib.h>
#include <string.h>

enum { WAY_MAX = 100000, ROWS = 100 };

/* ---- addr ---------------------------------------------------------------- */

static void show_object(struct cgc_heap_view *v, uint64_t addr,
                        const struct cgc_image_object *obj) {
  cgc_out_row(&v->out);
  cgc_out_address(&v->out, "block", 0, obj->addr);
  cgc_out_text(&v->out, "offset", 0, "+%lu", (unsigned long)(addr - obj->addr));
  cgc_out_text(&v->out, "size", 0, "%lu bytes", (unsigned long)obj->size);
  cgc_out_text(&v->out, "kind", 0, "%s", obj->span->noscan ? "noscan" : "scan");
  cgc_out_text(&v->out, "state", 0, "%s", cgc_heap_state(v, obj));
  cgc_out_end_row(&v->out);
}

int cgc_heap_addr(struct cgc_heap_view *v) {
  struct cgc_image_object obj;
  bool in_heap = v->addr - v->image.base < v->image.bytes;
  cgc_out_table(&v->out, "address", NULL);
  if (cgc_image_find(&v->image, v->addr, &obj)) {
    if (cgc_image_is_live(&v->image, obj.id))
      cgc_heap_marked(v, false);
    show_object(v, v->addr, &obj);
  } else {
    cgc_out_row(&v->out);
    cgc_out_address(&v->out, "address", 0, v->addr);
    cgc_out_text(&v->out, "what", 0, "%s",
                 in_heap ? "the heap, but in no block (a free page)"
                         : cgc_namer_address(v->namer, v->addr));
    cgc_out_end_row(&v->out);
  }
  cgc_out_end_table(&v->out);
  return 0;
}

/* The object that the argument points into. */
static bool find_argument(struct cgc_heap_view *v,
                          struct cgc_image_object *obj) {
  if (cgc_image_find(&v->image, v->addr, obj) &&
      cgc_image_is_live(&v->image, obj->id))
    return true;
  cgc_tool_error(0, "0x%lx is in no allocated block", (unsigned long)v->addr);
  return false;
}

/* ---- refs ---------------------------------------------------------------- */

struct search {
  struct cgc_heap_view *v;
  struct cgc_graph *graph;
  struct cgc_image_object target;
  struct cgc_image_object source; /* span NULL: roots */
  const struct cgc_root_piece *piece;
};

static void show_ref(struct cgc_heap_view *v, const char *from,
                     const char *exact, const char *to) {
  cgc_out_row(&v->out);
  cgc_out_text(&v->out, "from", -28, "%s", from);
  cgc_out_text(&v->out, "kind", -8, "%s", exact);
  cgc_out_text(&v->out, "to", 0, "%s", to);
  cgc_out_end_row(&v->out);
}

static void found_ref(uint64_t where, uint64_t to, void *ctx) {
  struct search *s = ctx;
  char from[128], at[64];
  if (to - s->target.addr >= s->target.size)
    return;
  snprintf(at, sizeof at, "0x%lx", (unsigned long)to);
  const char *exact = to == s->target.addr ? "exact" : "interior";
  if (s->source.span) {
    snprintf(from, sizeof from, "0x%lx+%lu (%lu bytes)",
             (unsigned long)s->source.addr,
             (unsigned long)(where - s->source.addr),
             (unsigned long)s->source.size);
    show_ref(s->v, from, exact, at);
  } else {
    struct cgc_graph_root root = {where, to, s->piece->thread,
                                  s->piece->segment, s->piece->place};
    show_ref(s->v, cgc_namer_root(s->v->namer, &root), exact, at);
  }
}

static void search_piece(const struct cgc_root_piece *piece, void *ctx) {
  struct search *s = ctx;
  s->piece = piece;
  cgc_graph_words(s->graph, piece->addr, piece->bytes, piece->n, 0,
                  s->graph->unaligned, found_ref, s);
}

static void search_object(struct search *s, const struct cgc_image_object *o,
                          cgc_graph_word_fn fn) {
  const uint8_t *bytes = cgc_graph_bytes(s->graph, o);
  s->source = *o;
  if (bytes)
    cgc_graph_words(s->graph, o->addr, bytes, o->size, o->addr, false, fn, s);
}

static void search_heap(struct search *s) {
  const struct cgc_image *im = &s->v->image;
  for (size_t i = 0; i < im->nspans; i++) {
    const struct cgc_image_span *sp = &im->spans[i];
    for (uint32_t j = 0; !sp->noscan && j < sp->nslots; j++) {
      struct cgc_image_object o = {sp, sp->first + j,
                                   sp->base + j * sp->slot_size, sp->slot_size};
      if (cgc_image_is_live(im, o.id) && o.id != s->target.id)
        search_object(s, &o, found_ref);
    }
  }
}

static void found_outgoing(uint64_t where, uint64_t to, void *ctx) {
  struct search *s = ctx;
  struct cgc_image_object o;
  char from[32], text[96];
  if (!cgc_image_find(&s->v->image, to, &o))
    return;
  snprintf(from, sizeof from, "+%lu", (unsigned long)(where - s->target.addr));
  snprintf(text, sizeof text, "0x%lx+%lu (%lu bytes, %s)",
           (unsigned long)o.addr, (unsigned long)(to - o.addr),
           (unsigned long)o.size, cgc_heap_state(s->v, &o));
  show_ref(s->v, from, to == o.addr ? "exact" : "interior", text);
}

int cgc_heap_refs(struct cgc_heap_view *v) {
  struct search s = {.v = v};
  if (!find_argument(v, &s.target))
    return CGC_HEAP_FAILED;
  s.graph = &v->graph;
  cgc_graph_open(s.graph, &v->image);
  cgc_out_table(&v->out, "refs",
                v->options.from ? "AT                           KIND     TO"
                                : "FROM                         KIND     TO");
  if (v->options.from) {
    search_object(&s, &s.target, found_outgoing);
  } else {
    cgc_roots_walk(&v->image, false, search_piece, &s);
    search_heap(&s);
  }
  cgc_out_end_table(&v->out);
  if (v->out.nrows == 0)
    cgc_out_line(&v->out, "nothing");
  return 0;
}

/* ---- why ----------------------------------------------------------------- */

struct step {
  const struct cgc_image_object *to;
  uint64_t where, word;
};

static void found_step(uint64_t where, uint64_t to, void *ctx) {
  struct step *s = ctx;
  if (s->where == 0 && to - s->to->addr < s->to->size) {
    s->where = where;
    s->word = to;
  }
}

static void show_way(struct cgc_heap_view *v, const struct cgc_graph *g,
                     const uint32_t *way, size_t n,
                     const struct cgc_graph_root *root) {
  struct cgc_image_object from, to;
  cgc_image_object(&v->image, way[n - 1], &to);
  show_ref(v, root ? cgc_namer_root(v->namer, root) : "never freed (pinned)",
           "root", "");
  for (size_t i = n; i-- > 0; from = to) {
    char at[96], offset[32] = "";
    cgc_image_object(&v->image, way[i], &to);
    if (i + 1 < n) {
      struct step s = {.to = &to};
      cgc_graph_words(g, from.addr, cgc_graph_bytes(g, &from), from.size,
                      from.addr, false, found_step, &s);
      snprintf(offset, sizeof offset, "at +%lu",
               (unsigned long)(s.where - from.addr));
    }
    snprintf(at, sizeof at, "0x%lx (%lu bytes)", (unsigned long)to.addr,
             (unsigned long)to.size);
    cgc_out_row(&v->out);
    cgc_out_text(&v->out, "offset", 8, "%s", offset);
    cgc_out_text(&v->out, "kind", 0, "->");
    cgc_out_text(&v->out, "block", 0, "%s", at);
    cgc_out_end_row(&v->out);
  }
}

int cgc_heap_why(struct cgc_heap_view *v) {
  struct cgc_image_object obj;
  if (!find_argument(v, &obj))
    return CGC_HEAP_FAILED;
  struct cgc_graph *g = cgc_heap_marked(v, true);
  cgc_out_table(&v->out, "why", NULL);
  if (!cgc_graph_is_reached(g, obj.id)) {
    cgc_out_end_table(&v->out);
    cgc_tool_error(0, "0x%lx: nothing reaches it; the next collection takes it",
                   (unsigned long)obj.addr);
    return CGC_HEAP_FAILED;
  }
  uint32_t *way = NULL, at = obj.id;
  size_t n = 0;
  for (; !(at & CGC_GRAPH_ROOT) && n < WAY_MAX; at = g->parent[at]) {
    way = cgc_store_room(way, n, sizeof *way);
    way[n++] = at;
  }
  show_way(v, g, way, n,
           at == CGC_GRAPH_NONE ? NULL : &g->roots[at & ~CGC_GRAPH_ROOT]);
  cgc_out_end_table(&v->out);
  free(way);
  return 0;
}

/* ---- leaks --------------------------------------------------------------- */

/*
 * Heads are lost objects that no other lost object points to; of a cycle that
 * nobody points to the first one found.  Each head counts what hangs on it.
 */
struct loss {
  struct cgc_heap_view *v;
  struct cgc_graph *graph;
  uint64_t *below; /* a bit for each slot: some lost object points to it */
  uint64_t *taken; /* counted under a head */
  uint64_t *stack;
  size_t nstack;
  uint32_t self;
  uint64_t objects, bytes; /* of the head under way */
  uint64_t total_objects, total_bytes;
  uint64_t nheads;
};

static bool has(const uint64_t *bits, uint32_t id) {
  return bits[id / 64] >> (id % 64) & 1;
}

static void set(uint64_t *bits, uint32_t id) {
  bits[id / 64] |= 1ull << (id % 64);
}

static bool is_lost(const struct loss *l, uint32_t id) {
  return cgc_image_is_live(&l->v->image, id) &&
         !cgc_graph_is_reached(l->graph, id);
}

static void note_below(uint64_t where, uint64_t to, void *ctx) {
  struct loss *l = ctx;
  struct cgc_image_object o;
  (void)where;
  if (cgc_image_find(&l->v->image, to, &o) && o.id != l->self)
    set(l->below, o.id);
}

static void take_below(uint64_t where, uint64_t to, void *ctx) {
  struct loss *l = ctx;
  struct cgc_image_object o;
  (void)where;
  if (!cgc_image_find(&l->v->image, to, &o) || !is_lost(l, o.id) ||
      has(l->taken, o.id))
    return;
  set(l->taken, o.id);
  l->objects++;
  l->bytes += o.size;
  l->stack = cgc_store_room(l->stack, l->nstack, sizeof *l->stack);
  l->stack[l->nstack++] = o.addr;
}

static void words_of(struct loss *l, const struct cgc_image_object *o,
                     cgc_graph_word_fn fn) {
  const uint8_t *bytes = cgc_graph_bytes(l->graph, o);
  l->self = o->id;
  if (bytes)
    cgc_graph_words(l->graph, o->addr, bytes, o->size, o->addr, false, fn, l);
}

static void show_head(struct loss *l, const struct cgc_image_object *head) {
  struct cgc_image_object o;
  l->objects = l->bytes = 0;
  l->nstack = 0;
  take_below(0, head->addr, l);
  while (l->nstack > 0) {
    cgc_image_find(&l->v->image, l->stack[--l->nstack], &o);
    words_of(l, &o, take_below);
  }
  l->nheads++;
  l->total_objects += l->objects;
  l->total_bytes += l->bytes;
  uint64_t limit = l->v->options.limit ? l->v->options.limit : ROWS;
  if (l->nheads > limit)
    return;
  cgc_out_row(&l->v->out);
  cgc_out_address(&l->v->out, "address", -18, head->addr);
  cgc_out_number(&l->v->out, "size", 9, head->size);
  cgc_out_number(&l->v->out, "below_objects", 8, l->objects - 1);
  cgc_out_number(&l->v->out, "below_bytes", 12, l->bytes - head->size);
  cgc_out_end_row(&l->v->out);
}

typedef void (*lost_fn)(struct loss *l, const struct cgc_image_object *o);

static void each_lost(struct loss *l, lost_fn fn) {
  for (size_t i = 0; i < l->v->image.nspans; i++) {
    const struct cgc_image_span *s = &l->v->image.spans[i];
    for (uint32_t j = 0; j < s->nslots; j++) {
      struct cgc_image_object o = {s, s->first + j, s->base + j * s->slot_size,
                                   s->slot_size};
      if (is_lost(l, o.id))
        fn(l, &o);
    }
  }
}

static void mark_below(struct loss *l, const struct cgc_image_object *o) {
  words_of(l, o, note_below);
}

static void show_if_head(struct loss *l, const struct cgc_image_object *o) {
  if (!has(l->below, o->id))
    show_head(l, o);
}

static void show_if_left(struct loss *l, const struct cgc_image_object *o) {
  if (!has(l->taken, o->id))
    show_head(l, o);
}

int cgc_heap_leaks(struct cgc_heap_view *v) {
  struct loss l = {.v = v, .graph = cgc_heap_marked(v, false)};
  size_t bytes = ((size_t)v->image.nslots / 64 + 1) * 8;
  char size[24];
  l.below = memset(cgc_store_grow(NULL, bytes), 0, bytes);
  l.taken = memset(cgc_store_grow(NULL, bytes), 0, bytes);
  each_lost(&l, mark_below);
  cgc_out_table(&v->out, "leaks",
                "HEAD                     SIZE    BELOW        BYTES");
  each_lost(&l, show_if_head);
  each_lost(&l, show_if_left); /* cycles */
  cgc_out_end_table(&v->out);
  cgc_out_line(&v->out, "%lu objects lost, %s, under %lu heads",
               (unsigned long)l.total_objects,
               cgc_out_size(size, l.total_bytes), (unsigned long)l.nheads);
  free(l.below);
  free(l.taken);
  free(l.stack);
  return 0;
}
