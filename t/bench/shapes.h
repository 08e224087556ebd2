/* SPDX-License-Identifier: MIT */
/*
 * t/bench/shapes.h - the heaps that marking is measured on.
 *
 * Nodes ask for 40 bytes and stand in slots of 48; their words that are not
 * links hold small numbers, as a program's do.
 *
 *   list     one list, in the order of allocation
 *   chains   1000 lists of equal length through all nodes, shuffled
 *   random   each node has 4 links: one leads round a cycle through all
 *            nodes, shuffled, so that all are alive; three lead anywhere
 *   tree     one balanced binary tree, allocated in pre-order
 *   array    one array of all other nodes
 *   buffers  4 KiB of random words each, held by one array
 *   block    one object full of random words
 */
#ifndef SHAPES_H
#define SHAPES_H

#include <stddef.h>

enum { SHAPES_NCHAINS = 1000 };

/* Objects made so far. */
extern size_t shapes_nobj;

/*
 * Make BYTES of live objects of one shape with MAKE, which gives zeroed memory
 * or does not return.  Returns what all of them are reached from.
 */
void *shapes_build(const char *shape, size_t bytes, void *(*make)(size_t size));

#endif
