/* SPDX-License-Identifier: MIT */
#include "look/loss.h"

#include "base/option.h"
#include "heap/walk.h"
#include "look/block.h"
#include "look/module.h"
#include "look/ended.h"
#include "mark/final.h"
#include "mark/worker.h"
#include "os/page.h"
#include "world/mutator.h"
#include "world/range.h"

#include <errno.h>

enum { WORD = sizeof(uintptr_t), FIRST_WORK = 8 << 10, RED_ZONE = 128 };

/* Objects that a walk has seen and not read yet. */
struct work {
  uintptr_t *all; /* own memory */
  size_t n;
  size_t capacity;
};

struct finder {
  const struct cgc_work *survey;
  const struct cgc_loss_query *query;
  struct cgc_loss *loss;
  struct cgc_range_set dead; /* no roots */
  struct work work;
  size_t ncandidates;
  enum cgc_class class; /* of the walk under way */
  int err;
};

static const struct cgc_holder nobody;
static const struct cgc_amount nothing;

/* ---- Marking ------------------------------------------------------------- */

/* returns  whether it was not marked before */
static bool mark(const struct cgc_object *obj) {
  uint64_t *words = cgc_arena_mark_words(&cgc_heap.arena, obj->span);
  uint64_t bit = 1ULL << (obj->index % 64);
  bool was = words[obj->index / 64] & bit;
  words[obj->index / 64] |= bit;
  return !was;
}

static void scan_living(uintptr_t lo, uintptr_t hi, void *marker) {
  cgc_marker_scan_range(marker, lo, hi);
}

struct roots {
  struct finder *f;
  struct cgc_marker *marker;
};

static void scan_root(uintptr_t lo, uintptr_t hi, enum cgc_root_kind kind,
                      void *ctx) {
  struct roots *roots = ctx;
  if (kind == CGC_ROOT_CODE)
    cgc_marker_scan_unaligned(roots->marker, lo, hi);
  else
    cgc_range_set_subtract(&roots->f->dead, lo, hi, scan_living, roots->marker);
}

static void mark_stack_block(struct cgc_mutator *m, void *marker) {
  cgc_marker_mark_word(marker, m->sp);
}

/*
 * What programs without a collector in mind may do to a pointer counts in the
 * look for what is unsure, not here.
 */
static struct cgc_options plain_words(void) {
  struct cgc_options saved = cgc_options;
  cgc_options.packed = cgc_options.relative = cgc_options.unaligned = 0;
  cgc_options.tagged = cgc_options.before_start = 0;
  return saved;
}

static void mark_from_roots(struct finder *f) {
  struct cgc_options saved = plain_words();
  struct cgc_marker *marker = cgc_workers_open(f->survey->workers, &cgc_heap,
                                               cgc_heap_in_use(&cgc_heap));
  struct roots roots = {f, marker};
  f->err = cgc_root_visit(f->survey->scope, scan_root, &roots);
  cgc_mutator_each(mark_stack_block, marker);
  cgc_final_visit_roots(marker);
  cgc_marker_scan_pinned(marker);
  cgc_workers_finish(f->survey->workers);
  cgc_options = saved;
}

/* ---- Walking ------------------------------------------------------------- */

static bool grow_work(struct work *w) {
  uintptr_t *fresh =
      cgc_page_grow(w->all, &w->capacity, sizeof *fresh, FIRST_WORK);
  if (fresh)
    w->all = fresh;
  return fresh;
}

/* What cannot be walked for want of memory becomes a head of its own. */
static void push(struct work *w, uintptr_t addr) {
  if (w->n < w->capacity || grow_work(w))
    w->all[w->n++] = addr;
}

/* returns  the bytes that count: as asked for, or all of the slot */
static size_t length(const struct cgc_object *obj,
                     const struct cgc_block *block) {
  return cgc_block_is_tracked(block) ? block->size : obj->size;
}

typedef void (*meet_fn)(struct finder *f, const struct cgc_object *obj,
                        void *ctx);

static void meet_word(struct finder *f, uintptr_t word, meet_fn meet,
                      void *ctx) {
  struct cgc_object obj;
  if (cgc_arena_find(&cgc_heap.arena, word, &obj) && cgc_object_is_live(&obj))
    meet(f, &obj, ctx);
}

