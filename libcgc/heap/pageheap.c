/* SPDX-License-Identifier: MIT */
#include "heap/pageheap.h"

#include "os/page.h"
#include "os/thread.h"

#include <errno.h>

enum {
  GROW_MAX = 8192,      /* pages at once, beyond what is needed */
  CLAIMED_RETAIN = 512, /* pages kept dirty where address space is limited */
  RETAIN_INVERSE = 16,  /* share of the used pages kept dirty */
  HOLES_INVERSE = 4,    /* share of a peak that stands in holes */
  EXCESS_PAGES = 4096,  /* dirty: worth a thread of its own */
  DISCARD_MAX = 2048,   /* pages at once, out of reach meanwhile */
  PERIOD_NS = 150 * 1000 * 1000
};

#define NOWHERE ((size_t)-1)

static size_t nblocks(const struct cgc_pageheap *ph) {
  return cgc_arena_pages(ph->arena) / CGC_BLOCK_PAGES;
}

/* ---- Bits ------------------------------------------------------------- */

/* The bits of word W of a bitmap that belong to pages [lo, hi). */
static uint64_t mask_of(size_t w, size_t lo, size_t hi) {
  size_t first = w * 64;
  uint64_t mask = ~0ULL;
  if (lo > first)
    mask &= ~0ULL << (lo - first);
  if (hi < first + 64)
    mask &= ~0ULL >> (first + 64 - hi);
  return mask;
}

static void set_bits(uint64_t *bits, size_t lo, size_t hi) {
  for (size_t w = lo / 64; w * 64 < hi; w++)
    bits[w] |= mask_of(w, lo, hi);
}

/* Clears and counts those that were set. */
static size_t clear_bits(uint64_t *bits, size_t lo, size_t hi) {
  size_t n = 0;
  for (size_t w = lo / 64; w * 64 < hi; w++) {
    uint64_t mask = mask_of(w, lo, hi);
    n += cgc_popcount(bits[w] & mask);
    bits[w] &= ~mask;
  }
  return n;
}

static bool all_set(const uint64_t *bits, size_t lo, size_t hi) {
  for (size_t w = lo / 64; w * 64 < hi; w++) {
    uint64_t mask = mask_of(w, lo, hi);
    if ((bits[w] & mask) != mask)
      return false;
  }
  return true;
}

/* The first bit of value VALUE in [lo, hi), or hi. */
static size_t next_bit(const uint64_t *bits, size_t lo, size_t hi, bool value) {
  for (size_t w = lo / 64; w * 64 < hi; w++) {
    uint64_t word = (value ? bits[w] : ~bits[w]) & mask_of(w, lo, hi);
    if (word)
      return w * 64 + (size_t)__builtin_ctzl(word);
  }
  return hi;
}

/* Where the free run that ends at HI begins, not below LO. */
static size_t first_of_run(const uint64_t *bits, size_t lo, size_t hi) {
  while (hi > lo) {
    size_t w = (hi - 1) / 64;
    uint64_t word = ~bits[w] & mask_of(w, lo, hi);
    if (word)
      return w * 64 + 64 - (size_t)__builtin_clzl(word);
    hi = cgc_max(w * 64, lo);
  }
  return lo;
}

/* ---- Summaries -------------------------------------------------------- */

static struct cgc_runs runs_of_block(const struct cgc_pageheap *ph,
                                     size_t block) {
  size_t first = block * CGC_BLOCK_PAGES;
  size_t end = first + CGC_BLOCK_PAGES;
  struct cgc_runs r = {.loose = false};
  size_t lo = next_bit(ph->free, first, end, true);
  while (lo < end) {
    size_t hi = next_bit(ph->free, lo, end, false);
    uint32_t len = (uint32_t)(hi - lo);
    if (lo == first)
      r.start = len;
    if (hi == end)
      r.end = len;
    if (len > r.max)
      r.max = len;
    lo = next_bit(ph->free, hi, end, true);
  }
  return r;
}

