/* SPDX-License-Identifier: MIT */
#include "front/alloc.h"

#include "cycle/cycle.h"
#include "cycle/invoke.h"
#include "front/misuse.h"
#include "front/reserve.h"
#include "look/block.h"
#include "mark/disclaim.h"
#include "mark/final.h"
#include "mark/link.h"
#include "mark/toggle.h"
#include "os/page.h"

#include <errno.h>

enum { CLEAR_MAX = 16 << 20 }; /* bytes that are cleared by stores */

_Atomic uint64_t cgc_alloc_nslow;
void (*cgc_alloc_slow_hook)(void);

static size_t with_past_end(size_t size) {
  return size + (size_t)cgc_options.past_end;
}

/* ---- One object less -------------------------------------------------- */

static void forget(struct cgc_object *obj) {
  if (obj->span->slots[obj->index] & CGC_SLOT_SPECIAL) {
    cgc_link_forget(obj->addr);
    cgc_toggle_forget(obj->addr);
    cgc_disclaim_forget(obj->addr);
    cgc_final_forget(obj->addr);
    cgc_span_set_special(obj->span, obj->index, false);
  }
}

/* Busy inside. */
static void free_object(struct cgc_mutator *self, struct cgc_object *obj) {
  struct cgc_span *span = obj->span;
  struct cgc_held held = {obj->addr, &span->slots[obj->index]};
  forget(obj);
  if (span->class == CGC_CLASS_LARGE) {
    cgc_heap_free_large(&cgc_heap, span);
  } else if (cgc_cache_make_room(&self->cache, span->kind, span->class)) {
    cgc_cache_push(&self->cache.bin[span->kind][span->class], held.addr,
                   held.slot);
  } else {
    cgc_cache_free_unheld(&self->cache, span->kind, span->class, held);
  }
}

/* FN was asked for OBJ; nobody may have freed it in between. */
static void disclaimed(void *obj, bool keep) {
  struct cgc_mutator *self = cgc_self;
  struct cgc_object o;
  cgc_mutator_enter(self);
  if (cgc_disclaim_done(obj) && !keep &&
      cgc_arena_find(&cgc_heap.arena, (uintptr_t)obj, &o))
    free_object(self, &o);
  cgc_mutator_leave(self);
}

static bool take_disclaimed(struct cgc_disclaim_call *call) {
  if (cgc_likely(cgc_disclaim_waiting() == 0) || !cgc_self ||
      !cgc_mutator_enter(cgc_self))
    return false;
  bool found = cgc_disclaim_take(call);
  cgc_mutator_leave(cgc_self);
  return found;
}

/* Ask for what a cycle found dead, and free it (mark/disclaim). */
static void disclaim(void) {
  struct cgc_disclaim_call call;
  while (take_disclaimed(&call))
    disclaimed(call.obj, call.fn(call.obj) != 0);
}

/* ---- Cycles that allocation asks for ---------------------------------- */

/* Counted for it alone: the line would be all threads'. */
static bool stress_is_due(void) {
  if (cgc_likely(cgc_options.stress == 0))
    return false;
  uint64_t n =
      atomic_fetch_add_explicit(&cgc_alloc_nslow, 1, memory_order_relaxed);
  return (n + 1) % (uint64_t)cgc_options.stress == 0;
}

/* Blocks of the reserve point into the heap, too. */
static void publish_reserve(void) {
  struct cgc_mutator *self = cgc_self;
  if (!self || !cgc_mutator_enter(self))
    return;
  cgc_reserve_publish();
  cgc_mutator_leave(self);
}

int cgc_alloc_collect(enum cgc_cycle_reason reason) {
  publish_reserve();
  int err = cgc_cycle_collect(reason);
  disclaim();
  cgc_invoke_automatic();
  return err;
}

_Atomic(void (*)(void)) cgc_alloc_asked_hook;

static void serve_request(void) {
  void (*serve)(void) = atomic_exchange_explicit(&cgc_alloc_asked_hook, NULL,
                                                 memory_order_acquire);
  if (serve)
    serve();
}

