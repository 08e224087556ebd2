/* SPDX-License-Identifier: MIT */
/*
 * look/stack.h - call stacks, each kept once.
 *
 *   a walk (os/callers) ─► its hash ─► chain of nodes ─► the node's number
 *
 *   chunk 0    | hash n next | frame frame ... | hash n next | frame ... |
 *   chunk 1    | ...                                512 KiB each, never moved
 *
 * Two stacks of one length are the same if their hashes of 64 bits are: a
 * million of them are mistaken for one another once in 30 million runs.
 *
 * A stack's number is its node's place, counted in words; 32 bits name it
 * wherever it is kept, and it stays valid for ever.  A frame is a return
 * address with the number of its module (look/module) in the upper 16 bits,
 * entered when the stack is new: so code that is unloaded later keeps its
 * name.  A stack that leads through unloaded code is never found again, since
 * other code may stand there now.
 *
 *   I1  nodes are never changed but for `next' and `gone', nor freed.
 *   I2  each node is in exactly one chain of the newest table.
 *
 * Looking up takes no lock: a search that a growing table misleads ends, finds
 * nothing, and is done again under the lock.
 *
 * Who comes in: front/leak, look/block's users.  Locks: its own, for entering.
 */
#ifndef CGC_LOOK_STACK_H
#define CGC_LOOK_STACK_H

#include "base/base.h"

enum {
  CGC_STACK_NONE = 0,    /* no number */
  CGC_STACK_UNKNOWN = 1, /* the stack without frames */
  CGC_STACK_DEPTH_MAX = 1024
};

#define CGC_STACK_PC_BITS 48

struct cgc_frame {
  uint64_t word;
};

CGC_INLINE uintptr_t cgc_frame_pc(struct cgc_frame frame) {
  return frame.word & (((uint64_t)1 << CGC_STACK_PC_BITS) - 1);
}

/** The number of its module, 0 if it lies in none. */
CGC_INLINE unsigned cgc_frame_module(struct cgc_frame frame) {
  return (unsigned)(frame.word >> CGC_STACK_PC_BITS);
}

/* Two words, then n frames. */
struct cgc_stack_node {
  uint64_t hash;
  _Atomic uint32_t next; /* in its chain; 0: none */
  uint16_t n;
  _Atomic bool gone; /* leads through code that is not there any more */
  bool unused;       /* but the rest of a chunk */
  struct cgc_frame frames[];
};

enum { CGC_STACK_CHUNK_SHIFT = 16 }; /* words of a chunk, as a power of two */

/* For readers from outside: the chunks. */
extern const void *const cgc_stack_view[1];

/**
 * Make the table; once.
 * depth    frames kept of each stack, 1 to CGC_STACK_DEPTH_MAX
 * returns  false without memory
 */
bool cgc_stack_init(unsigned depth);

/**
 * The number of the stack with N return addresses, innermost first.
 * returns  CGC_STACK_UNKNOWN when there is no memory for a new one, or in a
 *          handler that interrupted the collector
 * threads  any that holds no lock of the collector and is not busy
 */
uint32_t cgc_stack_enter(void *const *pcs, size_t n);

/**
 * The calling thread's stack, less the frames that are the library's own.
 * frame    as for cgc_callers_capture
 * returns  as cgc_stack_enter; CGC_STACK_UNKNOWN inside of itself
 */
uint32_t cgc_stack_from(const void *frame);

/** The same from here on. */
CGC_INLINE uint32_t cgc_stack_here(void) {
  return cgc_stack_from(__builtin_frame_address(0));
}

/**
 * The frames of stack ID, innermost first.
 * returns  their number
 */
size_t cgc_stack_frames(uint32_t id, const struct cgc_frame **frames);

/** The code of MODULE is gone: stacks that lead through it are closed. */
void cgc_stack_close_module(unsigned module);

/** Stacks kept, and bytes of memory for them. */
size_t cgc_stack_count(void);
size_t cgc_stack_bytes(void);

/** Assert I2. */
void cgc_stack_check(void);

#endif
