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
 *             first, comes to them; 1, 2, ...; 0 is not reached
 *   slot      node → slot
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

/* A word that leads into the heap. */
struct cgc_tree_root {
  struct cgc_graph_root root;
  uint32_t node;
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
  uint32_t asked; /* the node that was asked for */
};

/**
 * Find the tree of what G's image holds; G is opened, not marked.
 * asked  an address; which node is it of?
 */
void cgc_tree_build(struct cgc_tree *t, struct cgc_graph *g, uint64_t asked);
void cgc_tree_close(struct cgc_tree *t);

#endif
