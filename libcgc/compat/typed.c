/* SPDX-License-Identifier: MIT */
#include "compat/typed.h"

#include "compat/descriptor.h"
#include "compat/memory.h"
#include "heap/meta.h"
#include "mark/kind.h"
#include "mark/marker.h"

#include <pthread.h>

enum { WORD = sizeof(GC_word), SHORT_BITS = GC_WORDSZ - GC_DS_TAG_BITS };

/* A layout of more words than a descriptor has bits. */
struct layout {
  size_t nbits;
  GC_word bits[];
};

/* What stands behind the elements of an array. */
struct array {
  size_t size; /* of an element, bytes */
  GC_descr descr;
  size_t count;
};

static struct {
  pthread_once_t once;
  enum cgc_kind one;
  enum cgc_kind array;
  unsigned proc;
} typed = {.once = PTHREAD_ONCE_INIT};

/* ---- Marking ------------------------------------------------------------ */

static struct GC_ms_entry *mark_layout(GC_word *obj, struct GC_ms_entry *top,
                                       struct GC_ms_entry *limit, GC_word env) {
  const struct layout *layout = (const struct layout *)env;
  for (size_t i = 0; i < layout->nbits; i++)
    if (GC_get_bit(layout->bits, i))
      top = GC_mark_and_push((void *)obj[i], top, limit, NULL);
  return top;
}

static void scan_array(struct cgc_marker *m, uintptr_t lo, uintptr_t hi) {
  const struct array *array = (const struct array *)hi - 1;
  for (size_t i = 0; i < array->count; i++)
    cgc_descriptor_scan(m, lo + i * array->size, array->descr);
}

static void make_kinds(void) {
  cgc_kind_layout_proc = typed.proc = GC_new_proc(mark_layout);
  typed.one = cgc_descriptor_kind((GC_word)-WORD | GC_DS_PER_OBJECT, true);
  typed.array = cgc_descriptor_kind(GC_DS_LENGTH, true);
  cgc_kind_set(typed.array,
               &(struct cgc_kind_ops){scan_array, .form = CGC_KIND_ARRAY});
}

static void make_kinds_once(void) { pthread_once(&typed.once, make_kinds); }

/* ---- Descriptors -------------------------------------------------------- */

/* Words up to the last that may be a pointer. */
static size_t used_bits(const GC_word *bits, size_t n) {
  while (n > 0 && !GC_get_bit(bits, n - 1))
    n--;
  return n;
}

static size_t leading_ones(const GC_word *bits, size_t n) {
  size_t i = 0;
  while (i < n && GC_get_bit(bits, i))
    i++;
  return i;
}

static GC_descr short_descriptor(const GC_word *bits, size_t n) {
  GC_descr d = GC_DS_BITMAP;
  for (size_t i = 0; i < n; i++)
    d |= GC_get_bit(bits, i) << (GC_WORDSZ - 1 - i);
  return d;
}

/* Without memory for the layout all of its words count. */
static GC_descr long_descriptor(const GC_word *bits, size_t n) {
  size_t nwords = (n + GC_WORDSZ - 1) / GC_WORDSZ;
  make_kinds_once();
  struct layout *layout = cgc_meta_alloc(sizeof *layout + nwords * WORD);
  if (!layout)
    return n * WORD;
  layout->nbits = n;
  memcpy(layout->bits, bits, nwords * WORD);
  return GC_MAKE_PROC(typed.proc, (GC_word)layout);
}

GC_descr GC_make_descriptor(const GC_word *bitmap, size_t nbits) {
  size_t n = used_bits(bitmap, nbits);
  if (leading_ones(bitmap, n) == n)
    return n * WORD; /* GC_DS_LENGTH */
  return n <= SHORT_BITS ? short_descriptor(bitmap, n)
                         : long_descriptor(bitmap, n);
}

/* ---- Allocation --------------------------------------------------------- */

static uintptr_t end_of(const void *ptr) {
  struct cgc_object obj;
  cgc_check(cgc_arena_find(&cgc_heap.arena, (uintptr_t)ptr, &obj));
  return obj.addr + obj.size;
}

/* SIZE with MORE behind it; what can't be becomes what there is no memory for.
 */
static size_t plus(size_t size, size_t more) {
  return size > SIZE_MAX - more ? SIZE_MAX : size + more;
}

void *GC_malloc_explicitly_typed(size_t size, GC_descr d) {
  if (d == 0)
    return cgc_memory_new(size, CGC_KIND_NOSCAN);
  make_kinds_once();
  void *obj = cgc_alloc(plus(size, WORD), typed.one, true);
  if (!obj)
    return cgc_memory_out(size);
  ((GC_descr *)end_of(obj))[-1] = d;
  return obj;
}

void *GC_malloc_explicitly_typed_ignore_off_page(size_t size, GC_descr d) {
  return GC_malloc_explicitly_typed(size, d);
}

static void *new_array(const struct array *array) {
  size_t size = array->count * array->size;
  make_kinds_once();
  void *obj = cgc_alloc(plus(size, sizeof *array), typed.array, true);
  if (!obj)
    return cgc_memory_out(size);
  struct array *end = (struct array *)end_of(obj) - 1;
  end->size = array->size;
  end->descr = array->descr;
  cgc_compiler_barrier(); /* a cycle that comes before sees no element */
  end->count = array->count;
  return obj;
}

int GC_calloc_prepare_explicitly_typed(struct GC_calloc_typed_descr_s *descr,
                                       size_t descr_size, size_t count,
                                       size_t size, GC_descr d) {
  struct array array = {size, d, count};
  size_t bytes;
  (void)descr_size;
  if (__builtin_mul_overflow(count, size, &bytes))
    array = (struct array){SIZE_MAX, d, 1};
  memcpy(descr, &array, sizeof array);
  return array.size != SIZE_MAX;
}

void *GC_calloc_do_explicitly_typed(const struct GC_calloc_typed_descr_s *descr,
                                    size_t descr_size) {
  struct array array;
  (void)descr_size;
  memcpy(&array, descr, sizeof array);
  size_t bytes = array.count * array.size;
  if (array.descr == 0)
    return cgc_memory_new(bytes, CGC_KIND_NOSCAN);
  if (array.descr == array.size) /* a length: nothing but pointers */
    return cgc_memory_new(bytes, CGC_KIND_SCAN);
  if (array.count <= 1)
    return GC_malloc_explicitly_typed(bytes, array.descr);
  return new_array(&array);
}

void *GC_calloc_explicitly_typed(size_t count, size_t size, GC_descr d) {
  struct GC_calloc_typed_descr_s descr;
  GC_calloc_prepare_explicitly_typed(&descr, sizeof descr, count, size, d);
  return GC_calloc_do_explicitly_typed(&descr, sizeof descr);
}
