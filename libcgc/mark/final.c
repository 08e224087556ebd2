/* SPDX-License-Identifier: MIT */
#include "mark/final.h"

#include "heap/meta.h"
#include "mark/table.h"

#include <errno.h>

/* The words of a record; 0 is none. */
enum { REGISTERED, READY };

static struct {
  struct cgc_lock lock;
  struct cgc_table table; /* guard: lock */
  struct cgc_link ready;  /* guard: lock */
  size_t count;           /* registered; guard: lock */
  _Atomic size_t nready;  /* written under lock */
  _Atomic uint64_t batches;
} final = {.lock = CGC_LOCK_INIT(CGC_RANK_FINAL),
           .ready = {&final.ready, &final.ready}};

const void *const cgc_final_view[1] = {&final.table};

void (*cgc_final_ready_hook)(void *obj);

void cgc_final_init(void) { cgc_lock_register(&final.lock); }

static struct cgc_final_entry *entry_of(const struct cgc_record *r, int which) {
  return (struct cgc_final_entry *)r->word[which];
}

static void add_ready(size_t n) {
  atomic_store_explicit(&final.nready, cgc_final_ready() + n,
                        memory_order_relaxed);
}

/* Frees ENTRY of RECORD, and the record if that was all. */
static void drop(struct cgc_record *record, int which) {
  struct cgc_final_entry *e = entry_of(record, which);
  record->word[which] = 0;
  if (!record->word[REGISTERED] && !record->word[READY])
    cgc_table_remove(&final.table, record);
  if (which == REGISTERED) {
    final.count--;
  } else {
    cgc_list_remove(&e->link);
    add_ready((size_t)-1);
  }
  cgc_meta_free(e, sizeof *e);
}

/* ---- Registering ------------------------------------------------------ */

static bool is_object(uintptr_t addr, struct cgc_object *obj) {
  return cgc_arena_find(&cgc_heap.arena, addr, obj) && obj->addr == addr &&
         cgc_object_is_live(obj);
}

static void remove_locked(uintptr_t addr) {
  struct cgc_record *r = cgc_table_find(&final.table, addr);
  if (r && r->word[REGISTERED])
    drop(r, REGISTERED);
}

static struct cgc_final_entry *new_entry(uintptr_t addr) {
  struct cgc_final_entry *e = cgc_meta_alloc(sizeof *e);
  if (!e)
    return NULL;
  struct cgc_record *r = cgc_table_insert(&final.table, addr);
  if (!r) {
    cgc_meta_free(e, sizeof *e);
    return NULL;
  }
  r->word[REGISTERED] = (uintptr_t)e;
  final.count++;
  return e;
}

static struct cgc_final_entry *find_registered(uintptr_t addr) {
  struct cgc_record *r = cgc_table_find(&final.table, addr);
  return r ? entry_of(r, REGISTERED) : NULL;
}

static int set_locked(const struct cgc_object *obj,
                      const struct cgc_final_entry *want) {
  struct cgc_final_entry *e = find_registered(obj->addr);
  if (!e)
    e = new_entry(obj->addr);
  if (!e)
    return -ENOMEM;
  *e = *want;
  cgc_span_set_special(obj->span, obj->index, true);
  return 0;
}

int cgc_final_register(void *obj, cgc_final_fn fn, void *data,
                       enum cgc_final_order order, cgc_final_fn *old_fn,
                       void **old_data) {
  struct cgc_final_entry want = {(uintptr_t)obj, fn, data, order, {NULL, NULL}};
  struct cgc_final_entry old = {.fn = NULL};
  struct cgc_object object;
  int result = 0;
  cgc_lock(&final.lock);
  struct cgc_final_entry *e = find_registered(want.obj);
  if (e)
    old = *e;
  if (!fn)
    remove_locked(want.obj);
  else if (is_object(want.obj, &object))
    result = set_locked(&object, &want);
  cgc_unlock(&final.lock);
  if (result == 0 && old_fn)
    *old_fn = old.fn;
  if (result == 0 && old_data)
    *old_data = old.data;
  return result;
}