/* Append B, a stretch of B_LEN pages, to A of A_LEN. */
static struct cgc_runs joined(struct cgc_runs a, uint32_t a_len,
                              struct cgc_runs b, uint32_t b_len) {
  struct cgc_runs r = {.loose = false};
  uint32_t middle = a.end + b.start;
  r.start = a.start == a_len ? a_len + b.start : a.start;
  r.end = b.end == b_len ? b_len + a.end : b.end;
  r.max = a.max > b.max ? a.max : b.max;
  if (middle > r.max)
    r.max = middle;
  return r;
}

/* A bound where a block has one.  Blocks that do not exist yet are taken. */
static struct cgc_runs runs_of_group(const struct cgc_pageheap *ph,
                                     size_t group) {
  size_t first = group * CGC_GROUP_BLOCKS;
  size_t end = cgc_min(first + CGC_GROUP_BLOCKS, nblocks(ph));
  struct cgc_runs r = {.loose = false};
  uint32_t len = 0;
  for (size_t b = first; b < end; b++, len += CGC_BLOCK_PAGES)
    r = joined(r, len, ph->blocks[b], CGC_BLOCK_PAGES);
  if (end < first + CGC_GROUP_BLOCKS)
    r.end = 0;
  return r;
}

static void loosen_groups(struct cgc_pageheap *ph, size_t lo, size_t hi) {
  for (size_t g = lo / CGC_GROUP_PAGES; g <= (hi - 1) / CGC_GROUP_PAGES; g++)
    ph->groups[g].loose = true;
}

/* Pages [lo, hi) of a block, all of them free until now, are taken. */
static void shrink_runs(struct cgc_pageheap *ph, size_t lo, size_t hi) {
  size_t first = cgc_round_down(lo, CGC_BLOCK_PAGES);
  struct cgc_runs *r = &ph->blocks[first / CGC_BLOCK_PAGES];
  r->start = (uint32_t)cgc_min(r->start, lo - first);
  r->end = (uint32_t)cgc_min(r->end, first + CGC_BLOCK_PAGES - hi);
  r->loose = true;
}

/* They have become free. */
static void extend_runs(struct cgc_pageheap *ph, size_t lo, size_t hi) {
  size_t first = cgc_round_down(lo, CGC_BLOCK_PAGES);
  size_t end = first + CGC_BLOCK_PAGES;
  struct cgc_runs *r = &ph->blocks[first / CGC_BLOCK_PAGES];
  lo = first_of_run(ph->free, first, lo);
  hi = next_bit(ph->free, hi, end, false);
  uint32_t len = (uint32_t)(hi - lo);
  if (lo == first)
    r->start = len;
  if (hi == end)
    r->end = len;
  if (len > r->max)
    r->max = len;
}

/* Call FN for the part of [lo, hi) in each block. */
static void each_block(struct cgc_pageheap *ph, size_t lo, size_t hi,
                       void (*fn)(struct cgc_pageheap *ph, size_t lo,
                                  size_t hi)) {
  for (size_t next; lo < hi; lo = next) {
    next = cgc_min(hi, cgc_round_down(lo, CGC_BLOCK_PAGES) + CGC_BLOCK_PAGES);
    fn(ph, lo, next);
  }
}

/* ---- First fit -------------------------------------------------------- */

/* A free run that may reach from one stretch into the next. */
struct carry {
  size_t at;
  size_t len;
};

static void carry_over(struct carry *c, struct cgc_runs r, size_t first,
                       size_t len) {
  if (c->len && r.start == len) {
    c->len += len;
  } else {
    c->len = r.end;
    c->at = first + len - r.end;
  }
}

static size_t find_in_block(const struct cgc_pageheap *ph, size_t block,
                            size_t n) {
  size_t first = block * CGC_BLOCK_PAGES;
  size_t end = first + CGC_BLOCK_PAGES;
  size_t lo = next_bit(ph->free, first, end, true);
  for (;;) {
    size_t hi = next_bit(ph->free, lo, end, false);
    if (hi - lo >= n)
      return lo;
    if (hi == end)
      return NOWHERE;
    lo = next_bit(ph->free, hi, end, true);
  }
}

