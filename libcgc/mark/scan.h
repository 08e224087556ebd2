/* SPDX-License-Identifier: MIT */
/*
 * mark/scan.h - the scan kernels: which words may be pointers?
 *
 * A kernel reads N words and keeps those that lie in [base, base + bytes), in
 * their order.  That one compare sorts out nearly everything that is not a
 * pointer, so it runs at the speed of memory: AVX-512, AVX2 or plain C, chosen
 * once by what the processor has.  All kernels give the same answer.
 *
 * Who comes in: the marker, for ranges long enough to pay for the call.
 * Source: the table of kernels is zlib-ng's arrangement.
 */
#ifndef CGC_MARK_SCAN_H
#define CGC_MARK_SCAN_H

#include "base/base.h"

/* OUT has room for N words.  returns  how many were kept */
typedef size_t (*cgc_scan_fn)(const uintptr_t *words, size_t n, uintptr_t base,
                              size_t bytes, uintptr_t *out);

/*
 * What a thorough kernel finds in a piece of memory: addresses at every fourth
 * byte, and distances, in aligned words, from the block that it is part of.
 */
enum { CGC_SCAN_PIECE = 2048 /* bytes at most */ };

struct cgc_scan_found {
  size_t naddresses;
  size_t ndistances;
  uintptr_t addresses[CGC_SCAN_PIECE / 4];
  uintptr_t distances[CGC_SCAN_PIECE / 8]; /* as addresses: block + word */
};

/* What to look for: the range [base, base + bytes); const for a cycle. */
struct cgc_scan_range {
  uintptr_t base;
  size_t bytes;
  uint32_t upper_low[4] CGC_ALIGNED(16); /* upper half of the first address */
  uint32_t upper_span[4];                /* of the last one, less that */
  uint64_t distance_low[2];              /* what a distance lies between, as */
  uint64_t distance_limit[2];            /* signed numbers */
};

void cgc_scan_range_set(struct cgc_scan_range *range, uintptr_t base,
                        size_t bytes);

/*
 * Look through the N bytes at P, a multiple of 8.  BLOCK is the start of the
 * object that they are part of; 0: of none, no distances.  A distance is a
 * multiple of 16 and not 0.
 */
typedef void (*cgc_scan_thorough_fn)(const char *p, size_t n,
                                     const struct cgc_scan_range *range,
                                     uintptr_t block,
                                     struct cgc_scan_found *found);

enum cgc_scan_kernel {
  CGC_SCAN_AUTO,
  CGC_SCAN_PLAIN,
  CGC_SCAN_AVX2,
  CGC_SCAN_AVX512,
  CGC_SCAN_KERNELS
};

/** Whether the processor can run KERNEL. */
bool cgc_scan_has(enum cgc_scan_kernel kernel);

/** The function of KERNEL; of the best one for AUTO or what is not there. */
cgc_scan_fn cgc_scan_choose(enum cgc_scan_kernel kernel);
cgc_scan_thorough_fn cgc_scan_choose_thorough(enum cgc_scan_kernel kernel);

#endif
