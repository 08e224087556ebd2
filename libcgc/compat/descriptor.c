/* SPDX-License-Identifier: MIT */
#include "compat/descriptor.h"

#include "base/log.h"
#include "front/init.h"
#include "heap/meta.h"
#include "mark/kind.h"
#include "mark/marker.h"

enum { STACK_ENTRIES = 128, LISTS = 129 /* bdwgc's sizes, in granules */ };

/* See the head of descriptor.h. */
struct stack {
  struct GC_ms_entry entry[STACK_ENTRIES];
  struct cgc_marker *marker;
};

static struct {
  GC_word descr;
  bool add_size;
} kinds[CGC_KIND_LIMIT]; /* set before the kind has objects */

static _Atomic(GC_mark_proc) procs[GC_MAX_MARK_PROCS];
static _Atomic unsigned nprocs = GC_RESERVED_MARK_PROCS;

/* ---- Procedures --------------------------------------------------------- */

unsigned GC_new_proc(GC_mark_proc proc) {
  GC_init();
  unsigned n = atomic_fetch_add_explicit(&nprocs, 1, memory_order_relaxed);
  if (n >= GC_MAX_MARK_PROCS)
    cgc_fatal("GC_new_proc: there are only %d mark procedures",
              GC_MAX_MARK_PROCS);
  atomic_store_explicit(&procs[n], proc, memory_order_relaxed);
  return n;
}

unsigned GC_new_proc_inner(GC_mark_proc proc) { return GC_new_proc(proc); }

void cgc_descriptor_reserve(unsigned index, GC_mark_proc proc) {
  if (index >= GC_RESERVED_MARK_PROCS)
    cgc_fatal("mark procedure %u is not a reserved one", index);
  atomic_store_explicit(&procs[index], proc, memory_order_relaxed);
}

struct GC_ms_entry *GC_mark_and_push(void *obj, struct GC_ms_entry *top,
                                     struct GC_ms_entry *limit, void **src) {
  struct stack *stack = cgc_container_of(limit, struct stack, marker);
  (void)src;
  cgc_marker_mark_word(stack->marker, (uintptr_t)obj);
  return top;
}

static struct GC_ms_entry *call(struct stack *stack, struct GC_ms_entry *top,
                                uintptr_t start, GC_word descr) {
  GC_word which = descr >> GC_DS_TAG_BITS;
  GC_mark_proc proc = atomic_load_explicit(&procs[which % GC_MAX_MARK_PROCS],
                                           memory_order_relaxed);
  if (!proc)
    return top; /* not one that can have been meant */
  return proc((GC_word *)start, top, (struct GC_ms_entry *)&stack->marker,
              which >> GC_LOG_MAX_MARK_PROCS);
}

/* ---- Following a descriptor --------------------------------------------- */

CGC_SCANS_MEMORY
static void scan_bitmap(struct cgc_marker *m, uintptr_t start, GC_word bits) {
  const uintptr_t *p = (const uintptr_t *)start;
  for (bits &= ~(GC_word)GC_DS_TAGS; bits; bits <<= 1, p++)
    if (bits >> 63)
      cgc_marker_mark_word(m, *p);
}

/* The descriptor that the object has, or its type; 0 if it has none yet. */
CGC_SCANS_MEMORY
static GC_word descriptor_of(uintptr_t start, GC_word descr) {
  uintptr_t at = start;
  if ((GC_signed_word)descr < 0) {
    uintptr_t type = *(const uintptr_t *)start;
    if (!type)
      return 0;
    at = type - (GC_word)GC_INDIR_PER_OBJ_BIAS;
    at -= (descr & ~(GC_word)GC_DS_TAGS);
  } else {
    at += descr & ~(GC_word)GC_DS_TAGS;
  }
  return *(const GC_word *)at;
}

static struct GC_ms_entry *scan_one(struct stack *stack,
                                    struct GC_ms_entry *top, uintptr_t start,
                                    GC_word descr) {
  while ((descr & GC_DS_TAGS) == GC_DS_PER_OBJECT)
    descr = descriptor_of(start, descr);
  switch (descr & GC_DS_TAGS) {
  case GC_DS_LENGTH:
    cgc_marker_scan_words(stack->marker, start, start + descr);
    return top;
  case GC_DS_BITMAP:
    scan_bitmap(stack->marker, start, descr);
    return top;
  default:
    return call(stack, top, start, descr);
  }
}

void cgc_descriptor_scan(struct cgc_marker *marker, uintptr_t start,
                         GC_word descr) {
  struct stack stack;
  struct GC_ms_entry *bottom = stack.entry;
  stack.marker = marker;
  struct GC_ms_entry *top = scan_one(&stack, bottom, start, descr);
  while (top > bottom) {
    struct GC_ms_entry e = *top--;
    top = scan_one(&stack, top, (uintptr_t)e.mse_start, e.mse_descr);
  }
}

/* ---- Kinds -------------------------------------------------------------- */

static void scan_kind(struct cgc_marker *m, uintptr_t lo, uintptr_t hi) {
  size_t page = cgc_arena_page_of(&m->heap->arena, lo);
  enum cgc_kind kind = cgc_desc_kind(m->heap->arena.desc[page]);
  GC_word descr = kinds[kind].descr;
  if (kinds[kind].add_size)
    descr += hi - lo;
  cgc_descriptor_scan(m, lo, descr);
}

enum cgc_kind cgc_descriptor_kind(GC_word descr, bool add_size) {
  bool all = descr == GC_DS_LENGTH && add_size; /* every word counts */
  GC_init();
  int kind = cgc_heap_add_kind(&cgc_heap);
  if (kind < 0)
    cgc_fatal("GC_new_kind: there are only %d kinds", CGC_KIND_LIMIT);
  kinds[kind].descr = descr;
  kinds[kind].add_size = add_size;
  cgc_kind_set(
      (enum cgc_kind)kind,
      &(struct cgc_kind_ops){all ? NULL : scan_kind, descr, add_size,
                             all ? CGC_KIND_WORDS : CGC_KIND_DESCRIPTOR});
  return (enum cgc_kind)kind;
}

unsigned GC_new_kind(void **free_list, GC_word descr, int add_size, int clear) {
  (void)free_list;
  (void)clear;
  return cgc_descriptor_kind(descr, add_size != 0);
}

unsigned GC_new_kind_inner(void **free_list, GC_word descr, int add_size,
                           int clear) {
  return GC_new_kind(free_list, descr, add_size, clear);
}

/* Never used, but a client may look into it: empty lists. */
void **GC_new_free_list(void) {
  cgc_init_thread();
  void **lists = cgc_meta_alloc(LISTS * sizeof *lists);
  if (!lists)
    cgc_fatal("GC_new_free_list: no memory");
  return lists;
}

void **GC_new_free_list_inner(void) { return GC_new_free_list(); }
