/* SPDX-License-Identifier: MIT */
/*
 * look/group.h - blocks counted by class, allocation stack and holder.
 *
 *   (class, stack, holder) ─► heads and their bytes, what hangs below them,
 *                             how much of both no report told before, examples
 *
 * A head is a block that nothing else of its class leads to; what it leads to
 * hangs below it, and each block counts once.  Bytes are those asked for.
 *
 *   I1  no two groups have the same key.
 *
 * Who comes in: look/loss with the world stopped, look/report afterwards.
 * Locks: none; an instance belongs to one thread.
 */
#ifndef CGC_LOOK_GROUP_H
#define CGC_LOOK_GROUP_H

#include "base/base.h"

enum cgc_class {
  CGC_CLASS_LOST,       /* no root leads to it */
  CGC_CLASS_STACK_ONLY, /* only the stack of the thread that ends does */
  CGC_CLASS_UNSURE,     /* only unaligned or tagged words do */
  CGC_CLASS_REACHABLE,
  CGC_CLASS_KINDS
};

enum cgc_holder_kind {
  CGC_HOLDER_NONE,
  CGC_HOLDER_DATA,   /* of a module */
  CGC_HOLDER_THREAD, /* its stack or registers */
  CGC_HOLDER_MAPPING /* any other memory */
};

/* What has the root that leads to a head. */
struct cgc_holder {
  enum cgc_holder_kind kind;
  unsigned module; /* DATA: look/module */
  uintptr_t value; /* DATA: offset; THREAD: id; MAPPING: base */
};

/* An amount of blocks. */
struct cgc_amount {
  size_t objects;
  size_t bytes;
};

enum { CGC_GROUP_EXAMPLES = 8 };

struct cgc_group {
  enum cgc_class class;
  uint32_t stack;
  struct cgc_holder holder;
  struct cgc_amount heads;
  struct cgc_amount below;
  struct cgc_amount fresh; /* of both: not told before */
  unsigned nexamples;
  uintptr_t examples[CGC_GROUP_EXAMPLES]; /* heads */
};

struct cgc_groups {
  struct cgc_group *all; /* own memory */
  size_t n;
  size_t capacity;
  uint32_t *index; /* own memory: place in `all' + 1, by hash; 0: none */
  struct cgc_amount total[CGC_CLASS_KINDS];
  bool incomplete; /* there was no memory for a group */
};

/** Empty; zeroed memory is a valid instance. */
void cgc_groups_clear(struct cgc_groups *groups);

/** Give the memory back. */
void cgc_groups_release(struct cgc_groups *groups);

/**
 * The group of the key, made if need be.
 * returns  NULL without memory
 */
struct cgc_group *cgc_groups_find(struct cgc_groups *groups,
                                  enum cgc_class class, uint32_t stack,
                                  struct cgc_holder holder);

/**
 * One more head at ADDR with what hangs below it, FRESH of both.  HEAD is one
 * object, or none if malloc did not make it.
 */
void cgc_groups_add(struct cgc_groups *groups, struct cgc_group *group,
                    uintptr_t addr, struct cgc_amount head,
                    struct cgc_amount below, struct cgc_amount fresh);

CGC_INLINE void cgc_amount_add(struct cgc_amount *to, struct cgc_amount add) {
  to->objects += add.objects;
  to->bytes += add.bytes;
}

/** Assert I1. */
void cgc_groups_check(const struct cgc_groups *groups);

#endif