CGC_SCANS_MEMORY
static void read_words(struct finder *f, uintptr_t lo, uintptr_t hi,
                       meet_fn meet, void *ctx) {
  const struct cgc_arena *arena = &cgc_heap.arena;
  for (; lo + WORD <= hi; lo += WORD) {
    uintptr_t word = *(const uintptr_t *)lo;
    if (cgc_arena_contains(arena, word))
      meet_word(f, word, meet, ctx);
  }
}

/* Read all that waits, and what that leads to. */
static void finish_walk(struct finder *f, meet_fn meet, void *ctx) {
  while (f->work.n) {
    struct cgc_object obj;
    if (!cgc_arena_find(&cgc_heap.arena, f->work.all[--f->work.n], &obj) ||
        cgc_kind_is_noscan(obj.span->kind))
      continue;
    read_words(f, obj.addr, obj.addr + length(&obj, cgc_block_find(&obj)), meet,
               ctx);
  }
}

/* ---- Counting ------------------------------------------------------------ */

/* The blocks of one head. */
struct count {
  struct cgc_amount all;
  struct cgc_amount fresh;
};

/* What a block of each class remembers of having been in a report. */
static const uint16_t told[CGC_CLASS_KINDS] = {
    [CGC_CLASS_LOST] = CGC_BLOCK_TOLD,
    [CGC_CLASS_UNSURE] = CGC_BLOCK_HINTED,
};

static void count_block(struct finder *f, struct count *c,
                        struct cgc_block *block) {
  struct cgc_amount one = {1, block->size};
  cgc_amount_add(&c->all, one);
  if (!(block->flags & told[f->class]))
    cgc_amount_add(&c->fresh, one);
  block->flags |= told[f->class];
}

static void count_met(struct finder *f, const struct cgc_object *obj,
                      void *ctx) {
  if (!mark(obj))
    return;
  struct cgc_block *block = cgc_block_find(obj);
  if (cgc_block_is_tracked(block))
    count_block(f, ctx, block);
  push(&f->work, obj->addr);
}

/* OBJ, not marked yet, is a head of CLASS: it takes what it leads to. */
static void take_head(struct finder *f, const struct cgc_object *obj,
                      enum cgc_class class, struct cgc_holder holder) {
  const struct cgc_block *block = cgc_block_find(obj);
  bool tracked = cgc_block_is_tracked(block);
  struct cgc_amount head = {tracked, tracked ? block->size : 0};
  struct count c = {{0, 0}, {0, 0}};
  f->class = class;
  count_met(f, obj, &c);
  finish_walk(f, count_met, &c);
  c.all.objects -= head.objects;
  c.all.bytes -= head.bytes;
  if (head.objects + c.all.objects == 0)
    return;
  struct cgc_group *g =
      cgc_groups_find(&f->loss->groups, class,
                      tracked ? block->stack : CGC_STACK_UNKNOWN, holder);
  if (g)
    cgc_groups_add(&f->loss->groups, g, obj->addr, head, c.all, c.fresh);
}

static bool is_marked(const struct cgc_object *obj) {
  return cgc_object_is_marked(&cgc_heap.arena, obj);
}

/* ---- Candidates ---------------------------------------------------------- */

static void look_at_block(const struct cgc_object *obj, void *ctx) {
  struct finder *f = ctx;
  struct cgc_block *block = cgc_block_find(obj);
  if (!cgc_block_is_tracked(block))
    return;
  block->flags &= CGC_BLOCK_TOLD | CGC_BLOCK_HINTED;
  cgc_amount_add(&f->loss->tracked, (struct cgc_amount){1, block->size});
  if (!is_marked(obj)) {
    block->flags |= CGC_BLOCK_CANDIDATE;
    f->ncandidates++;
  }
}

/* A block that no root leads to, and that has no class yet. */
static bool is_open(const struct cgc_object *obj) {
  const struct cgc_block *block = cgc_block_find(obj);
  return cgc_block_is_tracked(block) && (block->flags & CGC_BLOCK_CANDIDATE) &&
         !is_marked(obj);
}

/* ---- Only the dead stack ------------------------------------------------- */

