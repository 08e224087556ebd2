/* SPDX-License-Identifier: MIT */
#include "mark/bias.h"

#include "os/page.h"

#include <errno.h>

enum { FIRST_CAPACITY = 512 };

/* Pages, from the arena's first; there may be none where a block is kept. */
struct large {
  ptrdiff_t kept;
  ptrdiff_t block;
};

static struct {
  struct large *all; /* own memory */
  size_t n;
  size_t capacity;
} list;

/* ---- The list --------------------------------------------------------- */

static bool grow(void) {
  struct large *fresh =
      cgc_page_grow(list.all, &list.capacity, sizeof *fresh, FIRST_CAPACITY);
  if (fresh)
    list.all = fresh;
  return fresh;
}

static bool add(ptrdiff_t block, size_t npages) {
  if (list.n == list.capacity && !grow())
    return false;
  list.all[list.n++] = (struct large){block - (ptrdiff_t)npages, block};
  return true;
}

/* By the table of pages, which is read in a row: most spans are of small
 * objects, and each has its struct in a line of its own. */
static bool add_all(const struct cgc_arena *arena) {
  for (size_t page = 0, n = cgc_arena_pages(arena); page < n;) {
    size_t npages = 1;
    if (cgc_desc_class(arena->desc[page]) == CGC_CLASS_LARGE) {
      npages = arena->spans[page]->npages;
      if (!add((ptrdiff_t)page, npages))
        return false;
    }
    page += npages;
  }
  return true;
}

/* Shell sort: short, in place, and fast enough for the few there are. */
static void sort(void) {
  size_t gap = 1;
  while (gap < list.n / 3)
    gap = gap * 3 + 1;
  for (; gap > 0; gap /= 3)
    for (size_t i = gap; i < list.n; i++) {
      struct large one = list.all[i];
      size_t j = i;
      for (; j >= gap && list.all[j - gap].kept > one.kept; j -= gap)
        list.all[j] = list.all[j - gap];
      list.all[j] = one;
    }
}

int cgc_bias_open(const struct cgc_heap *heap) {
  list.n = 0;
  if (!add_all(&heap->arena))
    return -ENOMEM;
  sort();
  return 0;
}

/* ---- Words ------------------------------------------------------------ */

/* A word of static data, those about it, and what it may be kept for. */
struct bias {
  const uintptr_t *at;
  const uintptr_t *lo;
  const uintptr_t *hi;
  uintptr_t word;
};

/* Whether a block of LENGTH bytes may be OBJ: as requested, or a byte more. */
static bool may_be_long(const struct cgc_object *obj, uintptr_t length) {
  unsigned class = obj->span->class;
  uintptr_t least = class == CGC_CLASS_LARGE
                        ? (uintptr_t)(obj->span->npages - 1) << CGC_PAGE_SHIFT
                        : cgc_size_classes[class - 1].size;
  return length >= least && length <= obj->size;
}

static bool begins(const struct cgc_marker *m, uintptr_t addr,
                   struct cgc_object *obj) {
  return cgc_arena_find(&m->heap->arena, addr, obj) && obj->addr == addr;
}

static bool is_biased(const struct cgc_marker *m, uintptr_t word,
                      uintptr_t length) {
  struct cgc_object obj;
  return begins(m, word + length, &obj) && may_be_long(&obj, length);
}

/*
 * A pointer to a block is one to where the block behind it would be kept, if
 * that is as long: such a word counts beside one for a block twice as long, or
 * half.  What is beside the ends is not known.
 */
CGC_SCANS_MEMORY
static bool is_in_table(const struct cgc_marker *m, const struct bias *b,
                        uintptr_t length) {
  struct cgc_object obj;
  if (!begins(m, b->word, &obj))
    return true;
  return b->at == b->lo || b->at + 1 == b->hi ||
         is_biased(m, b->at[1], 2 * length) ||
         is_biased(m, b->at[-1], length / 2);
}

static void try_block(struct cgc_marker *m, const struct bias *b,
                      uintptr_t block) {
  uintptr_t length = block - b->word;
  if (is_biased(m, b->word, length) && is_in_table(m, b, length))
    cgc_visit_word(m, block);
}

/* Index of the first one that is kept at PAGE or behind it. */
static size_t first_from(ptrdiff_t page) {
  size_t lo = 0, hi = list.n;
  while (lo < hi) {
    size_t mid = (lo + hi) / 2;
    if (list.all[mid].kept >= page)
      hi = mid;
    else
      lo = mid + 1;
  }
  return lo;
}

static void try_kept(struct cgc_marker *m, const struct bias *b,
                     ptrdiff_t page) {
  for (size_t i = first_from(page); i < list.n && list.all[i].kept == page; i++)
    try_block(m, b,
              m->range.base + ((uintptr_t)list.all[i].block << CGC_PAGE_SHIFT));
}

/* The byte that is added for pointers past the end may have cost a page. */
static void try_large(struct cgc_marker *m, const struct bias *b) {
  ptrdiff_t page = (ptrdiff_t)(b->word - m->range.base) >> CGC_PAGE_SHIFT;
  try_kept(m, b, page);
  if (b->word % CGC_PAGE == 0)
    try_kept(m, b, page - 1);
}

/* Each page has blocks of one class, so one at most is meant there. */
static void try_small(struct cgc_marker *m, const struct bias *b) {
  uintptr_t page = cgc_round_down(b->word, CGC_PAGE);
  for (int i = 0; i <= CGC_SMALL_MAX / CGC_PAGE; i++, page += CGC_PAGE) {
    if (!cgc_visit_is_inside(m, page))
      continue;
    unsigned class = cgc_desc_class(m->map.desc[page >> CGC_PAGE_SHIFT]);
    uintptr_t end = b->word + cgc_size_classes[class].size;
    struct cgc_object obj;
    if (class - 1u < CGC_CLASSES && end - page < CGC_PAGE &&
        cgc_arena_find(&m->heap->arena, end, &obj))
      try_block(m, b, obj.addr);
  }
}

/* A block may be longer than what lies between it and the arena's start. */
CGC_SCANS_MEMORY
void cgc_bias_scan(struct cgc_marker *m, uintptr_t lo, uintptr_t hi) {
  const struct cgc_scan_range *r = &m->range;
  struct bias b = {
      .lo = (const uintptr_t *)cgc_round_up(lo, sizeof lo),
      .hi = (const uintptr_t *)cgc_round_down(hi, sizeof hi),
  };
  for (b.at = b.lo; b.at < b.hi; b.at++) {
    b.word = *(const volatile uintptr_t *)b.at;
    if (cgc_likely(b.word + r->bytes - r->base >= 2 * r->bytes))
      continue;
    try_small(m, &b);
    try_large(m, &b);
  }
}
