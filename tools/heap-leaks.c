/* SPDX-License-Identifier: MIT */
/*
 * tools/heap-leaks.c - cgc heap: what is lost.
 */
#include "heap.h"

#include "store.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 100 };

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
