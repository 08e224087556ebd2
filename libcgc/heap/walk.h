/* SPDX-License-Identifier: MIT */
/*
 * heap/walk.h - every live object, in address order.
 *
 * Who comes in: leak finder, profile, statistics, verification, pinned roots.
 * World stopped, or nobody else uses the heap.  FN may change slot states of
 * the object that it is given.
 */
#ifndef CGC_HEAP_WALK_H
#define CGC_HEAP_WALK_H

#include "heap/heap.h"

typedef void (*cgc_object_fn)(const struct cgc_object *obj, void *ctx);

void cgc_walk_objects(const struct cgc_heap *heap, cgc_object_fn fn, void *ctx);

/** The live objects of one span. */
void cgc_walk_span(struct cgc_span *span, cgc_object_fn fn, void *ctx);

#endif
