/* SPDX-License-Identifier: MIT */
/*
 * tools/heap-tree.h - who alone keeps what alive: the dominator tree.
 *
 * A block D dominates a block B if every way from the roots to B leads through
 * D: let D go, and B goes, too.  The nearest such D is B's parent in a tree,
 * whose top is node 0, the roots together; what hangs on a block in that tree
 * is what it retains.
 *
 *   node      blocks in the order in which a search from the roots, depth
 *             first, comes to them; 1, 2, ...
 *   number    slot → node; 0: not reached; DEAD: nothing is allocated there
 *   slot      node → slot
 *   idom      node → node: the tree
 *   bytes, objects   node → what it retains, itself included
 *
 * The tree is found by the way of Georgiadis and Tarjan (semi-NCA): the best
 * that can be reached around the search's path, with path compression, then
 * the nearest common ancestor of that and of the block's parent.  All arrays
 * are flat, so 20 million blocks with 40 million pointers need 1.2 GB.
 *
 *   I1  idom[node] < node.
 */
#ifndef CGC_TOOLS_HEAP_TREE_H
#define CGC_TOOLS_HEAP_TREE_H

#include "heap-graph.h"

#define CGC_TREE_DEAD UINT32_MAX

struct cgc_tree {
  struct cgc_image *im;
  uint32_t n; /* nodes, node 0 among them */
  uint32_t *number;
  uint32_t *slot;
  uint32_t *idom;
  uint64_t *bytes;
  uint32_t *objects;
  struct cgc_graph_root *roots; /* every word that leads into the heap */
  size_t nroots;
};

/** Find the tree of what G's image holds; G is opened, not marked. */
void cgc_tree_build(struct cgc_tree *t, struct cgc_graph *g);
void cgc_tree_close(struct cgc_tree *t);

/** The node of the block that ADDR points into; 0: none, or not reached. */
uint32_t cgc_tree_find(const struct cgc_tree *t, uint64_t addr);

#endif
