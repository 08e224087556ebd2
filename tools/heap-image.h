/* SPDX-License-Identifier: MIT */
/*
 * tools/heap-image.h - the collected heap of a target, understood.
 *
 * Finds the library's cgc_debug_root (look/layout.h), looks every name of the
 * table up, and reads spans and states.  Each slot of each span has a number:
 *
 *   spans[]   sorted by address   first = number of slot 0, a multiple of 64
 *   page_span[page]               1 + index of its span; 0: none
 *   groups[slot / 64]             where these slots are
 *   live      a bit for each slot: allocated, and not known to be garbage
 *   held      a bit for each slot: freed, in a thread's list
 *
 * The first number is 64, so that 0 is none.  Contents are read through a
 * window: a long one where objects are asked for in order, else a short one.
 *
 * What does not fit together is left out.  A span that the program was just
 * changing says so and is counted as busy; all else is damage, and named: see
 * cgc_image_problem.
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

/* All that is needed to number a slot: few bytes, so that they stay near. */
struct cgc_image_page {
  uint32_t first; /* number of its span's slot 0 */
  uint16_t back;  /* pages since the span began; not of large objects */
  uint8_t class;  /* 0: no span */
  bool noscan;
};

/* What of an object is scanned. */
enum cgc_image_form {
  CGC_FORM_WORDS,
  CGC_FORM_NOTHING,
  CGC_FORM_DESCRIPTOR, /* see heap-descriptor */
  CGC_FORM_ARRAY
};

struct cgc_image_kind {
  uint64_t descr;
  bool add_size;
  uint8_t form;
};

/* And to find the slot of a number. */
struct cgc_image_group {
  uint32_t page; /* the span's first */
  uint16_t part; /* of the span: its first, second... 64 slots */
  uint8_t class;
  uint8_t kind;
};

struct cgc_image_class {
  uint64_t magic; /* offset * magic >> 32 is the slot */
  uint32_t nslots;
  uint32_t slot_size; /* 0: large objects have each their own */
};

struct cgc_image_problem {
  uint64_t addr;
  const char *what;
};

struct cgc_bias;

/* Bytes of the heap, places [lo, hi). */
struct cgc_image_window {
  uint64_t lo, hi;
  uint8_t *bytes;
};

enum { CGC_IMAGE_DISPLACEMENTS = 4096 };

