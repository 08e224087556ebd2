/* SPDX-License-Identifier: MIT */
/*
 * tools/heap-bias.h - blocks of a target that its static data know by their
 * address less their length, as mark/bias of the library does.
 *
 *   I1  large is sorted by `kept'.
 */
#ifndef CGC_TOOLS_HEAP_BIAS_H
#define CGC_TOOLS_HEAP_BIAS_H

#include "heap-image.h"

/* Pages, from the heap's first; there may be none where a block is kept. */
struct cgc_bias_large {
  int64_t kept;
  int64_t block;
};

struct cgc_bias {
  uint64_t size[256]; /* of the slots of a class; 0: of none */
  uint64_t small_max;
  size_t nlarge;
  struct cgc_bias_large large[];
};

/* A word of static data, and all those about it. */
struct cgc_bias_word {
  const uint64_t *all;
  size_t n;
  size_t i;
};

typedef void (*cgc_bias_fn)(uint64_t block, void *ctx);

/** One for IM's heap; to be freed. */
struct cgc_bias *cgc_bias_new(const struct cgc_image *im);

/** Call FN for the blocks that W is kept for. */
void cgc_bias_each(const struct cgc_bias *b, const struct cgc_image *im,
                   const struct cgc_bias_word *w, cgc_bias_fn fn, void *ctx);

#endif
