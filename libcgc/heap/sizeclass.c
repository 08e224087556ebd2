/* SPDX-License-Identifier: MIT */
#include "heap/sizeclass.h"

struct cgc_size_class cgc_size_classes[CGC_CLASS_LIMIT];
uint8_t cgc_size_to_class[CGC_CLASS_TABLE_MAX / CGC_GRAIN + 1];

enum { SLOTS_WANTED = 8, TAIL_MAX_INVERSE = 32 };

static uint32_t size_of_class(unsigned class) {
  if (class <= 8)
    return class * CGC_GRAIN;
  unsigned doubling = (class - 9) / 8;
  unsigned step = (class - 9) % 8 + 1;
  return (128u << doubling) + step * (16u << doubling);
}

/* The fewest pages with a small tail; else those with the smallest tail. */
static unsigned pages_of_span(uint32_t size) {
  unsigned best = 0;
  uint64_t best_tail = 0;
  for (unsigned n = 1; n <= CGC_SPAN_PAGES_MAX; n++) {
    uint32_t bytes = n << CGC_PAGE_SHIFT;
    uint32_t tail = bytes % size;
    if (bytes < size)
      continue;
    if (bytes / size >= SLOTS_WANTED && tail * TAIL_MAX_INVERSE <= bytes)
      return n;
    if (best == 0 || (uint64_t)tail * best < best_tail * n) {
      best = n;
      best_tail = tail;
    }
  }
  return best;
}

static void fill_class(unsigned class) {
  uint32_t size = size_of_class(class);
  unsigned npages = pages_of_span(size);
  cgc_size_classes[class] = (struct cgc_size_class){
      .size = size,
      .magic = (uint32_t)(((1ULL << 32) + size - 1) / size),
      .nslots = (uint16_t)((npages << CGC_PAGE_SHIFT) / size),
      .npages = (uint16_t)npages,
  };
}

void cgc_sizeclass_init(void) {
  for (unsigned class = 1; class <= CGC_CLASSES; class ++)
    fill_class(class);
  cgc_size_to_class[0] = 1;
  for (size_t n = CGC_GRAIN; n <= CGC_CLASS_TABLE_MAX; n += CGC_GRAIN)
    cgc_size_to_class[n / CGC_GRAIN] =
        (uint8_t)(n <= 128 ? n / CGC_GRAIN : cgc_sizeclass_by_steps(n));
}
