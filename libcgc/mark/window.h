/* SPDX-License-Identifier: MIT */
/*
 * mark/window.h - objects that stand close together, scanned together.
 *
 * A window is what one word of mark bits is for: up to 64 slots of a span.
 * What an object names in its own window (trees and lists mostly stand in the
 * order they were made in) needs no desc, no ring and no queue: three words in
 * registers say which slots are marked and which are still to be scanned, and
 * memory learns of it when the window is left.
 *
 *   base      at                      base + bytes
 *   |----|----|XXXX|----|----|----|----|
 *    marked: 1 0 1 1 0 1 ...    todo: 0 0 0 1 0 1 ...
 *
 *   I1  A window is published with nothing to do: what it marked was scanned.
 *   I2  Two markers in one window may both scan an object, each is counted by
 *       the one whose mark came first.
 *
 * Who comes in: mark/drain.  Locks: none.
 */
#ifndef CGC_MARK_WINDOW_H
#define CGC_MARK_WINDOW_H

#include "mark/visit.h"

enum { CGC_WINDOW_AHEAD = 1024 /* bytes of it that are asked for */ };

struct cgc_window {
  struct cgc_scan_window scan;
  const struct cgc_slot_row *row;
  uint64_t *word;  /* of mark bits */
  uint64_t old;    /* what it held */
  uint64_t marked; /* what it will hold */
  uint64_t todo;   /* slots to be scanned */
  uint64_t at;     /* the slot at hand */
  uintptr_t addr;  /* its address */
};

/** The window of the slot that WORD points into, which cgc_slot_find knows. */
CGC_INLINE struct cgc_window cgc_window_of(const struct cgc_slot_map *map,
                                           uintptr_t word) {
  struct cgc_place place = cgc_slot_place(map, word);
  uintptr_t addr = cgc_slot_place_address(place);
  uint64_t at = place.index % 64;
  uintptr_t base = addr - at * place.row->size;
  uintptr_t end = (place.first << CGC_PAGE_SHIFT) +
                  (place.row->lines / CGC_LINE_WORDS << CGC_PAGE_SHIFT);
  size_t bytes = cgc_min(end - base, 64 * (size_t)place.row->size);
  return (struct cgc_window){
      .scan = {base, bytes, place.row->magic},
      .row = place.row,
      .word = cgc_slot_place_word(map, place),
      .at = at,
      .addr = addr,
  };
}

/** What is marked from now on is this window's. */
CGC_INLINE void cgc_window_read(struct cgc_window *w) {
  w->old = w->marked = __atomic_load_n(w->word, __ATOMIC_RELAXED);
}

/** SLOTS were found: those that were not marked are to be scanned. */
CGC_INLINE void cgc_window_find(struct cgc_window *w, uint64_t slots) {
  w->todo |= slots & ~w->marked;
  w->marked |= slots;
}

/** Most of what is in W comes in before it is looked at. */
CGC_INLINE void cgc_window_ask_for(const struct cgc_window *w) {
  for (uintptr_t i = 128; i < CGC_WINDOW_AHEAD; i += 64)
    __builtin_prefetch((const void *)(w->addr + i));
}

/** Leave W: write and count what became marked.  returns  how many */
size_t cgc_window_publish(struct cgc_marker *m, const struct cgc_window *w);

#endif
