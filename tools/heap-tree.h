/* SPDX-License-Identifier: MIT */
/*
 * tools/heap-tree.h - who alone keeps what alive: the dominator tree.
 *
 * A block D dominates a block B if every way from the roots to B leads through
 * D: let D go, and B goes, too.  The nearest such D is B's parent in a tree,
 * whose top is node 0, the roots together; what hangs on a block in that tree
 * is what it retains.  Below the top are the holders, a variable or a stack: a
 * map whose variable points to its top and to both its ends hangs on that.
 *
 *   node      blocks in the order in which a search from the roots, depth
 *             first, comes to them, and the holders; 1, 2, ...; 0 is not
 *             reached
 *   slot      node → slot; 0: a holder
 *   idom      node → node: the tree
 *   bytes, objects   node → what it retains, itself included
 *
 * The tree is found by the way of Georgiadis and Tarjan (semi-NCA): the best
 * that can be reached around the search's path, with path compression, then
 * the nearest common ancestor of that and of the block's parent.  All arrays
 * are flat.
 *
 *   I1  idom[node] < node.
 */
#ifndef CGC_TOOLS_HEAP_TREE_H
#define CGC_TOOLS_HEAP_TREE_H

#include "heap-graph.h"

#define CGC_TREE_NONE UINT32_MAX

/* A word that leads into the heap. */
struct cgc_tree_root {
  struct cgc_graph_root root;
  uint32_t holder;
  uint32_t next; /* of the holder's; NONE: no more */
  uint32_t node; /* that it points to */
};

struct cgc_tree_holder {
  uint32_t node;
  uint32_t first; /* of its roots */
  bool own;       /* the collector's own data */
};

struct cgc_tree {
  struct cgc_image *im;
  uint32_t n; /* nodes, node 0 among them */
  uint32_t *slot;
  uint32_t *idom;
  uint64_t *bytes;
  uint32_t *objects;
  struct cgc_tree_root *roots; /* all of them */
  size_t nroots;
  struct cgc_tree_holder *holders;
  size_t nholders;
  uint32_t asked; /* the node that was asked for */
};

/** Return the number of the holder whose ROOT is: one seen before, or the next.
 */
typedef uint32_t (*cgc_tree_holder_fn)(const struct cgc_graph_root *root,
                                       void *ctx);

/* How to build it. */
struct cgc_tree_query {
  uint64_t asked;               /* an address; which node is it of? */
  cgc_tree_holder_fn holder_of; /* NULL: one holds all */
  void *ctx;
  bool ranked; /* stacks count only for what no variable leads to */
};

/** Find the tree of what G's image holds; G is opened, not marked. */
void cgc_tree_build(struct cgc_tree *t, struct cgc_graph *g,
                    const struct cgc_tree_query *query);
void cgc_tree_close(struct cgc_tree *t);

#endif