void cgc_final_forget(uintptr_t addr) {
  struct cgc_record *r;
  cgc_lock(&final.lock);
  while ((r = cgc_table_find(&final.table, addr)))
    drop(r, r->word[REGISTERED] ? REGISTERED : READY);
  cgc_unlock(&final.lock);
}

/* ---- Finding ---------------------------------------------------------- */

typedef void (*record_fn)(struct cgc_marker *m, struct cgc_record *r);

/* FN does not insert or remove. */
static void each_record(struct cgc_marker *m, record_fn fn) {
  for (size_t i = 0; i < cgc_table_capacity(&final.table); i++)
    if (final.table.records[i].key)
      fn(m, &final.table.records[i]);
}

static void mark_record(struct cgc_marker *m, struct cgc_record *r) {
  const struct cgc_final_entry *registered = entry_of(r, REGISTERED);
  const struct cgc_final_entry *ready = entry_of(r, READY);
  if (registered)
    cgc_marker_mark_word(m, (uintptr_t)registered->data);
  if (ready) {
    cgc_marker_mark_word(m, ready->obj);
    cgc_marker_mark_word(m, (uintptr_t)ready->data);
  }
}

void cgc_final_visit_roots(struct cgc_marker *m) {
  cgc_lock(&final.lock);
  each_record(m, mark_record);
  cgc_unlock(&final.lock);
}

/* An object that became free behind our back counts as marked: it is skipped
   here, and so never handed to its finalizer. */
static bool is_dead(const struct cgc_marker *m, uintptr_t addr,
                    struct cgc_object *obj) {
  const struct cgc_arena *arena = &m->heap->arena;
  return cgc_arena_find(arena, addr, obj) && cgc_object_is_live(obj) &&
         !cgc_object_is_marked(arena, obj);
}

CGC_SCANS_MEMORY
static void mark_others(struct cgc_marker *m, const struct cgc_object *obj) {
  for (size_t at = 0; at < obj->size; at += sizeof(uintptr_t)) {
    uintptr_t word = *(const uintptr_t *)(obj->addr + at);
    if (word - obj->addr >= obj->size)
      cgc_marker_mark_word(m, word);
  }
  cgc_marker_drain(m);
}

/* Step 1. */
static void mark_children(struct cgc_marker *m, struct cgc_record *r) {
  const struct cgc_final_entry *e = entry_of(r, REGISTERED);
  struct cgc_object obj;
  if (!e || !is_dead(m, e->obj, &obj) ||
      cgc_kind_is_noscan((enum cgc_kind)obj.span->kind))
    return;
  if (e->order == CGC_FINAL_IGNORE_SELF) {
    mark_others(m, &obj);
  } else if (e->order != CGC_FINAL_NO_ORDER) {
    cgc_marker_scan_object(m, (enum cgc_kind)obj.span->kind, obj.addr,
                           obj.addr + obj.size);
  }
}

/* The record stays in its place. */
static void move_to_ready(struct cgc_record *r) {
  struct cgc_final_entry *e = entry_of(r, REGISTERED);
  cgc_check(!r->word[READY]);
  r->word[READY] = r->word[REGISTERED];
  r->word[REGISTERED] = 0;
  final.count--;
  cgc_list_push_back(&final.ready, &e->link);
  add_ready(1);
}

/* Step 2.  An object that is ready already is marked, so it has no second. */
static void make_ready(struct cgc_marker *m, struct cgc_record *r) {
  struct cgc_final_entry *e = entry_of(r, REGISTERED);
  struct cgc_object obj;
  if (e && is_dead(m, e->obj, &obj))
    move_to_ready(r);
}

static void unready(struct cgc_final_entry *e) {
  struct cgc_record *r = cgc_table_find(&final.table, e->obj);
  r->word[REGISTERED] = r->word[READY];
  r->word[READY] = 0;
  final.count++;
  cgc_list_remove(&e->link);
  add_ready((size_t)-1);
}

