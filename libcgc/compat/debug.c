/* SPDX-License-Identifier: MIT */
#define GC_REQUIRE_WCSDUP
#include "compat/debug.h"

#include "base/log.h"
#include "compat/gcj.h"
#include "compat/kinds.h"
#include "compat/memory.h"
#include "compat/smash.h"
#include "front/misuse.h"

#include <wchar.h>

enum { FREED = 0xde };

const size_t GC_debug_header_size = sizeof(struct cgc_header);

size_t GC_get_debug_header_size(void) { return GC_debug_header_size; }

/* ---- Allocation --------------------------------------------------------- */

/* A pointer behind the header counts, where not every inner one does. */
static void start(void) {
  static _Atomic bool started;
  if (atomic_load_explicit(&started, memory_order_relaxed))
    return;
  GC_init();
  GC_register_displacement(sizeof(struct cgc_header));
  cgc_smash_start();
  atomic_store_explicit(&started, true, memory_order_relaxed);
}

static void *write_header(void *base, size_t size, const char *file, int line) {
  struct cgc_object obj;
  struct cgc_mutator *self = cgc_self;
  if (!cgc_arena_find(&cgc_heap.arena, (uintptr_t)base, &obj) || !self ||
      !cgc_mutator_enter(self))
    return base; /* of the reserve, in a signal handler */
  void *user = cgc_header_write(&obj, size, file, line);
  cgc_mutator_leave(self);
  return user;
}

static void *new_object(size_t size, enum cgc_kind kind, const char *file,
                        int line) {
  start();
  void *base = cgc_alloc(cgc_header_bytes(size), kind, true);
  return base ? write_header(base, size, file, line) : cgc_memory_out(size);
}

void *GC_debug_malloc(size_t size, const char *file, int line) {
  return new_object(size, CGC_KIND_SCAN, file, line);
}

void *GC_debug_malloc_atomic(size_t size, const char *file, int line) {
  return new_object(size, CGC_KIND_NOSCAN, file, line);
}

void *GC_debug_malloc_uncollectable(size_t size, const char *file, int line) {
  return new_object(size, CGC_KIND_PINNED, file, line);
}

void *GC_debug_malloc_atomic_uncollectable(size_t size, const char *file,
                                           int line) {
  return new_object(size, CGC_KIND_PINNED_NOSCAN, file, line);
}

void *GC_debug_malloc_ignore_off_page(size_t size, const char *file, int line) {
  return GC_debug_malloc(size, file, line);
}

void *GC_debug_malloc_atomic_ignore_off_page(size_t size, const char *file,
                                             int line) {
  return GC_debug_malloc_atomic(size, file, line);
}

void *GC_debug_malloc_stubborn(size_t size, const char *file, int line) {
  return GC_debug_malloc(size, file, line);
}

void *GC_debug_generic_or_special_malloc(size_t size, int kind,
                                         const char *file, int line) {
  return new_object(size, cgc_kinds_known(kind), file, line);
}

void *GC_debug_gcj_malloc(size_t size, void *type, const char *file, int line) {
  enum cgc_kind kind =
      GC_gcj_debug_kind ? (enum cgc_kind)GC_gcj_debug_kind : CGC_KIND_SCAN;
  void **obj = new_object(cgc_max(size, sizeof type), kind, file, line);
  if (obj)
    *obj = type;
  return obj;
}

void *GC_debug_malloc_replacement(size_t size) {
  return GC_debug_malloc(size, "unknown", 0);
}

static void *copy(const void *text, size_t bytes, size_t end, const char *file,
                  int line) {
  char *to = GC_debug_malloc_atomic(bytes + end, file, line);
  if (!to)
    return NULL;
  memset(to + bytes, 0, end);
  return memcpy(to, text, bytes);
}

char *GC_debug_strdup(const char *s, const char *file, int line) {
  return s ? copy(s, strlen(s), 1, file, line) : NULL;
}

char *GC_debug_strndup(const char *s, size_t max, const char *file, int line) {
  return copy(s, strnlen(s, max), 1, file, line);
}

wchar_t *GC_debug_wcsdup(const wchar_t *s, const char *file, int line) {
  return copy(s, wcslen(s) * sizeof *s, sizeof *s, file, line);
}

/* ---- Free --------------------------------------------------------------- */

/*
 * The object that PTR is the program's pointer to.
 * returns  NULL if it has no header
 */
static struct cgc_header *header_of(const void *ptr, struct cgc_object *obj) {
  if (!cgc_arena_find(&cgc_heap.arena, (uintptr_t)ptr, obj) ||
      !cgc_object_is_live(obj))
    return NULL;
  struct cgc_header *h = cgc_header_of(obj);
  return h && cgc_header_user(h) == ptr ? h : NULL;
}

