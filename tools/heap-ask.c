/* SPDX-License-Identifier: MIT */
/*
 * tools/heap-ask.c - cgc heap: about an address: addr, refs.
 */
#include "heap.h"

#include "heap-array.h"
#include "heap-dot.h"
#include "store.h"
#include "tool.h"

#include <stdlib.h>

/* ---- addr ---------------------------------------------------------------- */

/* Who allocated it, and who freed it. */
static void show_record(struct cgc_heap_view *v,
                        const struct cgc_image_object *obj) {
  struct cgc_record r;
  if (!cgc_heap_records(v) || !cgc_records_find(v->records, obj, &r))
    return;
  cgc_out_text(&v->out, "asked", 0, "(%lu asked for)", (unsigned long)r.size);
  cgc_heap_out_stack(v, "allocated_by", "\n  allocated by", r.stack);
  if (r.freed)
    cgc_heap_out_stack(v, "freed_by", "\n  freed by", r.freed);
}

static void show_object(struct cgc_heap_view *v, uint64_t addr,
                        const struct cgc_image_object *obj) {
  cgc_out_row(&v->out);
  cgc_out_address(&v->out, "block", 0, obj->addr);
  cgc_out_text(&v->out, "offset", 0, "+%lu", (unsigned long)(addr - obj->addr));
  cgc_out_text(&v->out, "size", 0, "%lu bytes", (unsigned long)obj->size);
  cgc_out_text(&v->out, "kind", 0, "%s", obj->span->noscan ? "noscan" : "scan");
  cgc_out_text(&v->out, "state", 0, "%s", cgc_heap_state(v, obj));
  show_record(v, obj);
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

bool cgc_heap_find_argument(struct cgc_heap_view *v,
                            struct cgc_image_object *obj) {
  if (cgc_image_find(&v->image, v->addr, obj) &&
      cgc_image_is_live(&v->image, obj->id))
    return true;
  cgc_tool_error(0, "0x%lx is in no allocated block", (unsigned long)v->addr);
  return false;
}

/* ---- who points there ---------------------------------------------------- */

struct search {
  struct cgc_graph *graph;
  struct cgc_image_object target;
  struct cgc_image_object source;
  struct cgc_heap_ref *found;
  size_t n;
};

static void found_ref(uint64_t where, uint64_t to, void *ctx) {
  struct search *s = ctx;
  const struct cgc_root_piece *p = s->graph->piece;
  if (to - s->target.addr >= s->target.size)
    return;
  s->found = cgc_store_room(s->found, s->n, sizeof *s->found);
  struct cgc_heap_ref *ref = &s->found[s->n++];
  *ref = (struct cgc_heap_ref){.source = s->source, .where = where, .to = to};
  if (p)
    ref->root =
        (struct cgc_graph_root){where, to, p->thread, p->segment, p->place};
}

static void search_span(struct search *s, const struct cgc_image_span *sp) {
  for (uint32_t j = 0; j < sp->nslots; j++) {
    struct cgc_image_object o = {sp, sp->first + j,
                                 sp->base + j * sp->slot_size, sp->slot_size};
    if (!cgc_image_is_live(s->graph->im, o.id) || o.id == s->target.id)
      continue;
    s->source = o;
    cgc_graph_object(s->graph, o.id, found_ref, s);
  }
}

void cgc_heap_each_ref(struct cgc_graph *g,
                       const struct cgc_image_object *target,
                       cgc_heap_ref_fn fn, void *ctx) {
  struct search s = {.graph = g, .target = *target};
  cgc_graph_roots(g, false, found_ref, &s);
  for (size_t i = 0; i < g->im->nspans; i++)
    if (!g->im->spans[i].noscan)
      search_span(&s, &g->im->spans[i]);
  for (size_t i = 0; i < s.n; i++) /* FN may look at objects, too */
    fn(&s.found[i], ctx);
  free(s.found);
}

/* ---- refs ---------------------------------------------------------------- */

struct refs {
  struct cgc_heap_view *v;
  struct cgc_image_object of;
};

static void show_ref(struct cgc_heap_view *v, const char *from, bool exact,
                     const char *to) {
  cgc_out_row(&v->out);
  cgc_out_text(&v->out, "from", -28, "%s", from);
  cgc_out_text(&v->out, "kind", -8, "%s", exact ? "exact" : "interior");
  cgc_out_text(&v->out, "to", 0, "%s", to);
  cgc_out_end_row(&v->out);
}

static void show_incoming(const struct cgc_heap_ref *ref, void *ctx) {
  struct refs *r = ctx;
  char from[128], at[64];
  const struct cgc_image_object *o = &ref->source;
  snprintf(at, sizeof at, "0x%lx", (unsigned long)ref->to);
  snprintf(from, sizeof from, "0x%lx+%lu (%lu bytes)", (unsigned long)o->addr,
           (unsigned long)(ref->where - o->addr), (unsigned long)o->size);
  show_ref(r->v, o->span ? from : cgc_namer_root(r->v->namer, &ref->root),
           ref->to == r->of.addr, at);
}

static void draw_incoming(const struct cgc_heap_ref *ref, void *ctx) {
  struct refs *r = ctx;
  const struct cgc_image_object *o = &ref->source;
  char offset[32];
  if (!o->span) {
    cgc_dot_root(cgc_namer_root(r->v->namer, &ref->root), r->of.addr);
    return;
  }
  snprintf(offset, sizeof offset, "+%lu",
           (unsigned long)(ref->where - o->addr));
  cgc_dot_block(o->addr, "%lu bytes", (unsigned long)o->size);
  cgc_dot_arrow(o->addr, r->of.addr, offset);
}

static void show_outgoing(uint64_t where, uint64_t to, void *ctx) {
  struct refs *r = ctx;
  struct cgc_image_object o;
  char from[32], text[96];
  if (!cgc_image_find(&r->v->image, to, &o))
    return;
  snprintf(from, sizeof from, "+%lu", (unsigned long)(where - r->of.addr));
  snprintf(text, sizeof text, "0x%lx+%lu (%lu bytes, %s)",
           (unsigned long)o.addr, (unsigned long)(to - o.addr),
           (unsigned long)o.size, cgc_heap_state(r->v, &o));
  if (r->v->options.dot) {
    cgc_dot_block(o.addr, "%lu bytes", (unsigned long)o.size);
    cgc_dot_arrow(r->of.addr, o.addr, from);
  } else {
    show_ref(r->v, from, to == o.addr, text);
  }
}

static void each(struct refs *r) {
  struct cgc_graph *g = &r->v->graph;
  if (!r->v->options.from)
    cgc_heap_each_ref(g, &r->of,
                      r->v->options.dot ? draw_incoming : show_incoming, r);
  else
    cgc_graph_object(g, r->of.id, show_outgoing, r);
}

int cgc_heap_refs(struct cgc_heap_view *v) {
  struct refs r = {.v = v};
  if (!cgc_heap_find_argument(v, &r.of))
    return CGC_HEAP_FAILED;
  cgc_graph_open(&v->graph, &v->image);
  cgc_progress_end();
  if (v->options.dot) {
    cgc_dot_begin();
    cgc_dot_block(r.of.addr, "%lu bytes", (unsigned long)r.of.size);
    each(&r);
    cgc_dot_end();
    return 0;
  }
  cgc_out_table(&v->out, "refs",
                v->options.from ? "AT                           KIND     TO"
                                : "FROM                         KIND     TO");
  each(&r);
  cgc_out_end_table(&v->out);
  if (v->out.nrows == 0)
    cgc_out_line(&v->out, "nothing");
  return 0;
}
