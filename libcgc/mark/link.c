/* SPDX-License-Identifier: MIT */
#include "mark/link.h"

#include "mark/table.h"

#include <errno.h>

/* The words of a record. */
enum { OBJ, NEXT, PREV }; /* of by_link */
enum { FIRST };           /* of by_obj */

struct links {
  struct cgc_table by_link;
  struct cgc_table by_obj;
};

static struct {
  struct cgc_lock lock;
  struct links of[2]; /* short, long; guard: lock */
} table = {.lock = CGC_LOCK_INIT(CGC_RANK_LINK)};

void cgc_link_init(void) { cgc_lock_register(&table.lock); }

/* ---- The chain of an object's links ----------------------------------- */

static void chain(struct links *links, struct cgc_record *link,
                  struct cgc_record *head) {
  uintptr_t next = head->word[FIRST];
  link->word[OBJ] = head->key;
  link->word[NEXT] = next;
  link->word[PREV] = 0;
  head->word[FIRST] = link->key;
  if (next)
    cgc_table_find(&links->by_link, next)->word[PREV] = link->key;
}

/* Takes the object's record away with its last link. */
static void unchain(struct links *links, const struct cgc_record *link) {
  uintptr_t next = link->word[NEXT];
  uintptr_t prev = link->word[PREV];
  if (next)
    cgc_table_find(&links->by_link, next)->word[PREV] = prev;
  if (prev) {
    cgc_table_find(&links->by_link, prev)->word[NEXT] = next;
    return;
  }
  struct cgc_record *head = cgc_table_find(&links->by_obj, link->word[OBJ]);
  head->word[FIRST] = next;
  if (!next)
    cgc_table_remove(&links->by_obj, head);
}

static void drop(struct links *links, struct cgc_record *link) {
  unchain(links, link);
  cgc_table_remove(&links->by_link, link);
}

/* ---- Registering ------------------------------------------------------ */

static void set_special(uintptr_t addr) {
  struct cgc_object obj;
  if (cgc_arena_find(&cgc_heap.arena, addr, &obj) && cgc_object_is_live(&obj))
    cgc_span_set_special(obj.span, obj.index, true);
}

static int register_locked(struct links *links, uintptr_t at, uintptr_t obj) {
  struct cgc_record *head = cgc_table_insert(&links->by_obj, obj);
  if (!head)
    return -ENOMEM;
  struct cgc_record *link = cgc_table_insert(&links->by_link, at);
  if (!link) {
    if (!head->word[FIRST])
      cgc_table_remove(&links->by_obj, head);
    return -ENOMEM;
  }
  bool was_there = link->word[OBJ] != 0;
  if (was_there) {
    unchain(links, link);
    head = cgc_table_insert(&links->by_obj, obj); /* it may have moved */
  }
  chain(links, link, head);
  set_special(obj);
  set_special(at);
  return was_there ? -EEXIST : 0;
}

int cgc_link_register(void **link, const void *obj, bool is_long) {
  if (!link || !obj)
    return -EINVAL;
  cgc_lock(&table.lock);
  int result =
      register_locked(&table.of[is_long], (uintptr_t)link, (uintptr_t)obj);
  cgc_unlock(&table.lock);
  return result;
}

bool cgc_link_unregister(void **link, bool is_long) {
  struct links *links = &table.of[is_long];
  cgc_lock(&table.lock);
  struct cgc_record *r = cgc_table_find(&links->by_link, (uintptr_t)link);
  if (r)
    drop(links, r);
  cgc_unlock(&table.lock);
  return r != NULL;
}

static int move_locked(struct links *links, uintptr_t from, uintptr_t to) {
  struct cgc_record *link = cgc_table_find(&links->by_link, from);
  if (!link)
    return -ENOENT;
  if (!to)
    return -EINVAL;
  if (from == to)
    return 0;
  if (cgc_table_find(&links->by_link, to))
    return -EEXIST;
  uintptr_t obj = link->word[OBJ];
  drop(links, link);
  /* There is room for each: one record of both tables was removed. */
  int result = register_locked(links, to, obj);
  cgc_check(result == 0);
  return 0;
}

int cgc_link_move(void **link, void **new_link, bool is_long) {
  cgc_lock(&table.lock);
  int result =
      move_locked(&table.of[is_long], (uintptr_t)link, (uintptr_t)new_link);
  cgc_unlock(&table.lock);
  return result;
}

/* ---- An object is freed ----------------------------------------------- */

static void forget_links_to(struct links *links, uintptr_t obj) {
  struct cgc_record *head;
  while ((head = cgc_table_find(&links->by_obj, obj)))
    drop(links, cgc_table_find(&links->by_link, head->word[FIRST]));
}

