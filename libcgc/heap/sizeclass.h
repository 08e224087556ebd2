/* SPDX-License-Identifier: MIT */
/*
 * heap/sizeclass.h - the sizes that small objects come in.
 *
 * 16-byte steps up to 128, then eight steps to each doubling up to 32 KiB:
 *
 *   16 32 ... 128 | 144 160 ... 256 | 288 320 ... 512 | ... | 32768
 *
 * so at most an eighth of a slot above 128 bytes is waste.  A span of a class
 * has as few pages as leave no more than 1/32 behind its last slot and give it
 * eight slots, where 16 pages allow that.
 *
 *   I1  Each size is a multiple of 16, so each slot is 16-byte aligned.
 *   I2  For every offset into a span: offset * magic >> 32 == offset / size.
 *   I3  nslots <= 512 * npages: a slot has its bit in the span's mark lines.
 *   I4  For each such offset: (uint32_t)(offset * magic) < magic exactly where
 *       a slot begins (D. Lemire, "Faster remainder by direct computation").
 *   I5  Where slots leave a tail, nslots is no multiple of 64: what looks like
 *       the slot of an address in the tail has a state byte, FREE for ever.
 *
 * Who comes in: everybody who turns a size or an address into a slot.
 * Source: Go's runtime, sizeclasses.go; the steps are jemalloc's with eight
 * groups in place of four.
 */
#ifndef CGC_HEAP_SIZECLASS_H
#define CGC_HEAP_SIZECLASS_H

#include "base/base.h"

enum {
  CGC_PAGE_SHIFT = 13,
  CGC_PAGE = 1 << CGC_PAGE_SHIFT, /* bytes */
  CGC_GRAIN = 16,                 /* every slot's alignment, bytes */
  CGC_CLASS_NONE = 0,             /* the page holds no object */
  CGC_CLASSES = 72,               /* small classes are 1 .. CGC_CLASSES */
  CGC_CLASS_LARGE = 73,           /* one object that owns its span */
  CGC_CLASS_LIMIT = 74,
  CGC_SMALL_MAX = 32 << 10,  /* bytes of the last small class */
  CGC_SPAN_PAGES_MAX = 16,   /* of a small class */
  CGC_CLASS_TABLE_MAX = 1024 /* sizes that are looked up, bytes */
};

struct cgc_size_class {
  uint32_t size;   /* bytes of a slot */
  uint32_t magic;  /* ceil(2^32 / size) */
  uint16_t nslots; /* of a span */
  uint16_t npages; /* of a span */
  uint32_t unused; /* an entry is found by a shift */
};

/* const after cgc_sizeclass_init() */
extern CGC_HIDDEN struct cgc_size_class cgc_size_classes[CGC_CLASS_LIMIT];
extern CGC_HIDDEN uint8_t
    cgc_size_to_class[CGC_CLASS_TABLE_MAX / CGC_GRAIN + 1];

/** Fill the tables; once, before anything else of this floor. */
void cgc_sizeclass_init(void);

/* SIZE > 128: the eight steps of its doubling. */
CGC_INLINE unsigned cgc_sizeclass_by_steps(size_t size) {
  unsigned log2 = 63 - (unsigned)__builtin_clzl(size - 1);
  unsigned step = (unsigned)((size - 1) >> (log2 - 3)) & 7;
  return 8 + (log2 - 7) * 8 + step + 1;
}

/** The smallest class whose slots hold SIZE bytes, SIZE <= CGC_SMALL_MAX. */
CGC_INLINE unsigned cgc_sizeclass_of(size_t size) {
  if (cgc_likely(size <= CGC_CLASS_TABLE_MAX))
    return cgc_size_to_class[(size + CGC_GRAIN - 1) / CGC_GRAIN];
  return cgc_sizeclass_by_steps(size);
}

/** Which slot of a span of CLASS the byte at OFFSET belongs to. */
CGC_INLINE uint32_t cgc_sizeclass_index(unsigned class, size_t offset) {
  return (uint32_t)((offset * cgc_size_classes[class].magic) >> 32);
}

/**
 * The same for the START of a slot.
 * returns  false where none begins; a tail may look like one (I5)
 */
CGC_INLINE bool cgc_sizeclass_start(unsigned class, size_t offset,
                                    uint32_t *index) {
  uint64_t product = offset * cgc_size_classes[class].magic;
  *index = (uint32_t)(product >> 32);
  return (uint32_t)product < cgc_size_classes[class].magic;
}

/** Pages that hold BYTES. */
CGC_INLINE size_t cgc_pages(size_t bytes) {
  return (bytes + CGC_PAGE - 1) >> CGC_PAGE_SHIFT;
}

#endif
