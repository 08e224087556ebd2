/* SPDX-License-Identifier: MIT */
/*
 * look/block.h - what is known of each block beyond its slot: where it was
 * allocated, the size asked for, where it was freed.
 *
 *   span ─► notes ─► records, one for each slot
 *   page ─► dir[page / 512] ─► leaf[page % 512] ─► the same, of the span that
 *                                                  begins there, or did
 *
 * Records stand outside the heap, so no overrun of the program's reaches them,
 * and no scan reads them.  A span's array is made at the first note in it, and
 * stays when the pages become another span's: it is used again if it has room.
 *
 *   I1  stack != 0 and freed == 0: the slot holds a block that malloc's family
 *       gave out and that was not freed.  Others hold what is no leak: blocks
 *       of GC_malloc, or nothing.
 *
 * Who comes in: front/malloc and front/alloc while leaks are looked for
 * (cgc_block_on); look/loss, world stopped.  Locks: none; a slot's record is
 * written by the slot's owner.
 */
#ifndef CGC_LOOK_BLOCK_H
#define CGC_LOOK_BLOCK_H

#include "heap/heap.h"
#include "look/stack.h"

enum cgc_block_flag {
  CGC_BLOCK_TOLD = 1,      /* was reported as lost */
  CGC_BLOCK_HINTED = 2,    /* was reported as perhaps lost */
  CGC_BLOCK_CANDIDATE = 4, /* no root leads to it */
  CGC_BLOCK_HEAD = 8,      /* nothing lost leads to it */
  CGC_BLOCK_WALKED = 16    /* seen in the search for heads */
};

struct cgc_block {
  uint32_t stack;      /* of the allocation; 0: not noted */
  uint32_t freed;      /* of the free; 0: not freed */
  uint64_t size : 48;  /* bytes asked for */
  uint64_t flags : 16; /* enum cgc_block_flag; world stopped */
};

/* The records of a span's slots. */
struct cgc_block_array {
  uint32_t room;  /* slots */
  uint32_t class; /* of the span that they are for now */
  struct cgc_block blocks[];
};

enum { CGC_BLOCK_LEAF_SHIFT = 9 };

/* For readers from outside: the directory, and how many leaves it has. */
extern const void *const cgc_block_view[2];

/** Whether blocks are noted; const after start. */
extern bool cgc_block_on;

/** Make the directory for HEAP and switch on.  returns  false: no memory */
bool cgc_block_init(const struct cgc_heap *heap);

/** The record of the block at PTR will be needed in a moment. */
void cgc_block_prefetch(const void *ptr);

/**
 * Note that the block at PTR, which the caller just got, has SIZE bytes and
 * was asked for by STACK.  Without memory for a record: nothing happens.
 * caller   is not busy
 */
void cgc_block_made(const void *ptr, size_t size, uint32_t stack);

/** Note that OBJ is freed by STACK; before it can be another block. */
void cgc_block_freed(const struct cgc_object *obj, uint32_t stack);

/** The record of the slot, or NULL if it has none. */
struct cgc_block *cgc_block_find(const struct cgc_object *obj);

/** The record of a large block that began at PTR and was freed, or NULL. */
struct cgc_block *cgc_block_find_gone(const void *ptr);

CGC_INLINE bool cgc_block_is_tracked(const struct cgc_block *block) {
  return block && block->stack != CGC_STACK_NONE &&
         block->freed == CGC_STACK_NONE;
}

#endif
