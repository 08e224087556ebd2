/* SPDX-License-Identifier: MIT */
/*
 * tools/heap.h - what the subcommands of `cgc heap' share.
 *
 *   heap.c         options, and the table of subcommands
 *   heap-show      what there is: info, spans, objects, histogram, threads,
 *                  roots, check
 *   heap-ask       about an address: addr, refs
 *   heap-why       ways to it
 *   heap-leaks     what is lost
 *   heap-retain    top, dominators: who keeps how much alive
 *   heap-diff      what grew from one core to another
 *   heap-map       a picture of the spans
 *   heap-stack     by allocation stack: histogram, profile
 *    ├ heap-record what the program noted of its blocks
 *    ├ heap-table  lines or JSON      ├ heap-name   addresses in words
 *    ├ heap-dot    a graph            └ heap-frame  stacks
 *    ├ heap-tree   dominators
 *    ├ heap-graph  who points to whom    ├ heap-link   in few bytes
 *    ├ heap-roots  where to look
 *    ├ heap-image  the heap, understood
 *    └ heap-target, heap-core  bytes of a process or a core
 */
#ifndef CGC_TOOLS_HEAP_H
#define CGC_TOOLS_HEAP_H

#include "heap-graph.h"
#include "heap-name.h"
#include "heap-record.h"
#include "heap-table.h"

struct cgc_heap_options {
  bool json;
  bool dot;
  bool svg;
  bool from;      /* refs: what the object points to */
  bool all;       /* why: all ways */
  unsigned avoid; /* why: roots that do not count, bits of cgc_root_place */
  uint64_t limit; /* rows; 0: the command's own */
  uint64_t min_size, max_size;
  bool by_stack;     /* histogram */
  bool sort_free;    /* spans */
  const char *since; /* leaks: a file with those that are known; NULL */
  const char *stack; /* objects: a regular expression; NULL: any */
  const char *state; /* objects: live, free, lost; NULL: live */
  const char *registers;
};

struct cgc_heap_view {
  struct cgc_target target;
  struct cgc_image image;
  struct cgc_graph graph;
  bool is_marked;
  struct cgc_namer *namer;
  struct cgc_table_out out;
  struct cgc_heap_options options;
  struct cgc_records *records; /* NULL: not looked for, or none */
  uint64_t addr;               /* the argument */
  const char *file;            /* the argument */
};

/** The graph, marked at the first call; WAYS as in cgc_graph_mark. */
struct cgc_graph *cgc_heap_marked(struct cgc_heap_view *v, bool ways);

/* Each prints its answer and returns an exit status. */
int cgc_heap_info(struct cgc_heap_view *v);
int cgc_heap_spans(struct cgc_heap_view *v);
int cgc_heap_objects(struct cgc_heap_view *v);
int cgc_heap_histogram(struct cgc_heap_view *v);
int cgc_heap_threads(struct cgc_heap_view *v);
int cgc_heap_roots(struct cgc_heap_view *v);
int cgc_heap_check(struct cgc_heap_view *v);
int cgc_heap_addr(struct cgc_heap_view *v);
int cgc_heap_refs(struct cgc_heap_view *v);
int cgc_heap_why(struct cgc_heap_view *v);
int cgc_heap_leaks(struct cgc_heap_view *v);
int cgc_heap_top(struct cgc_heap_view *v);
int cgc_heap_by_stack(struct cgc_heap_view *v);
int cgc_heap_diff(struct cgc_heap_view *v);
int cgc_heap_map(struct cgc_heap_view *v);

/** Open the target called NAME for V.  returns  0 or an exit status */
int cgc_heap_open(struct cgc_heap_view *v, const char *name);
void cgc_heap_close(struct cgc_heap_view *v);
int cgc_heap_profile(struct cgc_heap_view *v);
int cgc_heap_dominators(struct cgc_heap_view *v);

/* A variable, a stack, ... and what it keeps alive. */
struct cgc_heap_keeper {
  const char *name;
  uint64_t bytes;
  uint64_t objects;
};
struct cgc_store;
/** All N of them, the most bytes first, from STORE. */
struct cgc_heap_keeper *cgc_heap_keepers(struct cgc_heap_view *v,
                                         struct cgc_store *store, size_t *n);

/** What the program noted of its blocks; NULL: nothing. */
struct cgc_records *cgc_heap_records(struct cgc_heap_view *v);

/** A cell with the stack of that number, of those records. */
void cgc_heap_out_stack(struct cgc_heap_view *v, const char *name,
                        const char *label, uint32_t stack);

/** The block that the argument points into; a line if there is none. */
bool cgc_heap_find_argument(struct cgc_heap_view *v,
                            struct cgc_image_object *obj);

/* A pointer into a block. */
struct cgc_heap_ref {
  struct cgc_image_object source; /* span NULL: a root */
  struct cgc_graph_root root;
  uint64_t where;
  uint64_t to;
};
typedef void (*cgc_heap_ref_fn)(const struct cgc_heap_ref *ref, void *ctx);

/** Call FN for all pointers to TARGET but its own. */
void cgc_heap_each_ref(struct cgc_graph *g,
                       const struct cgc_image_object *target,
                       cgc_heap_ref_fn fn, void *ctx);

/** "live", "freed, held by a thread", ... */
const char *cgc_heap_state(struct cgc_heap_view *v,
                           const struct cgc_image_object *obj);

#endif