static void take_if_open(struct finder *f, const struct cgc_object *obj,
                         void *ctx) {
  (void)ctx;
  if (is_open(obj))
    take_head(f, obj, CGC_CLASS_STACK_ONLY, nobody);
}

static void take_from_stack(struct finder *f) {
  if (!f->query->main_returned)
    read_words(f, f->query->dead_lo, f->query->dead_hi, take_if_open, NULL);
}

/* ---- Only odd words ------------------------------------------------------ */

typedef uintptr_t odd_word __attribute__((aligned(1), may_alias));
static const uintptr_t address_bits = ((uintptr_t)1 << 48) - 1;

/* At an odd place, or tagged: only a block's start counts. */
static void try_odd(struct finder *f, uintptr_t word) {
  struct cgc_object obj;
  if (cgc_arena_find(&cgc_heap.arena, word, &obj) && obj.addr == word &&
      cgc_object_is_live(&obj) && is_open(&obj))
    take_head(f, &obj, CGC_CLASS_UNSURE, nobody);
}

CGC_SCANS_MEMORY
static void read_odd(uintptr_t lo, uintptr_t hi, void *ctx) {
  struct finder *f = ctx;
  const struct cgc_arena *arena = &cgc_heap.arena;
  for (; lo + WORD <= hi; lo++) {
    uintptr_t word = *(const odd_word *)lo & address_bits;
    if (cgc_unlikely(cgc_arena_contains(arena, word)))
      try_odd(f, word);
  }
}

static void read_odd_root(uintptr_t lo, uintptr_t hi, enum cgc_root_kind kind,
                          void *ctx) {
  struct finder *f = ctx;
  (void)kind;
  cgc_range_set_subtract(&f->dead, lo, hi, read_odd, f);
}

static void read_odd_block(const struct cgc_object *obj, void *ctx) {
  struct finder *f = ctx;
  if (is_marked(obj) && !cgc_kind_is_noscan(obj->span->kind))
    read_odd(obj->addr, obj->addr + length(obj, cgc_block_find(obj)), f);
}

static void take_from_odd_words(struct finder *f) {
  cgc_root_visit(f->survey->scope, read_odd_root, f);
  cgc_walk_objects(&cgc_heap, read_odd_block, f);
}

/* ---- Heads of what is lost ----------------------------------------------- */

/*
 * Blocks that malloc did not make are not looked through: what only they lead
 * to is a head.
 */
static void meet_lost(struct finder *f, const struct cgc_object *obj,
                      void *head) {
  struct cgc_block *block = cgc_block_find(obj);
  if (!is_open(obj))
    return;
  if (!(block->flags & CGC_BLOCK_WALKED)) {
    block->flags |= CGC_BLOCK_WALKED;
    push(&f->work, obj->addr);
  } else if (block != head) {
    block->flags &= ~CGC_BLOCK_HEAD;
  }
}

static void walk_lost(const struct cgc_object *obj, void *ctx) {
  struct finder *f = ctx;
  struct cgc_block *block = cgc_block_find(obj);
  if (!is_open(obj) || block->flags & CGC_BLOCK_WALKED)
    return;
  meet_lost(f, obj, block);
  block->flags |= CGC_BLOCK_HEAD;
  finish_walk(f, meet_lost, block);
}

static void take_lost_head(const struct cgc_object *obj, void *ctx) {
  struct finder *f = ctx;
  if (is_open(obj) && cgc_block_find(obj)->flags & CGC_BLOCK_HEAD)
    take_head(f, obj, CGC_CLASS_LOST, nobody);
}

static void take_lost(struct finder *f) {
  cgc_walk_objects(&cgc_heap, walk_lost, f);
  cgc_walk_objects(&cgc_heap, take_lost_head, f);
}

/* ---- What is reachable, by holder ---------------------------------------- */

struct holding {
  struct cgc_holder holder; /* of the range under way */
  enum cgc_root_kind kind;
};

struct nearest {
  uintptr_t addr;
  const struct cgc_mutator *m;
};

static void look_for_thread(struct cgc_mutator *m, void *ctx) {
  struct nearest *n = ctx;
  uintptr_t regs = (uintptr_t)m->regs;
  if (n->addr - regs < sizeof m->regs) {
    n->m = m;
    return;
  }

  if (m->sp && m->sp - RED_ZONE <= n->addr && (!n->m || m->sp > n->m->sp))
    n->m = m;
}

