/* SPDX-License-Identifier: MIT */
#include "heap-link.h"

#include "heap-array.h"
#include "heap-graph.h"

enum { ROOM_MIN = 1 << 20, EVERY = 1 << 10 };

/* The links of one object, found at the end of more. */
struct finder {
  struct cgc_links *l;
  const struct cgc_image *im;
  uint32_t self;
  uint32_t last;
  uint64_t end;
};

static void found(uint64_t where, uint64_t to, void *ctx) {
  struct finder *f = ctx;
  struct cgc_links *l = f->l;
  uint32_t id = cgc_image_number(f->im, to);
  (void)where;
  if (id == 0 || id == f->self || id == f->last ||
      !cgc_image_is_live(f->im, id))
    return;
  if (f->end >= l->room) {
    l->more = cgc_array_resize(l->more, l->room * 4, l->room * 8);
    l->room *= 2;
  }
  f->last = id;
  l->more[f->end++] = id;
}

static void take_links(struct finder *f) {
  struct cgc_links *l = f->l;
  struct cgc_link *link = &l->of[f->self];
  uint64_t first = l->nmore + 1, n = f->end - first;
  if (n <= CGC_LINK_FEW) {
    for (uint64_t i = 0; i < n; i++)
      link->to[i] = l->more[first + i];
    return;
  }
  link->to[0] = CGC_LINK_MANY;
  link->to[1] = (uint32_t)l->nmore;
  link->to[2] = (uint32_t)(l->nmore >> 32);
  l->more[l->nmore] = (uint32_t)n;
  l->nmore = f->end;
}

static void find_links(struct finder *f, const struct cgc_graph *g,
                       uint32_t id) {
  f->self = id;
  f->last = 0;
  f->end = f->l->nmore + 1;
  cgc_graph_object(g, id, found, f);
  take_links(f);
}

void cgc_links_open(struct cgc_links *l, const struct cgc_graph *g) {
  const struct cgc_image *im = g->im;
  struct finder f = {.l = l, .im = im};
  *l = (struct cgc_links){.nslots = im->nslots, .room = ROOM_MIN};
  l->of = cgc_array_map(l->nslots * sizeof *l->of);
  l->more = cgc_array_map(l->room * sizeof *l->more);
  for (size_t i = 0; i < im->nspans; i++) {
    const struct cgc_image_span *s = &im->spans[i];
    if (i % EVERY == 0)
      cgc_progress("read", i, im->nspans);
    for (uint32_t j = 0; j < s->nslots && !s->noscan; j++)
      if (cgc_image_is_live(im, s->first + j))
        find_links(&f, g, s->first + j);
  }
}

void cgc_links_close(struct cgc_links *l) {
  cgc_array_unmap(l->of, l->nslots * sizeof *l->of);
  cgc_array_unmap(l->more, l->room * sizeof *l->more);
  *l = (struct cgc_links){.of = NULL};
}
