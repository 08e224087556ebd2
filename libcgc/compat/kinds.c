/* SPDX-License-Identifier: MIT */
#define GC_THREADS
#include "compat/kinds.h"

#include "base/log.h"
#include "compat/memory.h"
#include "mark/kind.h"

enum { LIST_BYTES = 4096 };

static _Atomic(GC_describe_type_fn) describe[CGC_KIND_LIMIT];

enum cgc_kind cgc_kinds_known(int kind) {
  if (kind < 0 || (unsigned)kind >= cgc_heap_kinds(&cgc_heap)) {
    cgc_init_thread();
    if (kind < 0 || (unsigned)kind >= cgc_heap_kinds(&cgc_heap))
      cgc_fatal("no kind %d of objects: GC_new_kind makes one", kind);
  }
  return (enum cgc_kind)kind;
}

/* ---- One object --------------------------------------------------------- */

void *GC_malloc_kind(size_t size, int kind) {
  return cgc_memory_new(size, cgc_kinds_known(kind));
}

void *GC_malloc_kind_global(size_t size, int kind) {
  return GC_malloc_kind(size, kind);
}

void *GC_generic_malloc(size_t size, int kind) {
  return GC_malloc_kind(size, kind);
}

void *GC_generic_malloc_ignore_off_page(size_t size, int kind) {
  return GC_malloc_kind(size, kind);
}

void *GC_generic_or_special_malloc(size_t size, int kind) {
  return GC_malloc_kind(size, kind);
}

void *GC_generic_malloc_uncollectable(size_t size, int kind) {
  bool noscan = cgc_kind_is_noscan(cgc_kinds_known(kind));
  return cgc_memory_new(size,
                        noscan ? CGC_KIND_PINNED_NOSCAN : CGC_KIND_PINNED);
}

int GC_get_kind_and_size(const void *ptr, size_t *size) {
  struct cgc_object obj;
  bool found = cgc_arena_find(&cgc_heap.arena, (uintptr_t)ptr, &obj);
  if (size)
    *size = found ? obj.size : 0;
  return found ? obj.span->kind : CGC_KIND_NOSCAN;
}

/* All of the slot, the byte at the end included. */
size_t GC_size(const void *ptr) {
  size_t size;
  GC_get_kind_and_size(ptr, &size);
  return size ? size : cgc_alloc_usable(ptr); /* of the reserve */
}

/* ---- Lists -------------------------------------------------------------- */

/* Whether the link keeps the next object alive. */
static bool is_linked(enum cgc_kind kind) {
  if (cgc_kind_is_described(kind))
    return cgc_kind_scan_of(kind) == NULL;
  return kind != CGC_KIND_NOSCAN;
}

/* Put what the thread's bin has in front of FIRST; busy inside. */
static void *lengthen(void *first, enum cgc_kind kind, size_t n, size_t size) {
  struct cgc_mutator *self = cgc_self;
  bool stale;
  void *obj;
  if (!self || !cgc_mutator_enter(self))
    return first;
  struct cgc_bin *bin = &self->cache.bin[kind][cgc_sizeclass_of(size)];
  for (; n > 1 && (obj = cgc_cache_pop(bin, &stale)); n--) {
    if (stale)
      memset(obj, 0, bin->size);
    GC_NEXT(obj) = first;
    first = obj;
  }
  cgc_keep_visible(first);
  cgc_mutator_leave(self);
  return first;
}

/* SIZE is of the slots; the byte at the end is the client's to add. */
void GC_generic_malloc_many(size_t size, int number, void **result) {
  enum cgc_kind kind = cgc_kinds_known(number);
  size_t extra = (size_t)cgc_options.past_end;
  size = cgc_max(size, CGC_GRAIN);
  void *first = cgc_alloc(size - extra, kind, true);
  if (first && size <= LIST_BYTES / 2 && is_linked(kind))
    first = lengthen(first, kind, LIST_BYTES / size, size);
  *result = first;
}

void *GC_malloc_many(size_t size) {
  void *result;
  GC_generic_malloc_many(size + (size_t)cgc_options.past_end, CGC_KIND_SCAN,
                         &result);
  return result;
}

void GC_print_free_list(int kind, size_t granules) {
  struct cgc_mutator *self = cgc_init_thread();
  size_t size = cgc_max(granules, 1) * GC_GRANULE_BYTES;
  size_t n = 0;
  if (!self || size > CGC_SMALL_MAX)
    return;
  const struct cgc_bin *bin =
      &self->cache.bin[cgc_kinds_known(kind)][cgc_sizeclass_of(size)];
  n = (size_t)(bin->top - bin->held) + (size_t)__builtin_popcountl(bin->free);
  cgc_log_raw("kind=%d size=%zu: %zu objects are free at this thread\n", kind,
              size, n);
}

/* ---- What an object is -------------------------------------------------- */

void GC_register_describe_type_fn(int kind, GC_describe_type_fn fn) {
  atomic_store_explicit(&describe[cgc_kinds_known(kind)], fn,
                        memory_order_relaxed);
}

const char *cgc_kinds_describe(void *obj, enum cgc_kind kind,
                               char text[GC_TYPE_DESCR_LEN + 1]) {
  GC_describe_type_fn fn =
      atomic_load_explicit(&describe[kind], memory_order_relaxed);
  text[0] = text[GC_TYPE_DESCR_LEN] = 0;
  if (fn)
    fn(obj, text);
  return text;
}