/* In a stretch of blocks; the carry comes in and goes out. */
static size_t find_in_blocks(struct cgc_pageheap *ph, size_t first, size_t end,
                             size_t n, struct carry *c) {
  for (size_t b = first; b < end; b++) {
    struct cgc_runs r = ph->blocks[b];
    if (c->len && c->len + r.start >= n)
      return c->at;
    if (r.max >= n) {
      size_t at = find_in_block(ph, b, n);
      if (at != NOWHERE)
        return at;
      cgc_check(r.loose); /* I3 */
      ph->blocks[b] = runs_of_block(ph, b);
    }
    carry_over(c, r, b * CGC_BLOCK_PAGES, CGC_BLOCK_PAGES);
  }
  return NOWHERE;
}

static void raise_lowest(struct cgc_pageheap *ph) {
  while (ph->lowest < nblocks(ph) && ph->blocks[ph->lowest].max == 0)
    ph->lowest++;
}

static size_t find(struct cgc_pageheap *ph, size_t n) {
  struct carry c = {0, 0};
  raise_lowest(ph);
  for (size_t b = ph->lowest; b < nblocks(ph);) {
    size_t g = b / CGC_GROUP_BLOCKS;
    size_t end = cgc_min((g + 1) * CGC_GROUP_BLOCKS, nblocks(ph));
    struct cgc_runs r = ph->groups[g];
    if (r.loose || c.len + r.start >= n || r.max >= n) {
      size_t at = find_in_blocks(ph, b, end, n, &c);
      if (at != NOWHERE)
        return at;
      if (r.loose)
        ph->groups[g] = runs_of_group(ph, g);
    } else {
      carry_over(&c, r, g * CGC_GROUP_PAGES, CGC_GROUP_PAGES);
    }
    b = end;
  }
  return NOWHERE;
}

/* ---- Taking and growing ----------------------------------------------- */

static void take(struct cgc_pageheap *ph, size_t lo, size_t hi) {
  clear_bits(ph->free, lo, hi);
  ph->free_pages -= hi - lo;
  ph->dirty_pages -= clear_bits(ph->dirty, lo, hi);
  each_block(ph, lo, hi, shrink_runs);
  loosen_groups(ph, lo, hi);
}

static void put(struct cgc_pageheap *ph, size_t lo, size_t hi, bool dirty) {
  set_bits(ph->free, lo, hi);
  ph->free_pages += hi - lo;
  if (dirty) {
    set_bits(ph->dirty, lo, hi);
    ph->dirty_pages += hi - lo;
  }
  each_block(ph, lo, hi, extend_runs);
  loosen_groups(ph, lo, hi);
  ph->lowest = cgc_min(ph->lowest, lo / CGC_BLOCK_PAGES);
}

/* Free pages at the end of the arena: they need not be grown. */
static size_t free_at_end(const struct cgc_pageheap *ph) {
  size_t len = 0;
  for (size_t b = nblocks(ph); b-- > 0;) {
    len += ph->blocks[b].end;
    if (ph->blocks[b].end < CGC_BLOCK_PAGES)
      break;
  }
  return len;
}

/* More than asked for while the system gives it, else what is needed. */
static bool grow(struct cgc_pageheap *ph, size_t n) {
  size_t old = cgc_arena_pages(ph->arena);
  size_t need = cgc_round_up(n - free_at_end(ph), CGC_ARENA_STEP);
  size_t want = cgc_round_up(cgc_min(old / 8, GROW_MAX), CGC_ARENA_STEP);
  if (!(want > need && cgc_arena_grow(ph->arena, want)) &&
      !cgc_arena_grow(ph->arena, need))
    return false;
  put(ph, old, cgc_arena_pages(ph->arena), false);
  return true;
}

/* ---- Giving back ------------------------------------------------------ */

static void *address(const struct cgc_pageheap *ph, size_t page) {
  return (void *)cgc_arena_page_address(ph->arena, page);
}

/* The last dirty run that ends at or below HI. */
static bool last_dirty_run(const struct cgc_pageheap *ph, size_t *lo,
                           size_t *hi) {
  size_t w = (*hi + 63) / 64;
  while (w-- > 0) {
    uint64_t word = ph->dirty[w] & mask_of(w, 0, *hi);
    if (!word)
      continue;
    *hi = w * 64 + 64 - (size_t)__builtin_clzl(word);
    size_t least = *hi > DISCARD_MAX ? *hi - DISCARD_MAX : 0;
    *lo = first_of_run(ph->dirty, least, *hi);
    return true;
  }
  return false;
}

