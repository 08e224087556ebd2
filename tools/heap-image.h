/* SPDX-License-Identifier: MIT */
/*
 * tools/heap-image.h - the collected heap of a target, understood.
 *
 * Finds the library's cgc_debug_root (look/layout.h), looks every name of the
 * table up, and reads spans and states.  Each slot of each span has a number:
 *
 *   spans[]   sorted by address   first = number of slot 0
 *   page_span[page]               1 + index of its span; 0: none
 *   live      a bit for each slot: allocated, and not known to be garbage
 *   held      a bit for each slot: freed, in a thread's list
 *
 * What does not fit together (a span that is just being made, a heap that was
 * overwritten) is left out, counted, and named: see cgc_image_problem.
 *
 *   I1  spans do not overlap, and lie in the arena.
 */
#ifndef CGC_TOOLS_HEAP_IMAGE_H
#define CGC_TOOLS_HEAP_IMAGE_H

#include "heap-target.h"

/* CGC_L_page_shift, CGC_L_span_base...: the lines of look/layout.def. */
enum cgc_layout_id {
#define CGC_LAYOUT_SIZE(type) CGC_L_size_##type,
#define CGC_LAYOUT_FIELD(type, field) CGC_L_##type##_##field,
#define CGC_LAYOUT_CONST(name, value) CGC_L_##name,
#define CGC_LAYOUT_ADDRESS(object) CGC_L_at_##object,
#define CGC_LAYOUT_VIEW(view, i, name) CGC_L_view_##name,
#include "look/layout.def"
#undef CGC_LAYOUT_SIZE
#undef CGC_LAYOUT_FIELD
#undef CGC_LAYOUT_CONST
#undef CGC_LAYOUT_ADDRESS
#undef CGC_LAYOUT_VIEW
  CGC_LAYOUT_IDS
};

struct cgc_image_span {
  uint64_t base;
  uint64_t slot_size;
  uint64_t magic; /* offset * magic >> 32 is the slot, small classes */
  uint64_t where; /* address of the target's struct */
  uint32_t first; /* number of slot 0 */
  uint32_t nslots;
  uint32_t npages;
  uint8_t class;
  uint8_t kind;
  uint8_t list; /* enum cgc_span_where */
  bool noscan;
  bool pinned;
  bool unswept;
};

struct cgc_image_problem {
  uint64_t addr;
  const char *what;
};

struct cgc_image {
  struct cgc_target *target;
  uint64_t root; /* address of cgc_debug_root */
  char version[24];
  bool serves_malloc;
  uint64_t value[CGC_LAYOUT_IDS];
  uint64_t width[CGC_LAYOUT_IDS];
  uint64_t base;
  uint64_t bytes;
  uint32_t *page_span;
  struct cgc_image_span *spans;
  size_t nspans;
  uint32_t nslots; /* of all spans */
  uint64_t nlive;
  uint64_t live_bytes;
  uint64_t *live;
  uint64_t *held;
  uint8_t *contents; /* of the heap, as far as read; NULL at first */
  struct cgc_image_problem *problems;
  size_t nproblems;
};

/* A slot. */
struct cgc_image_object {
  const struct cgc_image_span *span;
  uint32_t id;
  uint64_t addr;
  uint64_t size;
};

/** Find and read the heap.  returns  0 or an exit status */
int cgc_image_open(struct cgc_image *im, struct cgc_target *t);
void cgc_image_close(struct cgc_image *im);

/** Read the contents of all slots that are scanned. */
void cgc_image_read_contents(struct cgc_image *im);

/** The field ID (CGC_L_type_field) of the target's struct at ADDR. */
uint64_t cgc_image_field(const struct cgc_image *im, uint64_t addr,
                         enum cgc_layout_id id);
/** What the view ID leads to: an address. */
uint64_t cgc_image_view(const struct cgc_image *im, enum cgc_layout_id id);

/** The slot that ADDR points into.  returns  false: none */
bool cgc_image_find(const struct cgc_image *im, uint64_t addr,
                    struct cgc_image_object *obj);
/** The slot of number ID. */
void cgc_image_object(const struct cgc_image *im, uint32_t id,
                      struct cgc_image_object *obj);

static inline bool cgc_image_is_live(const struct cgc_image *im, uint32_t id) {
  return im->live[id / 64] >> (id % 64) & 1;
}

static inline bool cgc_image_is_held(const struct cgc_image *im, uint32_t id) {
  return im->held[id / 64] >> (id % 64) & 1;
}

#endif
