/* SPDX-License-Identifier: MIT */
/*
 * tools/heap-leaks.c - cgc heap: what is lost.
 */
#include "heap.h"

#include "store.h"
#include "tool.h"

#include <errno.h>
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
  uint32_t *stack;
  size_t nstack;
  uint64_t objects, bytes; /* of the head under way */
  uint64_t total_objects, total_bytes;
  uint64_t nheads;
  struct cgc_record_groups groups; /* by the heads' stacks, where noted */
  struct cgc_map known;            /* heads that were lost before */
  FILE *since;                     /* theirs, and now these */
};

static uint64_t rows(const struct cgc_heap_view *v) {
  return v->options.limit ? v->options.limit : ROWS;
}

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

/* Count the lost object of number ID, and what is to be followed. */
static void take(struct loss *l, uint32_t id) {
  if (!is_lost(l, id) || has(l->taken, id))
    return;
  set(l->taken, id);
  l->objects++;
  l->bytes += cgc_image_size(&l->v->image, id);
  l->stack = cgc_store_room(l->stack, l->nstack, sizeof *l->stack);
  l->stack[l->nstack++] = id;
}

static void row(struct loss *l, const struct cgc_image_object *head) {
  cgc_out_row(&l->v->out);
  cgc_out_address(&l->v->out, "address", -18, head->addr);
  cgc_out_number(&l->v->out, "size", 9, head->size);
  cgc_out_number(&l->v->out, "below_objects", 8, l->objects - 1);
  cgc_out_number(&l->v->out, "below_bytes", 12, l->bytes - head->size);
  cgc_out_end_row(&l->v->out);
}

static void add_to_group(struct loss *l, const struct cgc_image_object *head) {
  struct cgc_record r = {0};
  cgc_records_find(l->v->records, head, &r);
  struct cgc_record_group *g = cgc_record_group(&l->groups, r.stack);
  g->example = head->addr;
  g->heads++;
  g->lost += l->objects;
  g->lost_bytes += l->bytes;
}

/* A head that was told before; else it is from now on. */
static bool is_known(struct loss *l, uint64_t addr) {
  if (!l->since)
    return false;
  if (cgc_map_get(&l->known, addr))
    return true;
  fprintf(l->since, "%lx\n", (unsigned long)addr);
  return false;
}

static int open_known(struct loss *l) {
  const char *name = l->v->options.since;
  unsigned long addr;
  if (!name)
    return 0;
  l->since = fopen(name, "a+e");
  if (!l->since)
    return cgc_tool_error(CGC_HEAP_FAILED, "%s: %s", name, strerror(errno));
  while (fscanf(l->since, "%lx", &addr) == 1)
    *cgc_map_place(&l->known, addr) = l;
  fseek(l->since, 0, SEEK_END);
  return 0;
}

static int close_known(struct loss *l) {
  cgc_map_clear(&l->known);
  if (l->since && fclose(l->since) != 0)
    return cgc_tool_error(CGC_HEAP_FAILED, "%s: %s", l->v->options.since,
                          strerror(errno));
  return 0;
}

static void show_head(struct loss *l, const struct cgc_image_object *head) {
  l->objects = l->bytes = 0;
  take(l, head->id);
  while (l->nstack > 0) {
    struct cgc_link_list to =
        cgc_links_from(&l->graph->links, l->stack[--l->nstack]);
    for (uint32_t i = 0; i < to.n; i++)
      take(l, to.id[i]);
  }
  if (is_known(l, head->addr))
    return;
  l->nheads++;
  l->total_objects += l->objects;
  l->total_bytes += l->bytes;
  if (l->v->records)
    add_to_group(l, head);
  else if (l->nheads <= rows(l->v))
    row(l, head);
}

static void show_groups(struct loss *l) {
  struct cgc_table_out *out = &l->v->out;
  cgc_record_groups_sort(&l->groups);
  for (size_t i = 0; i < l->groups.n && i < rows(l->v); i++) {
    const struct cgc_record_group *g = &l->groups.all[i];
    cgc_out_row(out);
    cgc_out_number(out, "bytes", 12, g->lost_bytes);
    cgc_out_number(out, "objects", 10, g->lost);
    cgc_out_number(out, "heads", 8, g->heads);
    cgc_out_address(out, "address", 0, g->example);
    cgc_heap_out_stack(l->v, "stack", "", g->stack);
    cgc_out_end_row(out);
  }
  cgc_record_groups_close(&l->groups);
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
  struct cgc_link_list to = cgc_links_from(&l->graph->links, o->id);
  for (uint32_t i = 0; i < to.n; i++)
    set(l->below, to.id[i]);
}

static void show_if_head(struct loss *l, const struct cgc_image_object *o) {
  if (!has(l->below, o->id))
    show_head(l, o);
}

static void show_if_left(struct loss *l, const struct cgc_image_object *o) {
  if (!has(l->taken, o->id))
    show_head(l, o);
}

static void show_all(struct loss *l) {
  struct cgc_heap_view *v = l->v;
  char size[24];
  each_lost(l, mark_below);
  cgc_out_table(&v->out, "leaks",
                v->records
                    ? "       BYTES    OBJECTS    HEADS HEAD"
                    : "HEAD                     SIZE    BELOW        BYTES");
  each_lost(l, show_if_head);
  each_lost(l, show_if_left); /* cycles */
  if (v->records)
    show_groups(l);
  cgc_out_end_table(&v->out);
  cgc_out_line(&v->out, "%lu objects lost%s, %s, under %lu heads",
               (unsigned long)l->total_objects, l->since ? " since then" : "",
               cgc_out_size(size, l->total_bytes), (unsigned long)l->nheads);
}

int cgc_heap_leaks(struct cgc_heap_view *v) {
  struct loss l = {.v = v, .graph = cgc_heap_marked(v, false)};
  size_t bytes = ((size_t)v->image.nslots / 64 + 1) * 8;
  int status = open_known(&l);
  if (status)
    return status;
  cgc_heap_records(v);
  l.below = memset(cgc_store_grow(NULL, bytes), 0, bytes);
  l.taken = memset(cgc_store_grow(NULL, bytes), 0, bytes);
  show_all(&l);
  free(l.below);
  free(l.taken);
  free(l.stack);
  return close_known(&l);
}
