/* SPDX-License-Identifier: MIT */
/*
 * tools/heap-roots.h - where the collector would look for pointers, seen from
 * outside.
 *
 * The rules are those of world/root: registers, stacks from the stack pointer
 * up, mappings (all of them where malloc is replaced, else the data of files),
 * ranges that the program named, words that the kernel holds, data of
 * finalizers; without what is the collector's own and what is excluded.
 */
#ifndef CGC_TOOLS_HEAP_ROOTS_H
#define CGC_TOOLS_HEAP_ROOTS_H

#include "heap-image.h"

enum cgc_root_place {
  CGC_PLACE_REGISTER,
  CGC_PLACE_STACK,
  CGC_PLACE_DATA,
  CGC_PLACE_MAPPING,
  CGC_PLACE_CODE,
  CGC_PLACE_NAMED,
  CGC_PLACE_KERNEL,
  CGC_PLACE_FINALIZER,
  CGC_PLACE_PINNED /* no place: blocks that live until they are freed */
};

/*
 * A piece of roots: N bytes that stand at ADDR of the target, for registers
 * at their offset in the thread's user_regs_struct (vectors behind it).
 */
struct cgc_root_piece {
  enum cgc_root_place place;
  const struct cgc_thread *thread;   /* of registers and stacks; NULL */
  const struct cgc_segment *segment; /* NULL: none */
  uint64_t addr;
  const uint8_t *bytes;
  size_t n;
};

typedef void (*cgc_root_piece_fn)(const struct cgc_root_piece *piece,
                                  void *ctx);

/**
 * Call FN for every piece; pieces begin at multiples of 8.
 * own  only the data of the collector's library, which is a root like that of
 *      others; else all but that
 */
void cgc_roots_walk(const struct cgc_image *im, bool own, cgc_root_piece_fn fn,
                    void *ctx);

/** The name of a place: "stack", "register", ... */
const char *cgc_root_place_name(enum cgc_root_place place);

#endif
