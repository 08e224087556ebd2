/* SPDX-License-Identifier: MIT */
#include "mark/bias.h"

#include "os/page.h"

#include <errno.h>
#include <string.h>

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
  size_t capacity = list.capacity ? list.capacity * 2 : 512;
  struct large *fresh = cgc_page_map(capacity * sizeof *fresh);
  if (!fresh)
    return false;
  if (list.n)
    memcpy(fresh, list.all, list.n * sizeof *fresh);
  cgc_page_unmap(list.all, list.capacity * sizeof *fresh);
  list.all = fresh;
  list.capacity = capacity;
  return true;
}

struct listing {
  const struct cgc_arena *arena;
  bool ok;
};

static void add(struct cgc_span *span, void *ctx) {
  struct listing *l = ctx;
  if (span->class != CGC_CLASS_LARGE)
    return;
  if (list.n == list.capacity && !grow()) {
    l->ok = false;
    return;
  }
  ptrdiff_t block = (ptrdiff_t)cgc_arena_page_of(l->arena, span->base);
  list.all[list.n++] = (struct large){block - (ptrdiff_t)span->npages, block};
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
  struct listing l = {&heap->arena, true};
  list.n = 0;
  cgc_heap_each_span(heap, add, &l);
  sort();
  return l.ok ? 0 : -ENOMEM;
}

/* ---- Words ------------------------------------------------------------ */

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

static void mark_kept(struct cgc_marker *m, ptrdiff_t page) {
  for (size_t i = first_from(page); i < list.n && list.all[i].kept == page; i++)
    cgc_visit_word(m, m->range.base +
                          ((uintptr_t)list.all[i].block << CGC_PAGE_SHIFT));
}

/* The byte that is added for pointers past the end may have cost a page. */
static void mark_large(struct cgc_marker *m, uintptr_t word) {
  ptrdiff_t page = (ptrdiff_t)(word - m->range.base) >> CGC_PAGE_SHIFT;
  mark_kept(m, page);
  if (word % CGC_PAGE == 0)
    mark_kept(m, page - 1);
}

/* A block of CLASS that begins as far behind WORD as it is long. */
static void mark_small(struct cgc_marker *m, uintptr_t word, unsigned class) {
  struct cgc_object obj;
  uint32_t least = cgc_size_classes[class - 1].size;
  uint32_t most = cgc_size_classes[class].size;
  if (!cgc_arena_find(&m->heap->arena, word + most, &obj))
    return;
  uintptr_t length = obj.addr - word;
  if (length >= least && length <= most)
    cgc_visit_word(m, obj.addr);
}

/* Each page has blocks of one class, so one at most is meant there. */
static void mark_behind(struct cgc_marker *m, uintptr_t word) {
  uintptr_t page = cgc_round_down(word, CGC_PAGE);
  for (int i = 0; i <= CGC_SMALL_MAX / CGC_PAGE; i++, page += CGC_PAGE) {
    if (!cgc_visit_is_inside(m, page))
      continue;
    unsigned class = cgc_desc_class(m->map.desc[page >> CGC_PAGE_SHIFT]);
    if (class - 1u < CGC_CLASSES &&
        word + cgc_size_classes[class].size - page < CGC_PAGE)
      mark_small(m, word, class);
  }
}

/* A block may be longer than what lies between it and the arena's start. */
CGC_SCANS_MEMORY
void cgc_bias_scan(struct cgc_marker *m, uintptr_t lo, uintptr_t hi) {
  const struct cgc_scan_range *r = &m->range;
  for (lo = cgc_round_up(lo, sizeof lo); lo + sizeof lo <= hi;
       lo += sizeof lo) {
    uintptr_t word = *(const volatile uintptr_t *)lo;
    if (cgc_likely(word + r->bytes - r->base >= 2 * r->bytes))
      continue;
    mark_behind(m, word);
    mark_large(m, word);
  }
}