/*
 * The run is nobody's meanwhile: the lock is free.
 * returns  false if the arena has been claimed since
 */
static bool discard_unlocked(struct cgc_pageheap *ph, size_t lo, size_t hi) {
  cgc_unlock(&ph->lock);
  cgc_page_discard(address(ph, lo), (hi - lo) << CGC_PAGE_SHIFT);
  cgc_arena_discard_marks(ph->arena, lo, hi);
  cgc_lock(&ph->lock);
  return !ph->arena->claimed;
}

/* What can't be unmapped stays dirty (I5). */
static bool discard(struct cgc_pageheap *ph, size_t lo, size_t hi) {
  take(ph, lo, hi);
  bool done = ph->arena->claimed
                  ? cgc_page_unmap(address(ph, lo), (hi - lo) << CGC_PAGE_SHIFT)
                  : discard_unlocked(ph, lo, hi);
  put(ph, lo, hi, !done);
  if (done)
    ph->returned_pages += hi - lo;
  return done;
}

/* The lock is let go of in between, but for a claimed arena's. */
static size_t trim_locked(struct cgc_pageheap *ph, size_t keep) {
  size_t n = 0;
  size_t lo = cgc_arena_pages(ph->arena), hi;
  while (ph->dirty_pages > keep && (hi = lo, last_dirty_run(ph, &lo, &hi)))
    if (discard(ph, lo, hi))
      n += hi - lo;
  return n;
}

static size_t used_pages(const struct cgc_pageheap *ph) {
  return cgc_arena_pages(ph->arena) - ph->free_pages;
}

static void use(struct cgc_pageheap *ph, size_t lo, size_t hi) {
  take(ph, lo, hi);
  ph->peak = cgc_max(ph->peak, used_pages(ph));
  ph->used_end = cgc_max(ph->used_end, hi);
}

/* A peak counts in its own period and in the next one. */
static void note_time(struct cgc_pageheap *ph, uint64_t now_ns) {
  if (now_ns < ph->period_ns + PERIOD_NS)
    return;
  ph->last_peak = ph->peak;
  ph->peak = 0;
  ph->period_ns = now_ns;
}

/* What is kept in any case. */
static size_t least_pages(const struct cgc_pageheap *ph) {
  size_t least = ph->arena->claimed ? cgc_min(ph->retain_pages, CLAIMED_RETAIN)
                                    : ph->retain_pages;
  return cgc_max(least, used_pages(ph) / RETAIN_INVERSE);
}

/*
 * What is kept in any case, and what the program had at its last peak, with
 * the holes that no run fits into: pages that it needed a moment ago it will
 * need again.  One that takes no pages has no peak.
 */
static size_t allowed_pages(const struct cgc_pageheap *ph) {
  size_t used = used_pages(ph);
  size_t peak = cgc_max(ph->peak, ph->last_peak);
  peak += peak / HOLES_INVERSE;
  if (ph->arena->claimed || peak <= used)
    return least_pages(ph);
  return cgc_max(least_pages(ph), peak - used);
}

/* Up to MOST pages. */
static void trim_in_time(struct cgc_pageheap *ph, size_t most) {
  note_time(ph, cgc_thread_now_ns());
  size_t allowed = allowed_pages(ph);
  size_t dirty = ph->dirty_pages;
  if (dirty <= allowed)
    return;
  size_t keep = allowed - allowed / 8;
  trim_locked(ph, dirty - keep > most ? dirty - most : keep);
}

/* ---- A claimed arena -------------------------------------------------- */

static void set_dirty(struct cgc_pageheap *ph, size_t lo, size_t hi) {
  set_bits(ph->dirty, lo, hi);
  ph->dirty_pages += hi - lo;
}

static void lose(struct cgc_pageheap *ph, size_t page) {
  ph->free_pages -= clear_bits(ph->free, page, page + 1);
  shrink_runs(ph, page, page + 1);
  loosen_groups(ph, page, page + 1);
}