struct cgc_image {
  struct cgc_target *target;
  uint64_t root; /* address of cgc_debug_root */
  char version[24];
  bool serves_malloc;
  uint64_t value[CGC_LAYOUT_IDS];
  uint64_t width[CGC_LAYOUT_IDS];
  uint64_t base;
  uint64_t bytes;
  unsigned page_shift;
  uint32_t *page_span;
  struct cgc_image_page *pages;
  struct cgc_image_class *classes; /* of the library's */
  struct cgc_image_kind kinds[256];
  uint64_t layout_proc; /* the mark procedure that follows a bitmap; 0 */
  bool strict;          /* only these bytes of an object count */
  uint64_t allowed[CGC_IMAGE_DISPLACEMENTS / 64];
  struct cgc_image_span *spans;
  size_t nspans;
  struct cgc_image_group *groups;
  uint32_t nslots; /* numbers of slots, unused ones among them */
  uint64_t nlive;
  uint64_t live_bytes;
  uint64_t *live;
  uint64_t *held;
  struct cgc_image_window window;
  struct cgc_bias *bias; /* since it was asked for */
  struct cgc_image_problem *problems;
  size_t nproblems;
  size_t nbusy; /* spans that the program was just changing */
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

/** The field ID (CGC_L_type_field) of the target's struct at ADDR. */
uint64_t cgc_image_field(const struct cgc_image *im, uint64_t addr,
                         enum cgc_layout_id id);
/** What the view ID leads to: an address. */
uint64_t cgc_image_view(const struct cgc_image *im, enum cgc_layout_id id);

CGC_INLINE bool cgc_image_has(const struct cgc_image *im, uint64_t addr) {
  return addr - im->base < im->bytes;
}

/** The slot that ADDR points into.  returns  false: none */
CGC_INLINE bool cgc_image_find(const struct cgc_image *im, uint64_t addr,
                               struct cgc_image_object *obj) {
  if (!cgc_image_has(im, addr))
    return false;
  uint32_t n = im->page_span[(addr - im->base) >> im->page_shift];
  if (n == 0)
    return false;
  const struct cgc_image_span *s = &im->spans[n - 1];
  uint64_t i = s->nslots == 1 ? 0 : (addr - s->base) * s->magic >> 32;
  if (i >= s->nslots)
    return false;
  *obj = (struct cgc_image_object){s, s->first + (uint32_t)i,
                                   s->base + i * s->slot_size, s->slot_size};
  return true;
}

/** The number of the slot that ADDR, in the heap, points into; 0: none. */
CGC_INLINE uint32_t cgc_image_number(const struct cgc_image *im,
                                     uint64_t addr) {
  uint64_t offset = addr - im->base;
  const struct cgc_image_page *p = &im->pages[offset >> im->page_shift];
  const struct cgc_image_class *c = &im->classes[p->class];
  offset -= ((offset >> im->page_shift) - p->back) << im->page_shift;
  uint64_t i = offset * c->magic >> 32;
  return i < c->nslots ? p->first + (uint32_t)i : 0;
}

/** Bytes of the slot of number ID. */
CGC_INLINE uint64_t cgc_image_size(const struct cgc_image *im, uint32_t id) {
  const struct cgc_image_group *g = &im->groups[id / 64];
  uint64_t size = im->classes[g->class].slot_size;
  return cgc_likely(size) ? size
                          : im->spans[im->page_span[g->page] - 1].slot_size;
}

/** Where it begins, counted from the heap's start (bytes). */
CGC_INLINE uint64_t cgc_image_place(const struct cgc_image *im, uint32_t id) {
  const struct cgc_image_group *g = &im->groups[id / 64];
  return ((uint64_t)g->page << im->page_shift) +
         (g->part * 64u + id % 64) * (uint64_t)im->classes[g->class].slot_size;
}

/** Read on from PLACE. */
void cgc_image_move_window(struct cgc_image *im, uint64_t place, size_t n);

/** N bytes that stand at PLACE in the heap, until the next call. */
CGC_INLINE const uint8_t *cgc_image_bytes(struct cgc_image *im, uint64_t place,
                                          size_t n) {
  if (cgc_unlikely(place < im->window.lo || place + n > im->window.hi))
    cgc_image_move_window(im, place, n);
  return im->window.bytes + (place - im->window.lo);
}

/** The slot of number ID. */
CGC_INLINE void cgc_image_object(const struct cgc_image *im, uint32_t id,
                                 struct cgc_image_object *obj) {
  const struct cgc_image_group *g = &im->groups[id / 64];
  const struct cgc_image_span *s = &im->spans[im->page_span[g->page] - 1];
  *obj = (struct cgc_image_object){
      s, id, s->base + (id - s->first) * s->slot_size, s->slot_size};
}

/** What of the slot of number ID is scanned. */
CGC_INLINE const struct cgc_image_kind *
cgc_image_kind_of(const struct cgc_image *im, uint32_t id) {
  return &im->kinds[im->groups[id / 64].kind];
}

CGC_INLINE bool cgc_image_is_live(const struct cgc_image *im, uint32_t id) {
  return im->live[id / 64] >> (id % 64) & 1;
}

/** The live objects of SPAN. */
uint32_t cgc_image_count_live(const struct cgc_image *im,
                              const struct cgc_image_span *span);

CGC_INLINE bool cgc_image_is_held(const struct cgc_image *im, uint32_t id) {
  return im->held[id / 64] >> (id % 64) & 1;
}

#endif