/* Looks for each word of the range or at each record, whichever is less. */
static void forget_links_in(struct links *links, uintptr_t lo, uintptr_t hi) {
  struct cgc_table *t = &links->by_link;
  if ((hi - lo) / sizeof(void *) <= cgc_table_capacity(t)) {
    for (; lo < hi && t->n > 0; lo += sizeof(void *)) {
      struct cgc_record *r = cgc_table_find(t, lo);
      if (r)
        drop(links, r);
    }
    return;
  }
  for (size_t i = 0; i < cgc_table_capacity(t);) {
    struct cgc_record *r = &t->records[i];
    if (r->key - lo < hi - lo)
      drop(links, r);
    else
      i++;
  }
}

void cgc_link_forget(uintptr_t addr) {
  struct cgc_object obj;
  if (!cgc_arena_find(&cgc_heap.arena, addr, &obj))
    return;
  cgc_lock(&table.lock);
  for (int i = 0; i < 2; i++) {
    forget_links_to(&table.of[i], obj.addr);
    forget_links_in(&table.of[i], obj.addr, obj.addr + obj.size);
  }
  cgc_unlock(&table.lock);
}

/* ---- After marking ---------------------------------------------------- */

static bool is_dead(const struct cgc_heap *heap, uintptr_t addr) {
  struct cgc_object obj;
  return cgc_arena_find(&heap->arena, addr, &obj) && cgc_object_is_live(&obj) &&
         !cgc_object_is_marked(&heap->arena, &obj);
}

static size_t clear_links(struct links *links, const struct cgc_heap *heap) {
  struct cgc_table *t = &links->by_link;
  size_t n = 0;
  for (size_t i = 0; i < cgc_table_capacity(t);) {
    struct cgc_record *r = &t->records[i];
    if (!r->key || !is_dead(heap, r->word[OBJ])) {
      i++;
      continue;
    }
    *(void **)r->key = NULL;
    drop(links, r);
    n++;
  }
  return n;
}

static void drop_dangling(struct links *links, const struct cgc_heap *heap) {
  struct cgc_table *t = &links->by_link;
  for (size_t i = 0; i < cgc_table_capacity(t);) {
    struct cgc_record *r = &t->records[i];
    if (r->key && is_dead(heap, r->key))
      drop(links, r);
    else
      i++;
  }
  cgc_table_shrink(&links->by_link);
  cgc_table_shrink(&links->by_obj);
}

size_t cgc_link_clear_dead(const struct cgc_heap *heap, bool is_long) {
  cgc_lock(&table.lock);
  size_t n = clear_links(&table.of[is_long], heap);
  for (int i = 0; is_long && i < 2; i++)
    drop_dangling(&table.of[i], heap);
  cgc_unlock(&table.lock);
  return n;
}

size_t cgc_link_count(bool is_long) {
  cgc_lock(&table.lock);
  size_t n = table.of[is_long].by_link.n;
  cgc_unlock(&table.lock);
  return n;
}

/* ---- Checking --------------------------------------------------------- */

static void check_special(uintptr_t addr) {
  struct cgc_object obj;
  if (cgc_arena_find(&cgc_heap.arena, addr, &obj) && cgc_object_is_live(&obj))
    cgc_check(obj.span->slots[obj.index] & CGC_SLOT_SPECIAL); /* I2 */
}

static size_t check_chain(const struct links *links, uintptr_t obj,
                          uintptr_t at) {
  size_t n = 0;
  uintptr_t prev = 0;
  while (at) {
    const struct cgc_record *r = cgc_table_find(&links->by_link, at);
    cgc_check(r && r->word[OBJ] == obj && r->word[PREV] == prev); /* I1 */
    check_special(at);
    prev = at;
    at = r->word[NEXT];
    n++;
  }
  return n;
}

static void check_links(const struct links *links) {
  size_t n = 0;
  cgc_table_check(&links->by_link);
  cgc_table_check(&links->by_obj);
  for (size_t i = 0; i < cgc_table_capacity(&links->by_obj); i++) {
    const struct cgc_record *head = &links->by_obj.records[i];
    if (!head->key)
      continue;
    check_special(head->key);
    cgc_check(head->word[FIRST] != 0);
    n += check_chain(links, head->key, head->word[FIRST]);
  }
  cgc_check(n == links->by_link.n); /* I1 */
}

void cgc_link_check(void) {
  cgc_lock(&table.lock);
  check_links(&table.of[false]);
  check_links(&table.of[true]);
  cgc_unlock(&table.lock);
}