/* Of free pages [lo, hi), that are not mapped, some are somebody else's. */
static void give_up(struct cgc_pageheap *ph, size_t lo, size_t hi) {
  for (size_t page = lo; page < hi; page++)
    if (cgc_page_claim(address(ph, page), CGC_PAGE) == 0)
      set_dirty(ph, page, page + 1);
    else
      lose(ph, page);
}

/* What is not mapped of the free pages [lo, hi) is, and counts as dirty. */
static int map_missing(struct cgc_pageheap *ph, size_t lo, size_t hi) {
  size_t at = next_bit(ph->dirty, lo, hi, false);
  while (at < hi) {
    size_t end = next_bit(ph->dirty, at, hi, true);
    int err = cgc_page_claim(address(ph, at), (end - at) << CGC_PAGE_SHIFT);
    if (err == -EEXIST)
      give_up(ph, at, end);
    if (err)
      return err;
    set_dirty(ph, at, end);
    at = next_bit(ph->dirty, end, hi, false);
  }
  return 0;
}

/*
 * Have memory behind the free pages [lo, hi).  Where the limit is reached, what
 * is kept elsewhere makes room.
 * returns  0; -EEXIST: they are not all free any more; -ENOMEM
 */
static int back(struct cgc_pageheap *ph, size_t lo, size_t hi, bool *zeroed) {
  *zeroed = next_bit(ph->dirty, lo, hi, true) == hi;
  if (!ph->arena->claimed)
    return 0;
  int err = map_missing(ph, lo, hi);
  if (err != -ENOMEM || trim_locked(ph, 0) == 0)
    return err;
  *zeroed = next_bit(ph->dirty, lo, hi, true) == hi;
  return map_missing(ph, lo, hi);
}

/* ---- The contract ----------------------------------------------------- */

bool cgc_pageheap_init(struct cgc_pageheap *ph, struct cgc_arena *arena,
                       size_t retain_bytes) {
  *ph = (struct cgc_pageheap){.arena = arena};
  cgc_lock_init(&ph->lock, CGC_RANK_PAGEHEAP);
  ph->free = (uint64_t *)arena->part[CGC_TABLE_FREE].lo;
  ph->dirty = (uint64_t *)arena->part[CGC_TABLE_DIRTY].lo;
  ph->blocks = (struct cgc_runs *)arena->part[CGC_TABLE_RUNS].lo;
  ph->ngroups_max =
      (arena->pages_limit + CGC_GROUP_PAGES - 1) / CGC_GROUP_PAGES;
  ph->groups = cgc_page_map(
      cgc_round_up(ph->ngroups_max * sizeof *ph->groups, CGC_OS_PAGE));
  ph->retain_pages = cgc_pages(retain_bytes);
  if (!ph->groups)
    return false;
  if (cgc_arena_pages(arena)) /* a claimed arena has its first step */
    put(ph, 0, cgc_arena_pages(arena), false);
  return true;
}

/* Alignment is of addresses; the arena begins at a multiple of less. */
static size_t aligned_page(const struct cgc_pageheap *ph, size_t page,
                           size_t align) {
  size_t first = ph->arena->base >> CGC_PAGE_SHIFT;
  return cgc_round_up(first + page, align) - first;
}

/* One that has memory behind it, and is free yet. */
static size_t find_backed(struct cgc_pageheap *ph, size_t npages, size_t align,
                          bool may_grow, bool *zeroed) {
  size_t n = npages + align - 1, at;
  int err = 0;
  do {
    at = find(ph, n);
    if (at == NOWHERE && may_grow && grow(ph, n))
      at = find(ph, n);
    if (at == NOWHERE || (!may_grow && at + n > ph->used_end))
      return NOWHERE;
    at = aligned_page(ph, at, align);
    err = back(ph, at, at + npages, zeroed);
  } while (err == -EEXIST);
  return err ? NOWHERE : at;
}

ptrdiff_t cgc_pageheap_alloc(struct cgc_pageheap *ph, size_t npages,
                             size_t align, bool may_grow, bool *zeroed) {
  cgc_lock(&ph->lock);
  size_t at = find_backed(ph, npages, align, may_grow, zeroed);
  if (at != NOWHERE)
    use(ph, at, at + npages);
  cgc_unlock(&ph->lock);
  return (ptrdiff_t)at;
}

