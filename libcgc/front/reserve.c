/* SPDX-License-Identifier: MIT */
#include "front/reserve.h"

#include "world/range.h"

#include <errno.h>
#include <sys/mman.h>

/* Before each block. */
struct header {
  size_t size;
  size_t unused;
};

_Static_assert(sizeof(struct header) == CGC_RESERVE_ALIGN,
               "blocks stay aligned");

struct area {
  struct area *next; /* const after it is pushed */
  size_t bytes;      /* of the mapping; const */
  _Atomic size_t used;
  _Atomic bool published;
} CGC_ALIGNED(64);

static _Atomic(struct area *) current;
static _Atomic(struct area *) large;

/* mmap and not os/page: the collector's own mappings are not scanned. */
static struct area *map_area(size_t bytes) {
  int saved = errno;
  struct area *area = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  errno = saved;
  if (area == MAP_FAILED)
    return NULL;
  area->bytes = bytes;
  atomic_store_explicit(&area->used, sizeof *area, memory_order_relaxed);
  return area;
}

static void push(_Atomic(struct area *) *list, struct area *area) {
  struct area *head = atomic_load_explicit(list, memory_order_relaxed);
  do
    area->next = head;
  while (!atomic_compare_exchange_weak_explicit(
      list, &head, area, memory_order_release, memory_order_relaxed));
}

/* The area's bytes were never used, so the block is zero. */
static void *take(struct area *area, size_t align, size_t size) {
  size_t used = atomic_load_explicit(&area->used, memory_order_relaxed);
  uintptr_t start = (uintptr_t)area;
  uintptr_t block;
  do {
    block = cgc_round_up(start + used + sizeof(struct header), align);
    if (block + size > start + area->bytes)
      return NULL;
  } while (!atomic_compare_exchange_weak_explicit(
      &area->used, &used, block + size - start, memory_order_relaxed,
      memory_order_relaxed));
  ((struct header *)block)[-1].size = size;
  return (void *)block;
}

static void *alloc_large(size_t align, size_t size) {
  size_t overhead = sizeof(struct area) + sizeof(struct header) + align;
  if (size > (size_t)PTRDIFF_MAX - overhead - CGC_RESERVE_AREA)
    return NULL;
  struct area *area = map_area(cgc_round_up(size + overhead, 4096));
  if (!area)
    return NULL;
  void *block = take(area, align, size);
  push(&large, area);
  return block;
}

void *cgc_reserve_alloc(size_t align, size_t size) {
  align = cgc_max(align, CGC_RESERVE_ALIGN);
  if (align > (size_t)PTRDIFF_MAX / 2 || size > (size_t)PTRDIFF_MAX / 2)
    return NULL;
  size = cgc_max(size, 1); /* distinct, and inside the area */
  if (align + size > CGC_RESERVE_LARGE)
    return alloc_large(align, size);
  for (;;) {
    /* acquire: the area's fields, released by push */
    struct area *area = atomic_load_explicit(&current, memory_order_acquire);
    void *block = area ? take(area, align, size) : NULL;
    if (block)
      return block;
    area = map_area(CGC_RESERVE_AREA);
    if (!area)
      return NULL;
    push(&current, area);
  }
}

static struct area *find(struct area *list, uintptr_t addr) {
  while (list && addr - (uintptr_t)list >= list->bytes)
    list = list->next;
  return list;
}

bool cgc_reserve_owns(const void *ptr) {
  uintptr_t addr = (uintptr_t)ptr;
  return find(atomic_load_explicit(&current, memory_order_acquire), addr) ||
         find(atomic_load_explicit(&large, memory_order_acquire), addr);
}

size_t cgc_reserve_size(const void *ptr) {
  return ((const struct header *)ptr)[-1].size;
}

static void publish(struct area *list) {
  for (; list; list = list->next)
    if (!atomic_load_explicit(&list->published, memory_order_relaxed) &&
        cgc_range_add((uintptr_t)list, (uintptr_t)list + list->bytes) == 0)
      atomic_store_explicit(&list->published, true, memory_order_relaxed);
}

void cgc_reserve_publish(void) {
  publish(atomic_load_explicit(&current, memory_order_acquire));
  publish(atomic_load_explicit(&large, memory_order_acquire));
}