static void pay_debt(void) {
  if (cgc_unlikely(atomic_load_explicit(&cgc_alloc_asked_hook,
                                        memory_order_relaxed) != NULL))
    serve_request();
  if (stress_is_due())
    cgc_alloc_collect(CGC_CYCLE_STRESS);
  else if (cgc_cycle_due())
    cgc_alloc_collect(CGC_CYCLE_TRIGGER);
  else { /* the thread that found them may be held up, or gone */
    disclaim();
    cgc_invoke_automatic();
  }
  if (cgc_unlikely(cgc_alloc_slow_hook != NULL))
    cgc_alloc_slow_hook();
}

/* ---- Small ------------------------------------------------------------ */

typedef bool (*fill_fn)(struct cgc_cache *cache, enum cgc_kind kind,
                        unsigned class, bool zero);

/*
 * A slot that the bin has, or gets by FILL; busy inside.  What the scan
 * function of a kind may look at is cleared before a cycle can come.
 */
static void *small_once(struct cgc_mutator *self, unsigned class,
                        enum cgc_kind kind, fill_fn fill, bool zero,
                        bool *stale) {
  void *obj = NULL;
  cgc_mutator_enter(self);
  struct cgc_bin *bin = &self->cache.bin[kind][class];
  if (!cgc_cache_is_empty(bin) || fill(&self->cache, kind, class, zero))
    obj = cgc_cache_pop(bin, stale);
  if (obj && *stale && cgc_kind_is_described(kind)) {
    memset(obj, 0, cgc_size_classes[class].size);
    *stale = false;
  }
  cgc_keep_visible(obj);
  cgc_mutator_leave(self);
  return obj;
}

/* Debt is paid where a new span is needed, not at each window of one. */
static void *small(struct cgc_mutator *self, unsigned class, enum cgc_kind kind,
                   bool zero) {
  bool stale = false;
  void *obj = small_once(self, class, kind, cgc_cache_advance, zero, &stale);
  if (!obj) {
    pay_debt();
    obj = small_once(self, class, kind, cgc_cache_refill, zero, &stale);
  }
  if (!obj) {
    cgc_alloc_collect(CGC_CYCLE_MEMORY);
    obj = small_once(self, class, kind, cgc_cache_refill, zero, &stale);
  }
  if (obj && zero && stale)
    memset(obj, 0, cgc_size_classes[class].size);
  return obj;
}

/* ---- Large ------------------------------------------------------------ */

/* The words that may say what the others are (bdwgc's contract, too). */
static void clear_ends(void *obj, size_t size) {
  enum { END = 2 * sizeof(uintptr_t) };
  memset(obj, 0, END);
  memset((char *)obj + size - END, 0, END);
}

/* SIZE: out, bytes of the slot. */
static void *large_once(struct cgc_mutator *self, size_t bytes, size_t align,
                        enum cgc_kind kind, bool *zeroed, size_t *size) {
  cgc_mutator_enter(self);
  struct cgc_span *span =
      cgc_heap_new_large(&cgc_heap, bytes, align, kind, zeroed);
  void *obj = span ? (void *)span->base : NULL;
  *size = span ? span->slot_size : 0;
  if (span && !*zeroed && cgc_kind_is_described(kind))
    clear_ends(obj, *size);
  cgc_keep_visible(obj);
  cgc_mutator_leave(self);
  return obj;
}

/*
 * Of a big block the program may use little: then its pages come back one by
 * one, zero, as it touches them.
 */
static void clear_large(void *obj, size_t size) {
  if (size < CLEAR_MAX)
    memset(obj, 0, size);
  else
    cgc_page_discard(obj, size);
}

static void *large(struct cgc_mutator *self, size_t bytes, size_t align,
                   enum cgc_kind kind, bool zero) {
  bool zeroed = false;
  size_t size;
  pay_debt();
  void *obj = large_once(self, bytes, align, kind, &zeroed, &size);
  if (!obj) {
    cgc_alloc_collect(CGC_CYCLE_MEMORY);
    obj = large_once(self, bytes, align, kind, &zeroed, &size);
  }
  if (obj && zero && !zeroed)
    clear_large(obj, size);
  return obj;
}

