/* SPDX-License-Identifier: MIT */
#include "mark/disclaim.h"

#include "heap/walk.h"
#include "mark/table.h"

/* The word of a record that says whether it was taken. */
enum { TAKEN };

struct disclaimer {
  cgc_disclaim_fn fn;
  bool mark_from_all;
};

static struct {
  struct cgc_lock lock;
  struct cgc_table table;  /* what waits or was taken; guard: lock */
  size_t at;               /* where take goes on; guard: lock */
  _Atomic size_t nwaiting; /* written under lock */
  bool any;                /* some kind has a function; only set */
  bool any_marks;          /* some kind marks from all; only set */
  struct disclaimer of[CGC_KIND_LIMIT]; /* set before the kind has objects */
} disclaim = {.lock = CGC_LOCK_INIT(CGC_RANK_DISCLAIM)};

void cgc_disclaim_init(void) { cgc_lock_register(&disclaim.lock); }

void cgc_disclaim_set(enum cgc_kind kind, cgc_disclaim_fn fn,
                      bool mark_from_all) {
  cgc_check(kind < CGC_KIND_LIMIT && !cgc_kind_is_pinned(kind));
  disclaim.of[kind] = (struct disclaimer){fn, mark_from_all};
  disclaim.any = true;
  disclaim.any_marks |= mark_from_all;
}

size_t cgc_disclaim_waiting(void) {
  return atomic_load_explicit(&disclaim.nwaiting, memory_order_relaxed);
}

static void add_waiting(size_t n) {
  atomic_store_explicit(&disclaim.nwaiting, cgc_disclaim_waiting() + n,
                        memory_order_relaxed);
}

/* ---- In a cycle ------------------------------------------------------- */

static uint64_t bit_of(const struct cgc_object *obj) {
  return 1ULL << (obj->index % 64);
}

/* Marked, and as if it were scanned; once is enough. */
static void mark_alone(struct cgc_marker *m, const struct cgc_object *obj) {
  const struct cgc_arena *arena = &m->heap->arena;
  uint32_t word = obj->index / 64;
  if (cgc_object_is_marked(arena, obj))
    return;
  cgc_arena_mark_words(arena, obj->span)[word] |= bit_of(obj);
  cgc_arena_scanned_words(arena, obj->span)[word] |= bit_of(obj);
  m->marked_objects++;
  m->marked_bytes += obj->size;
}

void cgc_disclaim_keep(struct cgc_marker *m) {
  struct cgc_object obj;
  for (size_t i = 0; i < cgc_table_capacity(&disclaim.table); i++) {
    uintptr_t addr = disclaim.table.records[i].key;
    if (addr && cgc_arena_find(&m->heap->arena, addr, &obj))
      mark_alone(m, &obj);
  }
}

static void scan_object(const struct cgc_object *obj, void *ctx) {
  cgc_marker_scan_object(ctx, (enum cgc_kind)obj->span->kind, obj->addr,
                         obj->addr + obj->size);
}

static void scan_span(struct cgc_span *span, void *ctx) {
  if (disclaim.of[span->kind].mark_from_all)
    cgc_walk_span(span, scan_object, ctx);
}

void cgc_disclaim_scan(struct cgc_marker *m) {
  if (disclaim.any_marks)
    cgc_heap_each_span(m->heap, scan_span, m);
}

static void find_object(const struct cgc_object *obj, void *ctx) {
  struct cgc_marker *m = ctx;
  if (cgc_object_is_marked(&m->heap->arena, obj))
    return;
  mark_alone(m, obj);
  if (!cgc_table_insert(&disclaim.table, obj->addr))
    return;
  cgc_span_set_special(obj->span, obj->index, true);
  add_waiting(1);
}

static void find_span(struct cgc_span *span, void *ctx) {
  if (disclaim.of[span->kind].fn)
    cgc_walk_span(span, find_object, ctx);
}

size_t cgc_disclaim_find(struct cgc_marker *m) {
  disclaim.at = 0;
  if (disclaim.any)
    cgc_heap_each_span(m->heap, find_span, m);
  return cgc_disclaim_waiting();
}

/* ---- Afterwards ------------------------------------------------------- */

/* Somebody waits, so the search ends; records move when others are removed. */
static struct cgc_record *next_waiting(void) {
  size_t capacity = cgc_table_capacity(&disclaim.table);
  for (;; disclaim.at++) {
    struct cgc_record *r = &disclaim.table.records[disclaim.at % capacity];
    if (r->key && !r->word[TAKEN])
      return r;
  }
}

static cgc_disclaim_fn fn_of(uintptr_t addr) {
  uint32_t desc = cgc_heap.arena.desc[cgc_arena_page_of(&cgc_heap.arena, addr)];
  return disclaim.of[cgc_desc_kind(desc)].fn;
}

bool cgc_disclaim_take(struct cgc_disclaim_call *call) {
  cgc_lock(&disclaim.lock);
  bool found = cgc_disclaim_waiting() > 0;
  if (found) {
    struct cgc_record *r = next_waiting();
    *call = (struct cgc_disclaim_call){fn_of(r->key), (void *)r->key};
    r->word[TAKEN] = true;
    add_waiting((size_t)-1);
  }
  cgc_unlock(&disclaim.lock);
  return found;
}

static bool remove_record(uintptr_t addr) {
  cgc_lock(&disclaim.lock);
  struct cgc_record *r = cgc_table_find(&disclaim.table, addr);
  if (r) {
    if (!r->word[TAKEN])
      add_waiting((size_t)-1);
    cgc_table_remove(&disclaim.table, r);
    cgc_table_shrink(&disclaim.table);
  }
  cgc_unlock(&disclaim.lock);
  return r != NULL;
}

bool cgc_disclaim_done(const void *obj) {
  return remove_record((uintptr_t)obj);
}

void cgc_disclaim_forget(uintptr_t addr) {
  if (disclaim.any)
    remove_record(addr);
}

void cgc_disclaim_check(void) {
  size_t n = 0;
  struct cgc_object obj;
  cgc_table_check(&disclaim.table);
  for (size_t i = 0; i < cgc_table_capacity(&disclaim.table); i++) {
    const struct cgc_record *r = &disclaim.table.records[i];
    if (!r->key)
      continue;
    n += !r->word[TAKEN];
    cgc_check(cgc_arena_find(&cgc_heap.arena, r->key, &obj));
    cgc_check(obj.addr == r->key);
    cgc_check(obj.span->slots[obj.index] ==
              (CGC_SLOT_LIVE | CGC_SLOT_SPECIAL)); /* I1 */
    cgc_check(disclaim.of[obj.span->kind].fn);     /* I1 */
  }
  cgc_check(n == cgc_disclaim_waiting()); /* I2 */
}
