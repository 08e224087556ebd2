/* SPDX-License-Identifier: MIT */
#include "mark/slot.h"

#include <string.h>

enum { CACHE_LINE = 64 };

static struct cgc_slot_row row_of(unsigned class, unsigned number,
                                  bool noscan) {
  const struct cgc_size_class *c = &cgc_size_classes[class];
  cgc_check(c->nslots <= 1024); /* I2 */
  return (struct cgc_slot_row){
      .magic = c->magic,
      .size = c->size,
      .words = (uint16_t)(c->size / sizeof(uintptr_t)),
      .tag = (uint16_t)(number | (noscan ? 0u : 1u) << CGC_SLOT_SCAN_SHIFT),
      .lines = (uint16_t)(c->npages * CGC_LINE_WORDS),
      .ahead = (uint16_t)cgc_min(c->size - sizeof(uintptr_t), CACHE_LINE),
  };
}

static void fill_rows(struct cgc_slot_row *rows) {
  memset(rows, 0, CGC_SLOT_ROWS * sizeof *rows);
  for (unsigned kind = 0; kind < CGC_KIND_DESCRIBED; kind++)
    for (unsigned class = 1; class <= CGC_CLASSES; class ++) {
      unsigned number = class | kind << CGC_DESC_KIND_SHIFT;
      rows[number] =
          row_of(class, number, cgc_kind_is_noscan((enum cgc_kind)kind));
    }
  for (unsigned class = 1; class <= CGC_CLASSES; class ++) {
    unsigned number = class | CGC_SLOT_DESCRIBED;
    rows[number] = row_of(class, number, false);
    rows[number].words = 0;
  }
}

/* Only addresses of the arena are looked up, and give elements of the table. */
static void *by_address(void *table, size_t bytes_per_page, uintptr_t base) {
  return (void *)((uintptr_t)table - (base >> CGC_PAGE_SHIFT) * bytes_per_page);
}

void cgc_slot_map_open(struct cgc_slot_map *map,
                       const struct cgc_arena *arena) {
  map->desc = by_address(arena->desc, sizeof *arena->desc, arena->base);
  map->marks = by_address(arena->marks, CGC_MARK_WORDS * sizeof *arena->marks,
                          arena->base);
  fill_rows(map->rows);
}

uint64_t cgc_slot_find_described(const struct cgc_slot_map *map,
                                 uintptr_t word) {
  uint32_t desc = map->desc[word >> CGC_PAGE_SHIFT];
  unsigned class = cgc_desc_class(desc);
  if (class == CGC_CLASS_NONE || class == CGC_CLASS_LARGE)
    return 0;
  struct cgc_place place =
      cgc_slot_place_in(&map->rows[class | CGC_SLOT_DESCRIBED], word, desc);
  return cgc_slot_of(place);
}