/* ---- Allocation ------------------------------------------------------- */

/* The smallest class for SIZE whose every slot is a multiple of ALIGN. */
static unsigned class_aligned(size_t size, size_t align) {
  unsigned class = cgc_sizeclass_of(cgc_max(size, align));
  if (align == CGC_GRAIN) /* a multiple of it is each */
    return class;
  while (class <= CGC_CLASSES && cgc_size_classes[class].size % align != 0)
    class ++;
  return class;
}

static void *alloc_any(struct cgc_mutator *self, size_t bytes, size_t align,
                       enum cgc_kind kind, bool zero) {
  unsigned class = CGC_CLASS_LARGE;
  if (bytes <= CGC_SMALL_MAX && align <= CGC_PAGE)
    class = class_aligned(bytes, align);
  if (class <= CGC_CLASSES)
    return small(self, class, kind, zero);
  return large(self, bytes, align, kind, zero);
}

static void *alloc_aligned(struct cgc_mutator *self, size_t size, size_t align,
                           enum cgc_kind kind, bool zero) {
  int saved = errno;
  void *obj = NULL;
  if (size <= PTRDIFF_MAX && align <= PTRDIFF_MAX) {
    if (!self)
      self = cgc_init_thread();
    if (self && !cgc_mutator_is_inside(self))
      obj = alloc_any(self, with_past_end(size), align, kind, zero);
    else
      obj = cgc_reserve_alloc(align, size);
  }
  errno = obj ? saved : ENOMEM;
  return obj;
}

/* Not in a handler that interrupted the allocator: its caller is busy still. */
static void stop_if_asked(struct cgc_mutator *self) {
  if (self && self->stop_asked && !cgc_mutator_is_inside(self))
    cgc_mutator_leave_slow(self);
}

/* OBJ, from the bin; whether its window is zero is not known any more. */
static void *finish(void *obj, bool zero) {
  struct cgc_object found;
  if (zero && cgc_arena_find(&cgc_heap.arena, (uintptr_t)obj, &found))
    memset(obj, 0, found.size);
  return obj;
}

void *cgc_alloc_rest(size_t size, enum cgc_kind kind, bool zero, void *obj) {
  struct cgc_mutator *self = cgc_self;
  stop_if_asked(self);
  if (obj)
    return finish(obj, zero);
  return alloc_aligned(self, size, CGC_GRAIN, kind, zero);
}

void *cgc_alloc_aligned(size_t align, size_t size, enum cgc_kind kind,
                        bool zero) {
  return alloc_aligned(cgc_self, size, cgc_max(align, CGC_GRAIN), kind, zero);
}

/* ---- Free ------------------------------------------------------------- */

/* Whether PTR is the start of a live block; if not, the program hears it. */
static bool find_live(const void *ptr, struct cgc_object *obj) {
  if (!cgc_arena_find(&cgc_heap.arena, (uintptr_t)ptr, obj))
    cgc_misuse_free(CGC_MISUSE_NOT_HEAP, ptr, NULL);
  else if (obj->addr != (uintptr_t)ptr)
    cgc_misuse_free(CGC_MISUSE_INTERIOR, ptr, obj);
  else if (!cgc_object_is_live(obj))
    cgc_misuse_free(CGC_MISUSE_DOUBLE_FREE, ptr, obj);
  else
    return true;
  return false;
}

