/* SPDX-License-Identifier: MIT */
#include "world/root.h"

#include "base/option.h"
#include "os/mapping.h"
#include "os/page.h"
#include "os/thread.h"
#include "world/kernel.h"
#include "world/mutator.h"
#include "world/range.h"

#include <errno.h>

enum {
  RED_ZONE = 128,
  WORD = 8,
  FIRST_STACKS = 256,
  GAP_MAX = 1 << 20 /* between mappings that are looked up together */
};

struct cgc_root_counters cgc_root_counters;

/* One sp in one mapping: sorted by address while mappings are walked. */
struct stack {
  uintptr_t sp;      /* red zone included; 0: not known, visit all of it */
  uintptr_t pointer; /* thread pointer of its thread */
};

struct visit {
  enum cgc_root_scope scope;
  cgc_root_fn fn;
  void *ctx;
  enum cgc_root_kind kind;           /* of the range that is under way */
  const struct cgc_mapping *first;   /* of those that are looked up together */
  const struct cgc_mapping *mapping; /* that is under way */
  uintptr_t lo;     /* nothing below is given: pages reach under a sp */
  uintptr_t living; /* the same, for the mapping under way */
  struct cgc_residency pages;
};

/* World stopped; kept from one visit to the next. */
static struct cgc_mappings mappings;
static struct {
  struct stack *all; /* own memory */
  size_t n;
  size_t capacity;
} stacks;

/* ---- stacks -------------------------------------------------------------- */

static bool grow_stacks(void) {
  struct stack *fresh =
      cgc_page_grow(stacks.all, &stacks.capacity, sizeof *fresh, FIRST_STACKS);
  if (fresh)
    stacks.all = fresh;
  return fresh;
}

static uintptr_t lowest_word(const struct cgc_mutator *m) {
  return m->sp > RED_ZONE ? m->sp - RED_ZONE : 0;
}

static void collect_stack(struct cgc_mutator *m, void *ctx) {
  bool *ok = ctx;
  if (stacks.n == stacks.capacity && !grow_stacks())
    *ok = false;
  else
    stacks.all[stacks.n++] = (struct stack){lowest_word(m), m->fs_base};
}

/* Shell sort: short, in place, and mostly sorted already. */
static void sort_stacks(void) {
  for (size_t gap = stacks.n / 2; gap > 0; gap /= 2)
    for (size_t i = gap; i < stacks.n; i++) {
      struct stack s = stacks.all[i];
      size_t j = i;
      for (; j >= gap && stacks.all[j - gap].sp > s.sp; j -= gap)
        stacks.all[j] = stacks.all[j - gap];
      stacks.all[j] = s;
    }
}

/* Index of the first sp not below ADDR. */
static size_t first_sp_from(uintptr_t addr) {
  size_t lo = 0, hi = stacks.n;
  while (lo < hi) {
    size_t mid = (lo + hi) / 2;
    if (stacks.all[mid].sp >= addr)
      hi = mid;
    else
      lo = mid + 1;
  }
  return lo;
}

/* The only sp in M, or NULL. */
static const struct stack *only_stack_in(const struct cgc_mapping *m) {
  size_t i = first_sp_from(m->lo);
  if (i == stacks.n || stacks.all[i].sp >= m->hi)
    return NULL;
  if (i + 1 < stacks.n && stacks.all[i + 1].sp < m->hi)
    return NULL;
  return &stacks.all[i];
}

/*
 * Where the living part of M begins, if M is surely one thread's stack: then
 * what lies below is dead.
 */
static uintptr_t living_part(const struct cgc_mapping *m) {
  const struct stack *s = only_stack_in(m);
  const struct cgc_mapping *below = cgc_mapping_below(&mappings, m);
  if (!s)
    return m->lo;
  if (m->kind == CGC_MAPPING_STACK)
    return s->sp;
  bool has_guard = below && below->prot == 0;
  bool has_tcb = s->sp < s->pointer && s->pointer < m->hi;
  return has_guard && has_tcb ? s->sp : m->lo;
}

static enum cgc_root_kind kind_of(const struct cgc_mapping *m,
                                  bool holds_stack) {
  if (holds_stack)
    return CGC_ROOT_STACK;
  if ((m->prot & CGC_MAPPING_EXEC) && m->kind != CGC_MAPPING_FILE)
    return CGC_ROOT_CODE;
  return m->kind == CGC_MAPPING_FILE ? CGC_ROOT_DATA : CGC_ROOT_MAPPING;
}

/* ---- giving ranges ------------------------------------------------------- */

static void give(uintptr_t lo, uintptr_t hi, void *ctx) {
  struct visit *v = ctx;
  lo = cgc_round_up(lo, WORD);
  hi = cgc_round_down(hi, WORD);
  if (lo >= hi)
    return;
  cgc_root_counters.bytes += hi - lo;
  if (v->kind == CGC_ROOT_STACK)
    cgc_root_counters.stack_bytes += hi - lo;
  v->fn(lo, hi, v->kind, v->ctx);
}

