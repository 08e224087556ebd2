/* SPDX-License-Identifier: MIT */
#include "heap-bias.h"

#include "store.h"

#include <stdlib.h>
#include <string.h>

/* ---- the tables ---------------------------------------------------------- */

static void read_sizes(struct cgc_bias *b, const struct cgc_image *im) {
  uint64_t at = im->value[CGC_L_at_size_classes];
  uint64_t n = cgc_min(im->value[CGC_L_classes], 255);
  for (uint64_t i = 0; i <= n; i++, at += im->value[CGC_L_size_size_class])
    b->size[i] = cgc_image_field(im, at, CGC_L_size_class_size);
  b->small_max = b->size[n];
}

static int by_kept(const void *a, const void *b) {
  const struct cgc_bias_large *x = a, *y = b;
  return x->kept < y->kept ? -1 : x->kept > y->kept;
}

struct cgc_bias *cgc_bias_new(const struct cgc_image *im) {
  struct cgc_bias *b =
      cgc_store_grow(NULL, sizeof *b + im->nspans * sizeof *b->large);
  memset(b, 0, sizeof *b);
  read_sizes(b, im);
  for (size_t i = 0; i < im->nspans; i++) {
    const struct cgc_image_span *s = &im->spans[i];
    int64_t page = (int64_t)((s->base - im->base) >> im->page_shift);
    if (s->class == im->value[CGC_L_class_large])
      b->large[b->nlarge++] =
          (struct cgc_bias_large){page - (int64_t)s->npages, page};
  }
  if (b->nlarge)
    qsort(b->large, b->nlarge, sizeof *b->large, by_kept);
  return b;
}

/* ---- words --------------------------------------------------------------- */

struct question {
  const struct cgc_bias *b;
  const struct cgc_image *im;
  const struct cgc_bias_word *w;
  uint64_t word;
  cgc_bias_fn fn;
  void *ctx;
};

/* Whether a block of LENGTH bytes may be O: as requested, or a byte more. */
static bool may_be_long(const struct question *q,
                        const struct cgc_image_object *o, uint64_t length) {
  bool large = o->span->class == q->im->value[CGC_L_class_large];
  uint64_t least = large ? o->size - (1ull << q->im->page_shift)
                         : q->b->size[o->span->class - 1];
  return length >= least && length <= o->size;
}

static bool begins(const struct question *q, uint64_t addr,
                   struct cgc_image_object *o) {
  return cgc_image_find(q->im, addr, o) && o->addr == addr;
}

static bool is_biased(const struct question *q, uint64_t word,
                      uint64_t length) {
  struct cgc_image_object o;
  return begins(q, word + length, &o) && may_be_long(q, &o, length);
}

/* What is a block's own address counts in a table only. */
static bool is_in_table(const struct question *q, uint64_t length) {
  const struct cgc_bias_word *w = q->w;
  struct cgc_image_object o;
  return !begins(q, q->word, &o) || w->i == 0 || w->i + 1 == w->n ||
         is_biased(q, w->all[w->i + 1], 2 * length) ||
         is_biased(q, w->all[w->i - 1], length / 2);
}

static void try_block(const struct question *q, uint64_t block) {
  uint64_t length = block - q->word;
  if (is_biased(q, q->word, length) && is_in_table(q, length))
    q->fn(block, q->ctx);
}

/* Index of the first one that is kept at PAGE or behind it. */
static size_t first_from(const struct cgc_bias *b, int64_t page) {
  size_t lo = 0, hi = b->nlarge;
  while (lo < hi) {
    size_t mid = (lo + hi) / 2;
    if (b->large[mid].kept >= page)
      hi = mid;
    else
      lo = mid + 1;
  }
  return lo;
}

static void try_kept(const struct question *q, int64_t page) {
  const struct cgc_bias *b = q->b;
  for (size_t i = first_from(b, page);
       i < b->nlarge && b->large[i].kept == page; i++)
    try_block(q,
              q->im->base + ((uint64_t)b->large[i].block << q->im->page_shift));
}

static void try_large(const struct question *q) {
  int64_t page = (int64_t)(q->word - q->im->base) >> q->im->page_shift;
  try_kept(q, page);
  if (q->word % (1ull << q->im->page_shift) == 0)
    try_kept(q, page - 1);
}

/* Each page has blocks of one class, so one at most is meant there. */
static void try_small(const struct question *q) {
  const struct cgc_image *im = q->im;
  uint64_t page_bytes = 1ull << im->page_shift;
  uint64_t page = cgc_round_down(q->word, page_bytes);
  uint64_t last = page + q->b->small_max / page_bytes * page_bytes;
  for (; page <= last; page += page_bytes) {
    struct cgc_image_object o;
    if (!cgc_image_has(im, page))
      continue;
    uint8_t class = im->pages[(page - im->base) >> im->page_shift].class;
    uint64_t end = q->word + q->b->size[class];
    if (q->b->size[class] && class != im->value[CGC_L_class_large] &&
        end - page < page_bytes && cgc_image_find(im, end, &o))
      try_block(q, o.addr);
  }
}

void cgc_bias_each(const struct cgc_bias *b, const struct cgc_image *im,
                   const struct cgc_bias_word *w, cgc_bias_fn fn, void *ctx) {
  struct question q = {b, im, w, w->all[w->i], fn, ctx};
  if (cgc_likely(q.word + im->bytes - im->base >= 2 * im->bytes))
    return;
  try_small(&q);
  try_large(&q);
}