/* Whether PTR was the program's pointer to what is free now. */
static bool is_free(const void *ptr, struct cgc_object *obj) {
  return cgc_arena_find(&cgc_heap.arena, (uintptr_t)ptr, obj) &&
         !cgc_object_is_live(obj);
}

static void erase(const struct cgc_object *obj, void *user) {
  memset(user, FREED, obj->addr + obj->size - (uintptr_t)user);
  cgc_header_erase(obj);
}

void GC_debug_free(void *ptr) {
  struct cgc_object obj;
  if (!ptr)
    return;
  if (is_free(ptr, &obj)) {
    cgc_misuse_free(CGC_MISUSE_DOUBLE_FREE, ptr, &obj);
  } else if (!header_of(ptr, &obj)) {
    GC_free(ptr); /* made by GC_malloc, or wrong */
  } else {
    cgc_smash_check(&obj);
    erase(&obj, ptr);
    GC_free((void *)obj.addr);
  }
}

void *GC_debug_realloc(void *old, size_t size, const char *file, int line) {
  struct cgc_object obj;
  if (!old)
    return GC_debug_malloc(size, file, line);
  if (size == 0) {
    GC_debug_free(old);
    return NULL;
  }
  struct cgc_header *h = header_of(old, &obj);
  if (!h)
    return GC_realloc(old, size);
  void *to = new_object(size, (enum cgc_kind)obj.span->kind, file, line);
  if (to) {
    memcpy(to, old, cgc_min(size, cgc_min(h->size, obj.size)));
    GC_debug_free(old);
  }
  return to;
}

void *GC_debug_realloc_replacement(void *old, size_t size) {
  return GC_debug_realloc(old, size, "unknown", 0);
}

/* ---- Finalizers --------------------------------------------------------- */

/* What a finalizer that is registered at the slot's start calls. */
struct closure {
  GC_finalization_proc fn;
  void *data;
};

static void call(void *base, void *data) {
  const struct closure *closure = data;
  closure->fn((struct cgc_header *)base + 1, closure->data);
}

typedef void (*register_fn)(void *obj, GC_finalization_proc fn, void *data,
                            GC_finalization_proc *old_fn, void **old_data);

static void tell_old(GC_finalization_proc fn, void *data,
                     GC_finalization_proc *old_fn, void **old_data) {
  const struct closure *closure = data;
  bool ours = fn == call && closure;
  if (old_fn)
    *old_fn = ours ? closure->fn : fn;
  if (old_data)
    *old_data = ours ? closure->data : data;
}

static void do_register(register_fn how, void *obj, GC_finalization_proc fn,
                        void *data, GC_finalization_proc *old_fn,
                        void **old_data) {
  GC_finalization_proc was_fn = NULL;
  void *was_data = NULL;
  struct cgc_object o;
  struct closure *closure = NULL;
  if (!header_of(obj, &o)) {
    how(obj, fn, data, old_fn, old_data);
    return;
  }
  if (fn && (closure = GC_malloc(sizeof *closure)))
    *closure = (struct closure){fn, data};
  if (fn && !closure)
    return;
  how((void *)o.addr, fn ? call : NULL, closure, &was_fn, &was_data);
  tell_old(was_fn, was_data, old_fn, old_data);
}

void GC_debug_register_finalizer(void *obj, GC_finalization_proc fn, void *data,
                                 GC_finalization_proc *old_fn,
                                 void **old_data) {
  do_register(GC_register_finalizer, obj, fn, data, old_fn, old_data);
}

void GC_debug_register_finalizer_ignore_self(void *obj, GC_finalization_proc fn,
                                             void *data,
                                             GC_finalization_proc *old_fn,
                                             void **old_data) {
  do_register(GC_register_finalizer_ignore_self, obj, fn, data, old_fn,
              old_data);
}

void GC_debug_register_finalizer_no_order(void *obj, GC_finalization_proc fn,
                                          void *data,
                                          GC_finalization_proc *old_fn,
                                          void **old_data) {
  do_register(GC_register_finalizer_no_order, obj, fn, data, old_fn, old_data);
}

void GC_debug_register_finalizer_unreachable(void *obj, GC_finalization_proc fn,
                                             void *data,
                                             GC_finalization_proc *old_fn,
                                             void **old_data) {
  do_register(GC_register_finalizer_unreachable, obj, fn, data, old_fn,
              old_data);
}

/* ---- The rest ----------------------------------------------------------- */

void GC_debug_register_displacement(size_t offset) {
  GC_register_displacement(offset);
  GC_register_displacement(sizeof(struct cgc_header) + offset);
}

void GC_debug_change_stubborn(const void *obj) { (void)obj; }

void GC_debug_end_stubborn_change(const void *obj) { (void)obj; }

void GC_debug_ptr_store_and_dirty(void *p, const void *q) {
  *(const void **)p = q;
}