static void mark_one(struct cgc_marker *m, uintptr_t addr) {
  cgc_marker_mark_word(m, addr);
  cgc_marker_drain(m);
}

/* Steps 3 and 4, for the queue behind LAST. */
static void mark_ready(struct cgc_marker *m, struct cgc_link *last) {
  for (struct cgc_link *l = last->next; l != &final.ready; l = l->next) {
    struct cgc_final_entry *e = cgc_list_entry(l, struct cgc_final_entry, link);
    if (e->order != CGC_FINAL_UNREACHABLE)
      mark_one(m, e->obj);
  }
  struct cgc_link *next;
  for (struct cgc_link *l = last->next; l != &final.ready; l = next) {
    struct cgc_final_entry *e = cgc_list_entry(l, struct cgc_final_entry, link);
    struct cgc_object obj;
    next = l->next;
    if (e->order != CGC_FINAL_UNREACHABLE)
      continue;
    if (is_dead(m, e->obj, &obj))
      mark_one(m, e->obj);
    else
      unready(e);
  }
}

static void tell_ready(struct cgc_link *last) {
  if (!cgc_final_ready_hook)
    return;
  for (struct cgc_link *l = last->next; l != &final.ready; l = l->next)
    cgc_final_ready_hook(
        (void *)cgc_list_entry(l, struct cgc_final_entry, link)->obj);
}

size_t cgc_final_find(struct cgc_marker *m) {
  cgc_lock(&final.lock);
  size_t before = cgc_final_ready();
  struct cgc_link *last = final.ready.prev;
  each_record(m, mark_children);
  cgc_marker_drain(m);
  each_record(m, make_ready);
  mark_ready(m, last);
  tell_ready(last);
  cgc_table_shrink(&final.table);
  size_t found = cgc_final_ready() - before;
  if (found)
    atomic_fetch_add_explicit(&final.batches, 1, memory_order_relaxed);
  cgc_unlock(&final.lock);
  return found;
}

static void force_ready(struct cgc_marker *m, struct cgc_record *r) {
  (void)m;
  if (r->word[REGISTERED] && !r->word[READY])
    move_to_ready(r);
}

size_t cgc_final_ready_all(void) {
  cgc_lock(&final.lock);
  each_record(NULL, force_ready);
  size_t n = cgc_final_ready();
  cgc_unlock(&final.lock);
  return n;
}

/* ---- Running ---------------------------------------------------------- */

bool cgc_final_take(struct cgc_final_call *call) {
  cgc_lock(&final.lock);
  struct cgc_link *first = cgc_list_first(&final.ready);
  if (first) {
    const struct cgc_final_entry *e =
        cgc_list_entry(first, struct cgc_final_entry, link);
    *call = (struct cgc_final_call){e->fn, (void *)e->obj, e->data};
    drop(cgc_table_find(&final.table, e->obj), READY);
  }
  cgc_unlock(&final.lock);
  return first != NULL;
}

size_t cgc_final_ready(void) {
  return atomic_load_explicit(&final.nready, memory_order_relaxed);
}

uint64_t cgc_final_batches(void) {
  return atomic_load_explicit(&final.batches, memory_order_relaxed);
}

size_t cgc_final_count(void) {
  cgc_lock(&final.lock);
  size_t n = final.count;
  cgc_unlock(&final.lock);
  return n;
}

/* ---- Checking --------------------------------------------------------- */

static void check_record(struct cgc_marker *m, struct cgc_record *r) {
  struct cgc_object obj;
  (void)m;
  cgc_check(r->word[REGISTERED] || r->word[READY]);
  cgc_check(is_object(r->key, &obj));
  cgc_check(obj.span->slots[obj.index] & CGC_SLOT_SPECIAL); /* I2 */
}

void cgc_final_check(void) {
  cgc_lock(&final.lock);
  cgc_table_check(&final.table);
  cgc_list_check(&final.ready);
  cgc_check(cgc_list_length(&final.ready) == cgc_final_ready()); /* I1 */
  each_record(NULL, check_record);
  cgc_unlock(&final.lock);
}
