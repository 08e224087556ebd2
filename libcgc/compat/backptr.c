/* SPDX-License-Identifier: MIT */
#include "compat/backptr.h"

#include "base/log.h"
#include "front/init.h"
#include "heap/walk.h"
#include "world/mutator.h"
#include "world/root.h"
#include "world/stop.h"

#include <stdlib.h>

enum { DEPTH_MAX = 20 };

struct search {
  struct cgc_object dest;
  GC_ref_kind found;
  void *base;
  size_t offset;
};

/* ---- Searching ---------------------------------------------------------- */

static bool is_reference(const struct search *s, uintptr_t word) {
  return word - s->dest.addr < s->dest.size;
}

CGC_SCANS_MEMORY
static uintptr_t find_word(const struct search *s, uintptr_t lo, uintptr_t hi) {
  for (; lo + sizeof lo <= hi; lo += sizeof lo)
    if (is_reference(s, *(const uintptr_t *)lo))
      return lo;
  return 0;
}

static void search_object(const struct cgc_object *obj, void *ctx) {
  struct search *s = ctx;
  if (s->found != GC_UNREFERENCED || obj->addr == s->dest.addr ||
      cgc_kind_is_noscan((enum cgc_kind)obj->span->kind))
    return;
  uintptr_t at = find_word(s, obj->addr, obj->addr + obj->size);
  if (!at)
    return;
  s->found = GC_REFD_FROM_HEAP;
  s->base = (void *)obj->addr;
  s->offset = at - obj->addr;
}

static void search_root(uintptr_t lo, uintptr_t hi, enum cgc_root_kind kind,
                        void *ctx) {
  struct search *s = ctx;
  uintptr_t at = s->found == GC_UNREFERENCED ? find_word(s, lo, hi) : 0;
  if (!at)
    return;
  s->found = kind == CGC_ROOT_REGISTERS ? GC_REFD_FROM_REG : GC_REFD_FROM_ROOT;
  s->base = (void *)at;
  s->offset = 0;
}

static void search_stopped(struct cgc_mutator *self, struct search *s) {
  cgc_stop_world();
  self->sp = (uintptr_t)__builtin_frame_address(0);
  cgc_walk_objects(&cgc_heap, search_object, s);
  if (s->found == GC_UNREFERENCED)
    cgc_root_visit(CGC_ROOTS_DATA, search_root, s);
  cgc_start_world();
}

static CGC_NOINLINE void search(struct search *s) {
  struct cgc_mutator *self = cgc_init_thread();
  if (!self || !cgc_mutator_enter(self))
    return;
  cgc_heap_sweep_all(&cgc_heap); /* what waits for it is garbage */
  search_stopped(self, s);
  cgc_mutator_leave(self);
}

GC_ref_kind GC_get_back_ptr_info(void *dest, void **base, size_t *offset) {
  struct search s = {.found = GC_UNREFERENCED};
  if (!cgc_arena_find(&cgc_heap.arena, (uintptr_t)dest, &s.dest) ||
      !cgc_object_is_live(&s.dest))
    return GC_NO_SPACE;
  search(&s);
  if (base)
    *base = s.base;
  if (offset)
    *offset = s.offset;
  return s.found;
}

/* ---- At random ---------------------------------------------------------- */

void *GC_generate_random_heap_address(void) {
  size_t bytes = cgc_arena_bytes(&cgc_heap.arena);
  uint64_t r = (uint64_t)random() << 31 | (uint64_t)random();
  return bytes ? (void *)(cgc_heap.arena.base + r % bytes) : NULL;
}

struct choice {
  size_t left;
  uintptr_t addr;
};

static void choose(const struct cgc_object *obj, void *ctx) {
  struct choice *c = ctx;
  if (c->left-- == 0 || !c->addr)
    c->addr = obj->addr;
}

static void count(const struct cgc_object *obj, void *ctx) {
  (void)obj;
  ++*(size_t *)ctx;
}

static uintptr_t choose_stopped(void) {
  size_t n = 0;
  cgc_walk_objects(&cgc_heap, count, &n);
  struct choice c = {n ? (size_t)random() % n : 0, 0};
  cgc_walk_objects(&cgc_heap, choose, &c);
  return c.addr;
}

void *GC_generate_random_valid_address(void) {
  uintptr_t addr = 0;
  struct cgc_mutator *self = cgc_init_thread();
  if (!self || !cgc_mutator_enter(self))
    return NULL;
  cgc_heap_sweep_all(&cgc_heap);
  cgc_stop_world();
  addr = choose_stopped();
  cgc_start_world();
  cgc_mutator_leave(self);
  return (void *)addr;
}

/* ---- Telling ------------------------------------------------------------ */

static bool print_step(GC_ref_kind kind, const void *base, size_t offset) {
  switch (kind) {
  case GC_REFD_FROM_HEAP:
    cgc_log_raw("  pointed to by the object at %p, offset %zu\n", base, offset);
    return true;
  case GC_REFD_FROM_ROOT:
    cgc_log_raw("  pointed to by the root at %p\n", base);
    return false;
  case GC_REFD_FROM_REG:
    cgc_log_raw("  pointed to by a register\n");
    return false;
  default:
    cgc_log_raw("  pointed to by nothing that was found\n");
    return false;
  }
}

void GC_print_backtrace(void *obj) {
  size_t offset = 0;
  bool more = true;
  cgc_log_raw("object at %p\n", obj);
  for (int depth = 0; more && depth < DEPTH_MAX; depth++) {
    void *base = NULL;
    GC_ref_kind kind = GC_get_back_ptr_info(obj, &base, &offset);
    more = print_step(kind, base, offset);
    obj = base;
  }
}

void GC_generate_random_backtrace(void) {
  GC_gcollect();
  void *obj = GC_generate_random_valid_address();
  if (obj)
    GC_print_backtrace(obj);
}
