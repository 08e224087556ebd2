/* SPDX-License-Identifier: MIT */
#include "mark/toggle.h"

#include "mark/table.h"

#include <errno.h>

/* The word of a record: enum cgc_toggle. */
enum { IS };

static struct {
  struct cgc_lock lock;
  struct cgc_table table; /* guard: lock */
  _Atomic(cgc_toggle_fn) fn;
} toggle = {.lock = CGC_LOCK_INIT(CGC_RANK_TOGGLE)};

void cgc_toggle_init(void) { cgc_lock_register(&toggle.lock); }

void cgc_toggle_set(cgc_toggle_fn fn) {
  atomic_store_explicit(&toggle.fn, fn, memory_order_relaxed);
}

cgc_toggle_fn cgc_toggle_get(void) {
  return atomic_load_explicit(&toggle.fn, memory_order_relaxed);
}

int cgc_toggle_add(void *obj, bool strong) {
  struct cgc_object o;
  if (!cgc_arena_find(&cgc_heap.arena, (uintptr_t)obj, &o) ||
      o.addr != (uintptr_t)obj || !cgc_object_is_live(&o))
    return -EINVAL;
  cgc_lock(&toggle.lock);
  struct cgc_record *r = cgc_table_insert(&toggle.table, o.addr);
  if (r) {
    r->word[IS] = strong ? CGC_TOGGLE_STRONG : CGC_TOGGLE_WEAK;
    cgc_span_set_special(o.span, o.index, true);
  }
  cgc_unlock(&toggle.lock);
  return r ? 0 : -ENOMEM;
}

void cgc_toggle_forget(uintptr_t addr) {
  cgc_lock(&toggle.lock);
  struct cgc_record *r = cgc_table_find(&toggle.table, addr);
  if (r)
    cgc_table_remove(&toggle.table, r);
  cgc_unlock(&toggle.lock);
}

/* Keep the records for which KEEP says so. */
static void filter(bool (*keep)(struct cgc_record *r, void *ctx), void *ctx) {
  for (size_t i = 0; i < cgc_table_capacity(&toggle.table);) {
    struct cgc_record *r = &toggle.table.records[i];
    if (r->key && !keep(r, ctx))
      cgc_table_remove(&toggle.table, r);
    else
      i++;
  }
  cgc_table_shrink(&toggle.table);
}

static bool ask(struct cgc_record *r, void *ctx) {
  cgc_toggle_fn fn = *(cgc_toggle_fn *)ctx;
  r->word[IS] = fn((void *)r->key);
  return r->word[IS] != CGC_TOGGLE_DROP;
}

void cgc_toggle_ask(void) {
  cgc_toggle_fn fn = cgc_toggle_get();
  if (!fn)
    return;
  cgc_lock(&toggle.lock);
  filter(ask, &fn);
  cgc_unlock(&toggle.lock);
}

static bool visit(struct cgc_record *r, void *ctx) {
  if (r->word[IS] == CGC_TOGGLE_STRONG)
    cgc_marker_mark_word(ctx, r->key);
  return true;
}

void cgc_toggle_visit_roots(struct cgc_marker *marker) {
  filter(visit, marker);
}

static bool is_marked(struct cgc_record *r, void *ctx) {
  const struct cgc_heap *heap = ctx;
  struct cgc_object obj;
  return cgc_arena_find(&heap->arena, r->key, &obj) &&
         cgc_object_is_marked(&heap->arena, &obj);
}

void cgc_toggle_clear_dead(const struct cgc_heap *heap) {
  filter(is_marked, (void *)(uintptr_t)heap);
}

size_t cgc_toggle_count(void) {
  cgc_lock(&toggle.lock);
  size_t n = toggle.table.n;
  cgc_unlock(&toggle.lock);
  return n;
}

void cgc_toggle_check(void) {
  struct cgc_object obj;
  cgc_table_check(&toggle.table);
  for (size_t i = 0; i < cgc_table_capacity(&toggle.table); i++) {
    uintptr_t addr = toggle.table.records[i].key;
    if (!addr)
      continue;
    cgc_check(cgc_arena_find(&cgc_heap.arena, addr, &obj));
    cgc_check(obj.addr == addr);
    cgc_check(obj.span->slots[obj.index] & CGC_SLOT_SPECIAL); /* I1 */
  }
}