static void give_kind(struct visit *v, enum cgc_root_kind kind, uintptr_t lo,
                      uintptr_t hi) {
  v->kind = kind;
  give(lo, hi, v);
}

/*
 * Data that the program names, too, as Guile does, is visited by its name
 * alone; but where words may stand at any address, one may reach into it.
 */
static void give_allowed(uintptr_t lo, uintptr_t hi, struct visit *v) {
  bool by_name =
      v->kind == CGC_ROOT_DATA && !cgc_options.unaligned && !cgc_options.packed;
  (by_name ? cgc_range_visit_unnamed : cgc_range_visit_allowed)(lo, hi, give,
                                                                v);
}

/* Its pages are asked for as a file's: anonymous ones are never a file's. */
static bool is_plain(const struct cgc_mapping *m) {
  return !m->shared && m->kind <= CGC_MAPPING_STACK;
}

static enum cgc_mapping_pages pages_of(const struct cgc_mapping *m) {
  if (m->shared)
    return CGC_MAPPING_SHARED;
  /* A file's own bytes are no pointers into our heap, copies may be. */
  return is_plain(m) ? CGC_MAPPING_COPIED : CGC_MAPPING_PRESENT;
}

/* M is the mapping under way; the dead part of a stack is left out. */
static void enter_mapping(struct visit *v, const struct cgc_mapping *m) {
  bool data = v->scope == CGC_ROOTS_DATA;
  v->mapping = m;
  v->living = data ? m->lo : living_part(m);
  v->kind =
      data ? CGC_ROOT_DATA : kind_of(m, v->living != m->lo || only_stack_in(m));
  cgc_root_counters.nmappings++;
}

/* Pages of one mapping or of several. */
static void give_page(uintptr_t lo, uintptr_t hi, void *ctx) {
  struct visit *v = ctx;
  if (lo < v->mapping->lo) /* the look-up began anew */
    enter_mapping(v, v->first);
  for (uintptr_t end; lo < hi; lo = end) {
    while (v->mapping->hi <= lo)
      enter_mapping(v, v->mapping + 1);
    end = cgc_min(hi, v->mapping->hi);
    give_allowed(cgc_max(lo, cgc_max(v->lo, v->living)), end, v);
  }
}

/* Resident pages of [LO, HI), a part of the mappings under way. */
static void give_pages(struct visit *v, uintptr_t lo, uintptr_t hi) {
  v->lo = lo;
  uintptr_t first = cgc_round_down(lo, CGC_OS_PAGE);
  uintptr_t last = cgc_round_up(hi, CGC_OS_PAGE);
  if (lo < hi)
    cgc_mapping_resident(&v->pages, first, last, pages_of(v->mapping),
                         give_page, v);
}

/* [LO, HI) without what is ours. */
static void give_foreign(struct visit *v, uintptr_t lo, uintptr_t hi) {
  uintptr_t own_lo, own_hi;
  while (lo < hi && cgc_page_is_own(lo, hi, &own_lo, &own_hi)) {
    if (lo < own_lo)
      give_pages(v, lo, own_lo);
    lo = own_hi;
  }
  if (lo < hi)
    give_pages(v, lo, hi);
}

/* ---- threads ------------------------------------------------------------- */

static void visit_registers(struct cgc_mutator *m, void *ctx) {
  struct visit *v = ctx;
  give_kind(v, CGC_ROOT_REGISTERS, (uintptr_t)m->regs,
            (uintptr_t)(m->regs + m->nregs));
  give_kind(v, CGC_ROOT_REGISTERS, m->vector_lo, m->vector_hi);
  give_kind(v, CGC_ROOT_REGISTERS, (uintptr_t)&m->alternate_stack,
            (uintptr_t)(&m->alternate_stack + 1));
}

static bool is_scannable(const struct cgc_mapping *m) {
  return m && (m->prot & CGC_MAPPING_READ) && m->kind != CGC_MAPPING_DEVICE &&
         m->kind != CGC_MAPPING_SPECIAL;
}

/* From ADDR to the end of the mapping that holds it. */
static void visit_from(struct visit *v, uintptr_t addr, bool whole) {
  const struct cgc_mapping *m = cgc_mapping_find(&mappings, addr);
  if (!is_scannable(m))
    return;
  v->first = v->mapping = m;
  v->living = 0;
  v->kind = CGC_ROOT_STACK;
  give_foreign(v, whole ? m->lo : addr, m->hi);
}

static bool same_mapping(uintptr_t a, uintptr_t b) {
  const struct cgc_mapping *m = cgc_mapping_find(&mappings, a);
  return m && m->lo <= b && b < m->hi;
}

/* Of a stack whose end alone was told, the rest is in the same mapping. */
static bool is_on_told_stack(const struct cgc_mutator *m) {
  return m->stack_lo <= m->sp && m->sp < m->stack_hi &&
         (m->stack_lo || same_mapping(m->sp, m->stack_hi - 1));
}

