/* SPDX-License-Identifier: MIT */
/*
 * tools/heap.h - what the subcommands of `cgc heap' share.
 *
 *   heap.c         options, and the table of subcommands
 *   heap-show      what there is: info, spans, objects, histogram, threads,
 *                  roots, check
 *   heap-ask       about an address: addr, refs, why; leaks
 *   heap-retain    top, dominators: who keeps how much alive
 *    ├ heap-table  lines or JSON      ├ heap-name   addresses in words
 *    ├ heap-graph  who points to whom └ heap-frame  stacks
 *    ├ heap-roots  where to look
 *    ├ heap-image  the heap, understood
 *    └ heap-target, heap-core  bytes of a process or a core
 */
#ifndef CGC_TOOLS_HEAP_H
#define CGC_TOOLS_HEAP_H

#include "heap-graph.h"
#include "heap-name.h"
#include "heap-table.h"

struct cgc_heap_options {
  bool json;
  bool from;      /* refs: what the object points to */
  bool interior;  /* addr's block by any pointer into it (always) */
  uint64_t limit; /* rows; 0: the command's own */
  uint64_t min_size, max_size;
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
  uint64_t addr; /* the argument */
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

/** "live", "freed, held by a thread", ... */
const char *cgc_heap_state(struct cgc_heap_view *v,
                           const struct cgc_image_object *obj);

#endif