bool cgc_alloc_free_rest(void *ptr, const void *frame) {
  struct cgc_mutator *self = cgc_self;
  struct cgc_object obj;
  stop_if_asked(self);
  if (!ptr || cgc_reserve_owns(ptr))
    return true;
  if (!cgc_arena_contains(&cgc_heap.arena, (uintptr_t)ptr))
    return false;
  if (cgc_options.free == CGC_FREE_IGNORE)
    return true;
  if (!self)
    self = cgc_init_thread();
  /* In a handler that interrupted the allocator: the collector reclaims. */
  if (!self || cgc_mutator_is_inside(self) || !find_live(ptr, &obj))
    return true;
  int saved = errno;
  if (cgc_options.free == CGC_FREE_WATCH) {
    cgc_block_prefetch(ptr);
    cgc_block_freed(&obj, frame ? cgc_stack_from(frame) : cgc_stack_here());
  }
  cgc_mutator_enter(self);
  free_object(self, &obj);
  cgc_mutator_leave(self);
  if (cgc_pageheap_has_excess(&cgc_heap.pageheap))
    cgc_cycle_trim();
  errno = saved;
  return true;
}

/* ---- Size and resize -------------------------------------------------- */

static size_t usable(const struct cgc_object *obj) {
  return obj->size - (size_t)cgc_options.past_end;
}

size_t cgc_alloc_usable(const void *ptr) {
  struct cgc_object obj;
  if (cgc_reserve_owns(ptr))
    return cgc_reserve_size(ptr);
  if (!cgc_arena_find(&cgc_heap.arena, (uintptr_t)ptr, &obj) ||
      obj.addr != (uintptr_t)ptr || !cgc_object_is_live(&obj))
    return 0;
  return usable(&obj);
}

/* A large block stays where it is, if the pages behind it are free. */
static bool resize_large(const struct cgc_object *obj, size_t bytes,
                         bool zero) {
  struct cgc_mutator *self = cgc_self;
  if (!self || bytes <= CGC_SMALL_MAX || !cgc_mutator_enter(self))
    return false;
  bool done = cgc_heap_resize_large(&cgc_heap, obj->span, bytes);
  cgc_mutator_leave(self);
  size_t now = obj->span->slot_size;
  if (done && zero && now > obj->size)
    memset((char *)obj->addr + obj->size, 0, now - obj->size);
  return done;
}

/* Less than half would be left unused: not worth a copy. */
static bool fits_in_place(const struct cgc_object *obj, size_t size) {
  return size <= usable(obj) && (size >= obj->size / 2 || obj->size <= 64);
}

static void *move(const struct cgc_object *obj, size_t size, bool zero) {
  void *old = (void *)obj->addr;
  void *to = cgc_alloc(size, obj->span->kind, zero);
  if (!to)
    return NULL;
  memcpy(to, old, cgc_min(size, usable(obj)));
  cgc_alloc_free(old);
  return to;
}

static void *resize_reserve(void *ptr, size_t size, bool zero) {
  void *to = cgc_alloc(size, CGC_KIND_SCAN, zero);
  if (to)
    memcpy(to, ptr, cgc_min(size, cgc_reserve_size(ptr)));
  return to;
}

void *cgc_alloc_resize(void *ptr, size_t size, bool zero) {
  struct cgc_object obj;
  if (cgc_reserve_owns(ptr))
    return resize_reserve(ptr, size, zero);
  if (!find_live(ptr, &obj)) {
    errno = EINVAL;
    return NULL;
  }
  if (fits_in_place(&obj, size))
    return ptr;
  if (obj.span->class == CGC_CLASS_LARGE && size <= PTRDIFF_MAX &&
      resize_large(&obj, with_past_end(size), zero))
    return ptr;
  return move(&obj, size, zero);
}

/* ---- Giving back ----------------------------------------------------- */

size_t cgc_alloc_release(void) {
  struct cgc_mutator *self = cgc_init_enter();
  if (!self)
    return 0;
  cgc_cache_flush(&self->cache);
  cgc_heap_sweep_all(&cgc_heap);
  size_t npages = cgc_pageheap_trim(&cgc_heap.pageheap, 0);
  size_t all = SIZE_MAX;
  size_t bytes = cgc_heap_thin(&cgc_heap, &all);
  cgc_mutator_leave(self);
  return bytes + (npages << CGC_PAGE_SHIFT);
}
