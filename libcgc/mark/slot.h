/* SPDX-License-Identifier: MIT */
/*
 * mark/slot.h - from a word to the mark bit of the slot that it points into.
 *
 *   word --desc[page]--> row of its class and kind --multiply--> slot, a word
 *
 *   slot:  | page of the span, by its address | index | scan | row |
 *          63                               26      16   15   9   0
 *
 * A slot in one word is what waits in rings and queues.  Finding it reads
 * desc and a row, 16 bytes that stay in the first cache; neither the mark bit
 * nor the object is touched.  Tables are reached by the page's address (they
 * begin where the page 0 of the address space would be), so that nothing has
 * to be subtracted.
 *
 *   I1  0 is no slot.
 *   I2  An index is below 1024, so slot >> 16 is the number of the mark bit.
 *
 * Who comes in: mark/drain.  Calls: nothing.  Locks: none, the tables of the
 * arena don't change for pages that hold objects.
 */
#ifndef CGC_MARK_SLOT_H
#define CGC_MARK_SLOT_H

#include "heap/arena.h"

enum {
  CGC_SLOT_SCAN_SHIFT = 15,
  CGC_SLOT_BIT_SHIFT = 16,
  CGC_SLOT_WORD_SHIFT = CGC_SLOT_BIT_SHIFT + 6,
  CGC_SLOT_PAGE_SHIFT = CGC_SLOT_BIT_SHIFT + 10,
  CGC_SLOT_DESCRIBED = 512, /* in a row's number */
  CGC_SLOT_ROWS = 1024,     /* class, two bits of kind, described */
  CGC_DESC_DESCRIBED = 0x1c << CGC_DESC_KIND_SHIFT, /* bits of the kind */
};

struct cgc_slot_row {
  uint32_t magic; /* of the class */
  uint32_t size;  /* of a slot, bytes */
  uint16_t words; /* to be scanned; 0: mark/kind says */
  uint16_t tag;   /* the low 16 bits of a slot; 0: not a small class */
  uint16_t lines; /* words from a slot's mark word to its scanned word */
  uint16_t ahead; /* of a slot's first byte: what else to prefetch */
};

_Static_assert(sizeof(struct cgc_slot_row) == 16, "four to a cache line");

struct cgc_slot_map {
  const uint32_t *desc; /* by the page's address */
  uint64_t *marks;      /* the same */
  struct cgc_slot_row rows[CGC_SLOT_ROWS] CGC_ALIGNED(64);
};

/** The tables of ARENA. */
void cgc_slot_map_open(struct cgc_slot_map *map, const struct cgc_arena *arena);

/* A slot taken apart. */
struct cgc_place {
  const struct cgc_slot_row *row; /* NULL: no place */
  size_t first;                   /* page of its span, by its address */
  uint64_t index;
};

/** The slot of ROW that WORD, whose page has DESC, points into. */
CGC_INLINE struct cgc_place cgc_slot_place_in(const struct cgc_slot_row *row,
                                              uintptr_t word, uint32_t desc) {
  size_t first = (word >> CGC_PAGE_SHIFT) - cgc_desc_offset(desc);
  uint64_t index = (word - (first << CGC_PAGE_SHIFT)) * row->magic >> 32;
  return (struct cgc_place){row, first, index};
}

/**
 * The slot that WORD, an address of the arena, points into.  Behind a span's
 * last slot that is one whose mark bit is set (heap/sweep.h).
 * returns  none for no small object, or one whose kind mark/kind describes
 */
CGC_INLINE struct cgc_place cgc_slot_place(const struct cgc_slot_map *map,
                                           uintptr_t word) {
  uint32_t desc = map->desc[word >> CGC_PAGE_SHIFT];
  const struct cgc_slot_row *row = &map->rows[desc & 511];
  if (cgc_unlikely(row->tag == 0) || cgc_unlikely(desc & CGC_DESC_DESCRIBED))
    return (struct cgc_place){NULL, 0, 0};
  return cgc_slot_place_in(row, word, desc);
}

CGC_INLINE uintptr_t cgc_slot_place_address(struct cgc_place place) {
  return (place.first << CGC_PAGE_SHIFT) + place.index * place.row->size;
}

/** The word of its mark bit; that is bit index % 64. */
CGC_INLINE uint64_t *cgc_slot_place_word(const struct cgc_slot_map *map,
                                         struct cgc_place place) {
  return map->marks + place.first * CGC_MARK_WORDS + place.index / 64;
}

CGC_INLINE uint64_t cgc_slot_of(struct cgc_place place) {
  return ((place.first << 10) + place.index) << CGC_SLOT_BIT_SHIFT |
         place.row->tag;
}

/** The same for a small object whose kind mark/kind describes, else 0. */
uint64_t cgc_slot_find_described(const struct cgc_slot_map *map,
                                 uintptr_t word);

/** The same in a word, for one whose page has DESC.  returns  0 for none */
CGC_INLINE uint64_t cgc_slot_find_by(const struct cgc_slot_map *map,
                                     uintptr_t word, uint32_t desc) {
  const struct cgc_slot_row *row = &map->rows[desc & 511];
  if (cgc_unlikely(row->tag == 0) || cgc_unlikely(desc & CGC_DESC_DESCRIBED))
    return 0;
  return cgc_slot_of(cgc_slot_place_in(row, word, desc));
}

/** The same in a word.  returns  0 for none */
CGC_INLINE uint64_t cgc_slot_find(const struct cgc_slot_map *map,
                                  uintptr_t word) {
  struct cgc_place place = cgc_slot_place(map, word);
  return cgc_likely(place.row != NULL) ? cgc_slot_of(place) : 0;
}

CGC_INLINE const struct cgc_slot_row *
cgc_slot_row(const struct cgc_slot_map *map, uint64_t slot) {
  return &map->rows[slot & (CGC_SLOT_ROWS - 1)];
}

CGC_INLINE uint64_t *cgc_slot_word(const struct cgc_slot_map *map,
                                   uint64_t slot) {
  return map->marks + (slot >> CGC_SLOT_WORD_SHIFT);
}

CGC_INLINE uint64_t cgc_slot_mask(uint64_t slot) {
  return 1ULL << (slot >> CGC_SLOT_BIT_SHIFT & 63);
}

/** Whether its words may be pointers. */
CGC_INLINE uint64_t cgc_slot_is_scanned(uint64_t slot) {
  return slot >> CGC_SLOT_SCAN_SHIFT & 1;
}

CGC_INLINE unsigned cgc_slot_class(uint64_t slot) { return slot & 127; }

/** The first page of its span, by its address. */
CGC_INLINE size_t cgc_slot_page(uint64_t slot) {
  return slot >> CGC_SLOT_PAGE_SHIFT;
}

CGC_INLINE uintptr_t cgc_slot_address(const struct cgc_slot_map *map,
                                      uint64_t slot) {
  uint64_t i = slot >> CGC_SLOT_BIT_SHIFT & 1023;
  return (cgc_slot_page(slot) << CGC_PAGE_SHIFT) +
         i * cgc_slot_row(map, slot)->size;
}

#endif
