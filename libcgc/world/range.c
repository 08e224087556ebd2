/* SPDX-License-Identifier: MIT */
#include "world/range.h"

#include "base/lock.h"
#include "os/page.h"

#include <errno.h>
#include <string.h>

enum {
  FIRST_CAPACITY = CGC_OS_PAGE / sizeof(struct cgc_range),
  SPARE = 2,
  WORD = 8
};

static struct {
  struct cgc_lock lock;
  struct cgc_range_set named;    /* guard: lock */
  struct cgc_range_set excluded; /* guard: lock */
} world = {.lock = CGC_LOCK_INIT(CGC_RANK_RANGE)};

const void *const cgc_range_view[2] = {&world.named, &world.excluded};

void cgc_range_init(void) { cgc_lock_register(&world.lock); }

/* ---- a set --------------------------------------------------------------- */

static bool make_room(struct cgc_range_set *set) {
  if (set->n + SPARE <= set->capacity)
    return true;
  struct cgc_range *fresh =
      cgc_page_grow(set->all, &set->capacity, sizeof *fresh, FIRST_CAPACITY);
  if (fresh)
    set->all = fresh;
  return fresh;
}

/* Index of the first range that ends behind ADDR. */
static size_t first_ending_after(const struct cgc_range_set *set,
                                 uintptr_t addr) {
  size_t lo = 0, hi = set->n;
  while (lo < hi) {
    size_t mid = (lo + hi) / 2;
    if (set->all[mid].hi > addr)
      hi = mid;
    else
      lo = mid + 1;
  }
  return lo;
}

static void replace(struct cgc_range_set *set, size_t i, size_t n,
                    const struct cgc_range *with, size_t nwith) {
  memmove(set->all + i + nwith, set->all + i + n,
          (set->n - i - n) * sizeof *set->all);
  memcpy(set->all + i, with, nwith * sizeof *with);
  set->n += nwith - n;
}

bool cgc_range_set_add(struct cgc_range_set *set, uintptr_t lo, uintptr_t hi) {
  if (lo >= hi)
    return true;
  if (!make_room(set))
    return false;
  struct cgc_range merged = {lo, hi};
  size_t i = lo ? first_ending_after(set, lo - 1) : 0, n = 0;
  for (; i + n < set->n && set->all[i + n].lo <= hi; n++) {
    const struct cgc_range *r = &set->all[i + n];
    merged.lo = r->lo < merged.lo ? r->lo : merged.lo;
    merged.hi = r->hi > merged.hi ? r->hi : merged.hi;
  }
  replace(set, i, n, &merged, 1);
  return true;
}

bool cgc_range_set_remove(struct cgc_range_set *set, uintptr_t lo,
                          uintptr_t hi) {
  struct cgc_range left[2];
  size_t i = first_ending_after(set, lo), n = 0, nleft = 0;
  if (lo >= hi || set->n == 0)
    return true;
  if (!make_room(set))
    return false;
  for (; i + n < set->n && set->all[i + n].lo < hi; n++) {
    struct cgc_range r = set->all[i + n];
    if (r.lo < lo)
      left[nleft++] = (struct cgc_range){r.lo, lo};
    if (r.hi > hi)
      left[nleft++] = (struct cgc_range){hi, r.hi};
  }
  replace(set, i, n, left, nleft);
  return true;
}

void cgc_range_set_clear(struct cgc_range_set *set) {
  cgc_page_unmap(set->all, set->capacity * sizeof *set->all);
  *set = (struct cgc_range_set){0};
}

void cgc_range_set_subtract(const struct cgc_range_set *set, uintptr_t lo,
                            uintptr_t hi, cgc_range_fn fn, void *ctx) {
  size_t i = first_ending_after(set, lo);
  for (; i < set->n && set->all[i].lo < hi; i++) {
    if (lo < set->all[i].lo)
      fn(lo, set->all[i].lo, ctx);
    lo = set->all[i].hi;
  }
  if (lo < hi)
    fn(lo, hi, ctx);
}

void cgc_range_set_check(const struct cgc_range_set *set) {
  cgc_check(set->n <= set->capacity);
  for (size_t i = 0; i < set->n; i++) {
    cgc_check(set->all[i].lo < set->all[i].hi);               /* I1 */
    cgc_check(i == 0 || set->all[i - 1].hi < set->all[i].lo); /* I1 */
  }
}

/* ---- the process's ------------------------------------------------------- */

typedef bool (*change_fn)(struct cgc_range_set *, uintptr_t, uintptr_t);

static int change(change_fn fn, struct cgc_range_set *set, uintptr_t lo,
                  uintptr_t hi) {
  cgc_lock(&world.lock);
  bool ok = fn(set, lo, hi);
  cgc_unlock(&world.lock);
  return ok ? 0 : -ENOMEM;
}

int cgc_range_add(uintptr_t lo, uintptr_t hi) {
  return change(cgc_range_set_add, &world.named, lo, hi);
}

int cgc_range_remove(uintptr_t lo, uintptr_t hi) {
  return change(cgc_range_set_remove, &world.named, lo, hi);
}

int cgc_range_exclude(uintptr_t lo, uintptr_t hi) {
  return change(cgc_range_set_add, &world.excluded, lo, hi);
}

void cgc_range_clear(void) {
  cgc_lock(&world.lock);
  cgc_range_set_clear(&world.named);
  cgc_unlock(&world.lock);
}

void cgc_range_exclude_none(void) {
  cgc_lock(&world.lock);
  cgc_range_set_clear(&world.excluded);
  cgc_unlock(&world.lock);
}

void cgc_range_visit(cgc_range_fn fn, void *ctx) {
  for (size_t i = 0; i < world.named.n; i++)
    cgc_range_visit_allowed(world.named.all[i].lo, world.named.all[i].hi, fn,
                            ctx);
}

void cgc_range_visit_allowed(uintptr_t lo, uintptr_t hi, cgc_range_fn fn,
                             void *ctx) {
  cgc_range_set_subtract(&world.excluded, lo, hi, fn, ctx);
}

struct unnamed {
  cgc_range_fn fn;
  void *ctx;
};

static void visit_unnamed(uintptr_t lo, uintptr_t hi, void *ctx) {
  const struct unnamed *to = ctx;
  cgc_range_visit_allowed(cgc_round_down(lo, WORD), cgc_round_up(hi, WORD),
                          to->fn, to->ctx);
}

void cgc_range_visit_unnamed(uintptr_t lo, uintptr_t hi, cgc_range_fn fn,
                             void *ctx) {
  struct unnamed to = {fn, ctx};
  cgc_range_set_subtract(&world.named, lo, hi, visit_unnamed, &to);
}

void cgc_range_check(void) {
  cgc_range_set_check(&world.named);
  cgc_range_set_check(&world.excluded);
}
