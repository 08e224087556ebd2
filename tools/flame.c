/* SPDX-License-Identifier: MIT */
#include "flame.h"

#include "json.h"
#include "map.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SMALLEST_SHARE = 2000 };

struct node {
  struct node *next;  /* sibling */
  struct node *child; /* the first */
  uint64_t number;    /* its own: a key of children */
  uint64_t name;      /* index into names */
  uint64_t bytes;
};

struct cgc_flame {
  struct cgc_store *store;
  struct node *root;
  struct cgc_map children; /* parent's number and name → node */
  struct cgc_map ids;      /* interned name → index + 1 */
  const char **names;      /* malloc'ed */
  size_t nnames;
  uint64_t nnodes;
};

static const char *name_of(struct cgc_flame *f,
                           const struct cgc_stack_frame *frame) {
  if (frame->function)
    return cgc_store_intern(f->store, frame->function, strlen(frame->function));
  return cgc_store_format(f->store, "%s+0x%" PRIx64,
                          cgc_stack_module_name(frame->module), frame->addr);
}

static uint64_t name_id(struct cgc_flame *f,
                        const struct cgc_stack_frame *frame) {
  const char *name = name_of(f, frame);
  void **id = cgc_map_place(&f->ids, (uintptr_t)name);
  if (!*id) {
    f->names = cgc_store_room(f->names, f->nnames, sizeof *f->names);
    f->names[f->nnames++] = name;
    *id = (void *)(uintptr_t)f->nnames;
  }
  return (uintptr_t)*id - 1;
}

static struct node *child_of(struct cgc_flame *f, struct node *parent,
                             uint64_t name) {
  void **place = cgc_map_place(&f->children, parent->number << 32 | name);
  struct node *n = *place;
  if (n)
    return n;
  n = *place = cgc_store_alloc(f->store, sizeof *n);
  n->number = ++f->nnodes;
  n->name = name;
  n->next = parent->child;
  parent->child = n;
  return n;
}

static void add(struct cgc_flame *f, const struct cgc_stack *stack,
                uint64_t bytes) {
  struct node *n = f->root;
  n->bytes += bytes;
  for (size_t i = stack->n; i-- > 0;) {
    n = child_of(f, n, name_id(f, stack->frames[i]));
    n->bytes += bytes;
  }
}

struct cgc_flame *cgc_flame_open(const struct cgc_leaks *leaks) {
  struct cgc_store *store = cgc_store_open();
  struct cgc_flame *f = cgc_store_alloc(store, sizeof *f);
  f->store = store;
  f->root = cgc_store_alloc(store, sizeof *f->root);
  for (size_t i = 0; i < leaks->nshown; i++)
    if (leaks->shown[i]->class == CGC_RAW_LOST)
      add(f, cgc_leaks_stack(leaks, leaks->shown[i]),
          cgc_leaks_bytes(leaks->shown[i]));
  return f;
}

void cgc_flame_close(struct cgc_flame *flame) {
  cgc_map_clear(&flame->children);
  cgc_map_clear(&flame->ids);
  free(flame->names);
  cgc_store_close(flame->store);
}

static void print_node(FILE *out, const struct cgc_flame *f,
                       const struct node *n) {
  bool any = false;
  if (n == f->root)
    fputs("[-1,", out);
  else
    fprintf(out, "[%" PRIu64 ",", n->name);
  fprintf(out, "%" PRIu64 ",[", n->bytes);
  for (const struct node *c = n->child; c; c = c->next) {
    if (c->bytes < f->root->bytes / SMALLEST_SHARE)
      continue;
    fputs(any ? "," : "", out);
    print_node(out, f, c);
    any = true;
  }
  fputs("]]", out);
}

void cgc_flame_print(FILE *out, const struct cgc_flame *flame) {
  fputs("\"names\":[", out);
  for (size_t i = 0; i < flame->nnames; i++) {
    fputs(i ? "," : "", out);
    cgc_json_string(out, flame->names[i]);
  }
  fputs("],\"flame\":", out);
  print_node(out, flame, flame->root);
}
