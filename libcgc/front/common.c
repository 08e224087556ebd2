/* SPDX-License-Identifier: MIT */
#include "front/common.h"

#include "cgc.h"
#include "cycle/invoke.h"
#include "front/alloc.h"
#include "front/init.h"
#include "front/misuse.h"
#include "mark/final.h"
#include "mark/link.h"
#include "world/range.h"

#include <errno.h>
#include <pthread.h>

/* ---- pointers ------------------------------------------------------------ */

void *GC_base(void *addr) {
  struct cgc_object obj;
  if (!cgc_arena_find(&cgc_heap.arena, (uintptr_t)addr, &obj) ||
      !cgc_object_is_live(&obj))
    return NULL;
  return (void *)obj.addr;
}

int GC_is_heap_ptr(const void *addr) {
  return cgc_arena_contains(&cgc_heap.arena, (uintptr_t)addr);
}

void GC_free(void *obj) {
  if (cgc_unlikely(!cgc_alloc_free(obj)))
    cgc_misuse_free(CGC_MISUSE_NOT_HEAP, obj, NULL);
}

/* ---- allocate ------------------------------------------------------------ */

int cgc_common_posix_memalign(void **result, size_t align, size_t size,
                              void *(*memalign)(size_t align, size_t size)) {
  int saved = errno;
  if (align % sizeof(void *) != 0 || !cgc_is_power_of_two(align))
    return EINVAL;
  void *obj = memalign(align, size);
  errno = saved;
  if (!obj)
    return ENOMEM;
  *result = obj;
  return 0;
}

void *cgc_common_realloc(void *obj, size_t size, void *(*alloc)(size_t size),
                         void *(*out_of_memory)(size_t size)) {
  if (!obj)
    return alloc(size);
  if (size == 0) {
    GC_free(obj);
    return NULL;
  }
  void *to = cgc_alloc_resize(obj, size, true);
  return to ? to : out_of_memory(size);
}

/* ---- finalizers ---------------------------------------------------------- */

static void register_final(void *obj, GC_finalization_proc fn, void *data,
                           enum cgc_final_order order,
                           GC_finalization_proc *old_fn, void **old_data) {
  struct cgc_mutator *self = cgc_init_enter();
  int err = -ENOMEM;
  if (self) {
    err = cgc_final_register(obj, fn, data, order, old_fn, old_data);
    cgc_mutator_leave(self);
  }
  if (err)
    errno = -err;
}

void GC_register_finalizer(void *obj, GC_finalization_proc fn, void *data,
                           GC_finalization_proc *old_fn, void **old_data) {
  register_final(obj, fn, data, CGC_FINAL_ORDERED, old_fn, old_data);
}

void GC_register_finalizer_ignore_self(void *obj, GC_finalization_proc fn,
                                       void *data, GC_finalization_proc *old_fn,
                                       void **old_data) {
  register_final(obj, fn, data, CGC_FINAL_IGNORE_SELF, old_fn, old_data);
}

void GC_register_finalizer_no_order(void *obj, GC_finalization_proc fn,
                                    void *data, GC_finalization_proc *old_fn,
                                    void **old_data) {
  register_final(obj, fn, data, CGC_FINAL_NO_ORDER, old_fn, old_data);
}

void GC_register_finalizer_unreachable(void *obj, GC_finalization_proc fn,
                                       void *data, GC_finalization_proc *old_fn,
                                       void **old_data) {
  register_final(obj, fn, data, CGC_FINAL_UNREACHABLE, old_fn, old_data);
}

int GC_invoke_finalizers(void) { return cgc_invoke_all(); }

int GC_should_invoke_finalizers(void) { return cgc_invoke_is_due(); }

/* ---- weak links ---------------------------------------------------------- */

static int register_link(void **link, const void *obj, bool is_long) {
  struct cgc_mutator *self = cgc_init_enter();
  int err = -ENOMEM;
  if (self) {
    err = cgc_link_register(link, obj, is_long);
    cgc_mutator_leave(self);
  }
  return err == 0 ? GC_SUCCESS : err == -EEXIST ? GC_DUPLICATE : GC_NO_MEMORY;
}

static int unregister_link(void **link, bool is_long) {
  struct cgc_mutator *self = cgc_init_enter();
  if (!self)
    return 0;
  bool was = cgc_link_unregister(link, is_long);
  cgc_mutator_leave(self);
  return was;
}

static int move_link(void **link, void **new_link, bool is_long) {
  struct cgc_mutator *self = cgc_init_enter();
  int err = -ENOENT;
  if (self) {
    err = cgc_link_move(link, new_link, is_long);
    cgc_mutator_leave(self);
  }
  return err == 0 ? GC_SUCCESS : err == -EEXIST ? GC_DUPLICATE : GC_NOT_FOUND;
}

int GC_general_register_disappearing_link(void **link, const void *obj) {
  return register_link(link, obj, false);
}

int GC_unregister_disappearing_link(void **link) {
  return unregister_link(link, false);
}

int GC_move_disappearing_link(void **link, void **new_link) {
  return move_link(link, new_link, false);
}

int GC_register_long_link(void **link, const void *obj) {
  return register_link(link, obj, true);
}

int GC_unregister_long_link(void **link) { return unregister_link(link, true); }

int GC_move_long_link(void **link, void **new_link) {
  return move_link(link, new_link, true);
}

/* ---- roots --------------------------------------------------------------- */

void cgc_common_change_ranges(cgc_common_range_fn change, void *low,
                              void *high) {
  struct cgc_mutator *self = cgc_init_enter();
  int err = -ENOMEM;
  if (self) {
    err = low < high ? change((uintptr_t)low, (uintptr_t)high) : 0;
    cgc_mutator_leave(self);
  }
  if (err)
    errno = -err;
}

void GC_add_roots(void *low, void *high) {
  cgc_common_change_ranges(cgc_range_add, low, high);
}

void GC_remove_roots(void *low, void *high) {
  cgc_common_change_ranges(cgc_range_remove, low, high);
}

void GC_clear_roots(void) {
  struct cgc_mutator *self = cgc_init_enter();
  if (!self)
    return;
  cgc_range_clear();
  cgc_mutator_leave(self);
}

/* ---- stacks -------------------------------------------------------------- */

int GC_get_stack_base(struct GC_stack_base *base) {
  pthread_attr_t attr;
  void *low;
  size_t size;
  if (pthread_getattr_np(pthread_self(), &attr) != 0)
    return GC_UNIMPLEMENTED;
  int err = pthread_attr_getstack(&attr, &low, &size);
  pthread_attr_destroy(&attr);
  if (err)
    return GC_UNIMPLEMENTED;
  base->mem_base = (char *)low + size;
  return GC_SUCCESS;
}