/* Scopes DATA and NAMED: nobody else visits the mappings that stacks lie in. */
static void visit_stack(struct cgc_mutator *m, void *ctx) {
  struct visit *v = ctx;
  uintptr_t sp = lowest_word(m);
  if (is_on_told_stack(m)) {
    give_kind(v, CGC_ROOT_STACK, sp, m->stack_hi);
  } else {
    visit_from(v, sp, false);
    if (m->stack_lo && m->stack_lo < m->stack_hi)
      give_kind(v, CGC_ROOT_STACK, m->stack_lo, m->stack_hi);
    else if (m->home && !same_mapping(sp, m->home))
      visit_from(v, m->home, true);
  }
  if (m->fs_base && !same_mapping(sp, m->fs_base))
    visit_from(v, m->fs_base, true);
}

/* ---- mappings ------------------------------------------------------------ */

static bool is_wanted_shared(const struct cgc_mapping *m) {
  return m->kind == CGC_MAPPING_SHM ||
         (m->kind == CGC_MAPPING_FILE && cgc_options.shared_files);
}

/*
 * Private pages that are read-only now may have been written to before: the
 * loader's relocated data, a runtime's frozen image, machine code.
 */
static bool is_wanted(const struct cgc_mapping *m) {
  if (!is_scannable(m))
    return false;
  if (m->shared)
    return (m->prot & CGC_MAPPING_WRITE) && is_wanted_shared(m);
  return true;
}

/*
 * Data of a loaded file, and the pages behind it that its .bss is; its code is
 * a third of the pages to look at, and holds no pointers into the heap.
 */
static bool is_data(const struct cgc_mapping *m) {
  const struct cgc_mapping *below = cgc_mapping_below(&mappings, m);
  bool is_code = m->prot & CGC_MAPPING_EXEC && !(m->prot & CGC_MAPPING_WRITE);
  if (m->shared)
    return false;
  if (m->kind == CGC_MAPPING_FILE)
    return !is_code;
  return (m->prot & CGC_MAPPING_WRITE) && m->kind == CGC_MAPPING_ANON &&
         below && below->kind == CGC_MAPPING_FILE && !below->shared &&
         (below->prot & CGC_MAPPING_WRITE);
}

static bool is_wanted_here(const struct visit *v, const struct cgc_mapping *m) {
  return is_wanted(m) && (v->scope == CGC_ROOTS_ALL_MAPPINGS ||
                          (v->scope == CGC_ROOTS_DATA && is_data(m)));
}

/* M, the next one after LAST, may be looked up together with it. */
static bool may_join(const struct visit *v, const struct cgc_mapping *last,
                     const struct cgc_mapping *m) {
  size_t gap = v->pages.way == CGC_MAPPING_WAY_SCAN ? GAP_MAX : 0;
  return is_plain(last) && is_plain(m) && m->lo - last->hi <= gap &&
         is_wanted_here(v, m);
}

/*
 * M and those behind it that may be looked up with it: a look-up costs a
 * microsecond, however small the mapping.
 * returns  the first that was not visited
 */
static const struct cgc_mapping *visit_some(struct visit *v,
                                            const struct cgc_mapping *m) {
  const struct cgc_mapping *last = m;
  while (last + 1 < mappings.all + mappings.n && may_join(v, last, last + 1))
    last++;
  v->first = m;
  enter_mapping(v, m);
  give_foreign(v, v->living, last->hi);
  return last + 1;
}

static void visit_mappings(struct visit *v) {
  const struct cgc_mapping *m = mappings.all;
  while (m < mappings.all + mappings.n)
    m = is_wanted_here(v, m) ? visit_some(v, m) : m + 1;
}

/* ---- the contract -------------------------------------------------------- */

static int prepare(void) {
  bool ok = true;
  int err = cgc_mapping_read(&mappings);
  if (err)
    return err;
  stacks.n = 0;
  cgc_mutator_each_thread(collect_stack, &ok);
  if (!ok)
    return -ENOMEM;
  sort_stacks();
  return 0;
}

static void visit_all(struct visit *v) {
  cgc_mutator_each_thread(visit_registers, v);
  if (v->scope != CGC_ROOTS_ALL_MAPPINGS)
    cgc_mutator_each_thread(visit_stack, v);
  visit_mappings(v);
  v->kind = CGC_ROOT_NAMED;
  cgc_range_visit(give, v);
  v->kind = CGC_ROOT_KERNEL;
  cgc_kernel_visit(give, v);
}

int cgc_root_visit(enum cgc_root_scope scope, cgc_root_fn fn, void *ctx) {
  struct visit v = {.scope = scope, .fn = fn, .ctx = ctx};
  uint64_t start = cgc_thread_now_ns();
  int err = prepare();
  if (err)
    return err;
  cgc_root_counters = (struct cgc_root_counters){0};
  cgc_mapping_resident_begin(&v.pages, CGC_MAPPING_WAY_SCAN);
  visit_all(&v);
  cgc_mapping_resident_end(&v.pages);
  cgc_root_counters.ns = cgc_thread_now_ns() - start;
  return 0;
}
