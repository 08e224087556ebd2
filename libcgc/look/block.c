/* SPDX-License-Identifier: MIT */
#include "look/block.h"

#include "heap/meta.h"
#include "os/page.h"
#include "world/mutator.h"

#include <string.h>

enum { LEAF_SHIFT = CGC_BLOCK_LEAF_SHIFT, LEAF = 1 << LEAF_SHIFT };

struct leaf {
  _Atomic(struct cgc_block_array *) arrays[LEAF];
};

bool cgc_block_on;

static struct {
  const struct cgc_heap *heap;
  _Atomic(struct leaf *) *dir;
  size_t size; /* leaves */
} table;

const void *const cgc_block_view[2] = {&table.dir, &table.size};

bool cgc_block_init(const struct cgc_heap *heap) {
  table.heap = heap;
  table.size = (heap->arena.pages_limit >> LEAF_SHIFT) + 1;
  table.dir = cgc_page_map(table.size * sizeof *table.dir);
  cgc_block_on = table.dir != NULL;
  return cgc_block_on;
}

/* Acquire on the way down: what was filled in before the entry was made. */
static _Atomic(struct cgc_block_array *) *entry_at(uintptr_t base) {
  size_t page = cgc_arena_page_of(&table.heap->arena, base);
  struct leaf *leaf = atomic_load_explicit(&table.dir[page >> LEAF_SHIFT],
                                           memory_order_acquire);
  return leaf ? &leaf->arrays[page & (LEAF - 1)] : NULL;
}

static _Atomic(struct cgc_block_array *) *
entry_of(const struct cgc_span *span) {
  return entry_at(span->base);
}

/* Acquire: that the records are empty; pairs with attach. */
struct cgc_block *cgc_block_find(const struct cgc_object *obj) {
  struct cgc_block *blocks =
      atomic_load_explicit(&obj->span->notes, memory_order_acquire);
  return blocks ? &blocks[obj->index] : NULL;
}

struct cgc_block *cgc_block_find_gone(const void *ptr) {
  uintptr_t addr = (uintptr_t)ptr;
  if (!cgc_block_on || !cgc_arena_contains(&table.heap->arena, addr) ||
      addr % CGC_PAGE != 0)
    return NULL;
  _Atomic(struct cgc_block_array *) *entry = entry_at(addr);
  struct cgc_block_array *a =
      entry ? atomic_load_explicit(entry, memory_order_acquire) : NULL;
  return a && a->class == CGC_CLASS_LARGE && a->blocks[0].freed ? a->blocks
                                                                : NULL;
}

/* ---- Making -------------------------------------------------------------- */

static bool make_leaf(const struct cgc_span *span) {
  size_t page = cgc_arena_page_of(&table.heap->arena, span->base);
  struct leaf *none = NULL, *leaf = cgc_meta_alloc(sizeof *leaf);
  if (leaf && !atomic_compare_exchange_strong_explicit(
                  &table.dir[page >> LEAF_SHIFT], &none, leaf,
                  memory_order_release, memory_order_relaxed))
    cgc_meta_free(leaf, sizeof *leaf);
  return leaf != NULL;
}

static size_t array_bytes(uint32_t nslots) {
  return sizeof(struct cgc_block_array) + nslots * sizeof(struct cgc_block);
}

static void attach(struct cgc_span *span, struct cgc_block_array *a) {
  a->class = span->class;
  atomic_store_explicit(&span->notes, a->blocks, memory_order_release);
}

/*
 * An array that is there is of a span which is no more; only the thread that
 * allocates the first slot of the new one comes here.
 */
static void make_array(struct cgc_span *span) {
  _Atomic(struct cgc_block_array *) *entry = entry_of(span);
  if (!entry && (!make_leaf(span) || !(entry = entry_of(span))))
    return;
  struct cgc_block_array *old =
                             atomic_load_explicit(entry, memory_order_acquire),
                         *a;
  if (old && old->room >= span->nslots) {
    memset(old->blocks, 0, old->room * sizeof *old->blocks);
    attach(span, old);
    return;
  }
  a = cgc_meta_alloc(array_bytes(span->nslots));
  if (!a)
    return;
  a->room = span->nslots;
  atomic_store_explicit(entry, a, memory_order_release);
  attach(span, a);
  if (old)
    cgc_meta_free(old, array_bytes(old->room));
}

static struct cgc_block *find_or_make(const struct cgc_object *obj) {
  struct cgc_block *block = cgc_block_find(obj);
  struct cgc_mutator *self = cgc_self;
  if (cgc_likely(block != NULL) || !self || !cgc_mutator_enter(self))
    return block;
  make_array(obj->span);
  cgc_mutator_leave(self);
  return cgc_block_find(obj);
}

/*
 * By the page's desc and the directory: the span's struct, which leads there,
 * too, is on its way into the cache itself.
 */
void cgc_block_prefetch(const void *ptr) {
  const struct cgc_arena *arena = &table.heap->arena;
  uintptr_t addr = (uintptr_t)ptr;
  if (!cgc_arena_contains(arena, addr))
    return;
  uint32_t desc = arena->desc[cgc_arena_page_of(arena, addr)], index;
  size_t offset = cgc_desc_offset(desc) << CGC_PAGE_SHIFT | addr % CGC_PAGE;
  if (!cgc_sizeclass_start(cgc_desc_class(desc), offset, &index))
    return;
  _Atomic(struct cgc_block_array *) *entry = entry_at(addr - offset);
  if (entry)
    __builtin_prefetch(
        &atomic_load_explicit(entry, memory_order_relaxed)->blocks[index], 1);
}

void cgc_block_made(const void *ptr, size_t size, uint32_t stack) {
  struct cgc_object obj;
  if (!cgc_arena_find(&table.heap->arena, (uintptr_t)ptr, &obj))
    return;
  struct cgc_block *block = find_or_make(&obj);
  if (!block)
    return;
  block->size = size & (((uint64_t)1 << 48) - 1);
  block->flags = 0;
  block->freed = CGC_STACK_NONE;
  block->stack = stack;
}

void cgc_block_freed(const struct cgc_object *obj, uint32_t stack) {
  struct cgc_block *block = cgc_block_find(obj);
  if (cgc_block_is_tracked(block))
    block->freed = stack;
}