static struct cgc_holder holder_of(uintptr_t addr, enum cgc_root_kind kind,
                                   uintptr_t lo) {
  unsigned module = cgc_module_find(addr);
  struct nearest n = {addr, NULL};
  if (kind == CGC_ROOT_STACK || kind == CGC_ROOT_REGISTERS)
    cgc_mutator_each_thread(look_for_thread, &n);
  if (n.m)
    return (struct cgc_holder){CGC_HOLDER_THREAD, 0, (uintptr_t)n.m->tid};
  if (module)
    return (struct cgc_holder){CGC_HOLDER_DATA, module,
                               addr - cgc_module_get(module)->bias};
  return (struct cgc_holder){CGC_HOLDER_MAPPING, 0, lo};
}

struct root_range {
  struct finder *f;
  enum cgc_root_kind kind;
};

CGC_SCANS_MEMORY
static void hold_range(uintptr_t lo, uintptr_t hi, void *ctx) {
  struct root_range *range = ctx;
  struct finder *f = range->f;
  struct cgc_object obj;
  for (uintptr_t at = lo; at + WORD <= hi; at += WORD)
    if (cgc_arena_find(&cgc_heap.arena, *(const uintptr_t *)at, &obj) &&
        cgc_object_is_live(&obj) && !is_marked(&obj))
      take_head(f, &obj, CGC_CLASS_REACHABLE, holder_of(at, range->kind, lo));
}

static void hold_root(uintptr_t lo, uintptr_t hi, enum cgc_root_kind kind,
                      void *ctx) {
  struct root_range range = {ctx, kind};
  cgc_range_set_subtract(&range.f->dead, lo, hi, hold_range, &range);
}

static void take_reachable(struct finder *f) {
  cgc_heap_prepare_marks(&cgc_heap);
  cgc_root_visit(f->survey->scope, hold_root, f);
}

/* ---- What is live, by stack ---------------------------------------------- */

static void count_live(const struct cgc_object *obj, void *ctx) {
  struct finder *f = ctx;
  const struct cgc_block *block = cgc_block_find(obj);
  struct cgc_groups *live = &f->loss->live;
  if (!cgc_block_is_tracked(block))
    return;
  struct cgc_group *g =
      cgc_groups_find(live, CGC_CLASS_REACHABLE, block->stack, nobody);
  if (g)
    cgc_groups_add(live, g, obj->addr, (struct cgc_amount){1, block->size},
                   nothing, nothing);
}

/* ---- All of it ----------------------------------------------------------- */

/* Our own frames, below the dead ones, are no roots, either. */
static bool find_dead(struct finder *f) {
  uintptr_t lo = cgc_min(cgc_self->sp - RED_ZONE, f->query->dead_lo);
  if (f->query->own_hi &&
      !cgc_range_set_add(&f->dead, f->query->own_lo, f->query->own_hi))
    return false;
  if (f->query->dead_hi && !cgc_range_set_add(&f->dead, lo, f->query->dead_hi))
    return false;
  return cgc_ended_stacks(&f->dead, f->query->main_hi);
}

static int examine(const struct cgc_work *survey, void *ctx) {
  struct finder *f = ctx;
  f->survey = survey;
  if (!find_dead(f))
    return -ENOMEM;
  mark_from_roots(f);
  if (f->err)
    return f->err;
  cgc_walk_objects(&cgc_heap, look_at_block, f);
  if (f->ncandidates) {
    take_from_stack(f);
    take_from_odd_words(f);
    take_lost(f);
  }
  if (f->query->reachable)
    take_reachable(f);
  if (f->query->growing)
    cgc_walk_objects(&cgc_heap, count_live, f);
  return 0;
}

int cgc_loss_find(const struct cgc_loss_query *query, struct cgc_loss *loss) {
  struct finder f = {.query = query, .loss = loss};
  cgc_groups_clear(&loss->groups);
  cgc_groups_clear(&loss->live);
  loss->tracked = (struct cgc_amount){0, 0};
  int err = cgc_cycle_survey(examine, &f);
  cgc_range_set_clear(&f.dead);
  cgc_page_unmap(f.work.all, f.work.capacity * sizeof *f.work.all);
  return err;
}