bool cgc_pageheap_take(struct cgc_pageheap *ph, size_t page, size_t npages,
                       bool *zeroed) {
  bool ok = false;
  cgc_lock(&ph->lock);
  if (page + npages <= cgc_arena_pages(ph->arena) &&
      all_set(ph->free, page, page + npages) &&
      back(ph, page, page + npages, zeroed) == 0) {
    use(ph, page, page + npages);
    ok = true;
  }
  cgc_unlock(&ph->lock);
  return ok;
}

void cgc_pageheap_free(struct cgc_pageheap *ph, size_t page, size_t npages,
                       bool dirty) {
  cgc_lock(&ph->lock);
  put(ph, page, page + npages, dirty || ph->arena->claimed); /* I5 */
  if (ph->dirty_pages > cgc_min(ph->retain_pages, CLAIMED_RETAIN))
    trim_in_time(ph, SIZE_MAX);
  if (ph->dirty_pages > EXCESS_PAGES)
    atomic_store_explicit(&ph->excess, true, memory_order_relaxed);
  cgc_unlock(&ph->lock);
}

size_t cgc_pageheap_trim(struct cgc_pageheap *ph, size_t keep) {
  cgc_lock(&ph->lock);
  size_t n = trim_locked(ph, keep);
  cgc_unlock(&ph->lock);
  return n;
}

void cgc_pageheap_unreserve(struct cgc_pageheap *ph) {
  cgc_lock(&ph->lock);
  if (!ph->arena->claimed) {
    cgc_arena_unreserve(ph->arena);
    size_t n = cgc_arena_pages(ph->arena);
    for (size_t w = 0; w < n / 64; w++)
      ph->dirty[w] = ph->free[w]; /* all of it is mapped: I5 */
    ph->dirty_pages = ph->free_pages;
    trim_locked(ph, least_pages(ph) / 2);
  }
  cgc_unlock(&ph->lock);
}

size_t cgc_pageheap_decay(struct cgc_pageheap *ph) {
  cgc_lock(&ph->lock);
  trim_in_time(ph, DISCARD_MAX);
  size_t least = least_pages(ph);
  size_t more = ph->dirty_pages > least ? ph->dirty_pages - least : 0;
  if (!more)
    atomic_store_explicit(&ph->excess, false, memory_order_relaxed);
  cgc_unlock(&ph->lock);
  return more;
}

/* ---- Checking --------------------------------------------------------- */

static bool same_runs(struct cgc_runs a, struct cgc_runs b, bool bound) {
  return a.start == b.start && a.end == b.end &&
         (bound ? a.max >= b.max : a.max == b.max);
}

static size_t count(const uint64_t *bits, size_t n) {
  size_t sum = 0;
  for (size_t w = 0; w < n / 64; w++)
    sum += cgc_popcount(bits[w]);
  return sum;
}

void cgc_pageheap_check(struct cgc_pageheap *ph) {
  cgc_lock(&ph->lock);
  size_t n = cgc_arena_pages(ph->arena);
  for (size_t w = 0; w < n / 64; w++)
    cgc_check((ph->dirty[w] & ~ph->free[w]) == 0);   /* I1 */
  cgc_check(count(ph->dirty, n) == ph->dirty_pages); /* I1 */
  cgc_check(count(ph->free, n) == ph->free_pages);   /* I2 */
  for (size_t b = 0; b < nblocks(ph); b++)
    cgc_check(
        same_runs(ph->blocks[b], runs_of_block(ph, b), ph->blocks[b].loose));
  for (size_t g = 0; g * CGC_GROUP_BLOCKS < nblocks(ph); g++)
    cgc_check(ph->groups[g].loose ||
              same_runs(ph->groups[g], runs_of_group(ph, g), true)); /* I3 */
  for (size_t b = 0; b < ph->lowest && b < nblocks(ph); b++)
    cgc_check(ph->blocks[b].max == 0); /* I4 */
  cgc_unlock(&ph->lock);
}
