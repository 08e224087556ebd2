/* SPDX-License-Identifier: MIT */
#include "compat/reachable.h"

#include "compat/guard.h"
#include "heap/walk.h"
#include "os/page.h"
#include "world/mutator.h"
#include "world/stop.h"

/* ---- Mark bits ---------------------------------------------------------- */

static uint64_t *word_of(const void *ptr, uint64_t *bit) {
  struct cgc_object obj;
  if (!cgc_arena_find(&cgc_heap.arena, (uintptr_t)ptr, &obj))
    return NULL;
  *bit = 1ULL << (obj.index % 64);
  return &cgc_arena_mark_words(&cgc_heap.arena, obj.span)[obj.index / 64];
}

int GC_is_marked(const void *obj) {
  uint64_t bit;
  const uint64_t *word = word_of(obj, &bit);
  return word && (__atomic_load_n(word, __ATOMIC_RELAXED) & bit);
}

void GC_set_mark_bit(const void *obj) {
  uint64_t bit;
  uint64_t *word = word_of(obj, &bit);
  if (word)
    __atomic_fetch_or(word, bit, __ATOMIC_RELAXED);
}

void GC_clear_mark_bit(const void *obj) {
  uint64_t bit;
  uint64_t *word = word_of(obj, &bit);
  if (word)
    __atomic_fetch_and(word, ~bit, __ATOMIC_RELAXED);
}

/* ---- All objects -------------------------------------------------------- */

struct list {
  uintptr_t *addrs; /* own memory */
  size_t n;
  size_t room;
};

static void count(const struct cgc_object *obj, void *ctx) {
  (void)obj;
  ((struct list *)ctx)->room++;
}

static void note(const struct cgc_object *obj, void *ctx) {
  struct list *list = ctx;
  list->addrs[list->n++] = obj->addr;
}

/* World stopped: all objects; none without memory. */
static void note_all(struct list *list) {
  cgc_walk_objects(&cgc_heap, count, list);
  list->addrs = cgc_page_map(list->room * sizeof *list->addrs);
  if (list->addrs)
    cgc_walk_objects(&cgc_heap, note, list);
}

static void stop_and_note(struct list *list) {
  cgc_heap_sweep_all(&cgc_heap); /* what waits for it is garbage */
  cgc_stop_world();
  note_all(list);
  cgc_start_world();
}

/* Another thread may have freed some. */
static void tell(const struct list *list, GC_reachable_object_proc fn,
                 void *data) {
  struct cgc_object obj;
  for (size_t i = 0; i < list->n; i++)
    if (cgc_arena_find(&cgc_heap.arena, list->addrs[i], &obj) &&
        obj.addr == list->addrs[i] && cgc_object_is_live(&obj))
      fn((void *)obj.addr, obj.size, data);
}

/* The lock is held, or taken here: no collection comes until all is told. */
void GC_enumerate_reachable_objects_inner(GC_reachable_object_proc fn,
                                          void *data) {
  struct list list = {NULL, 0, 0};
  bool taken = cgc_guard_take();
  if (!taken && !cgc_self)
    return;
  stop_and_note(&list);
  tell(&list, fn, data);
  if (taken)
    cgc_guard_give();
  if (list.addrs)
    cgc_page_unmap(list.addrs, list.room * sizeof *list.addrs);
}
