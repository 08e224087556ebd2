/* SPDX-License-Identifier: MIT */
#include "front/api.h"

#include "base/log.h"
#include "cycle/cycle.h"
#include "cycle/invoke.h"
#include "cycle/trimmer.h"
#include "front/alloc.h"
#include "front/common.h"
#include "front/debug.h"
#include "front/leak.h"
#include "front/reserve.h"
#include "heap/walk.h"
#include "look/stat.h"
#include "world/range.h"
#include "world/stop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION_MAJOR = 0, VERSION_MINOR = 1, VERSION_MICRO = 0 };

/* 0, or -1 and errno. */
static int result_of(int err) {
  if (err == 0)
    return 0;
  errno = -err;
  return -1;
}

/* ---- start --------------------------------------------------------------- */

void GC_init(void) { cgc_init_thread(); }

unsigned GC_get_version(void) {
  return VERSION_MAJOR << 16 | VERSION_MINOR << 8 | VERSION_MICRO;
}

/* ---- allocate ------------------------------------------------------------ */

static void *return_null(size_t size) {
  (void)size;
  return NULL;
}

static _Atomic(GC_oom_func) oom_fn = return_null;

static CGC_COLD void *out_of_memory(size_t size) {
  return atomic_load_explicit(&oom_fn, memory_order_relaxed)(size);
}

static CGC_NOINLINE void *rest(size_t size, enum cgc_kind kind, void *obj) {
  obj = cgc_alloc_rest(size, kind, true, obj);
  return obj ? obj : out_of_memory(size);
}

CGC_INLINE void *alloc(size_t size, enum cgc_kind kind) {
  void *obj;
  if (cgc_likely(cgc_alloc_fast(size, kind, true, &obj)))
    return obj;
  return rest(size, kind, obj);
}

void *GC_malloc(size_t size) { return alloc(size, CGC_KIND_SCAN); }

void *GC_malloc_noscan(size_t size) { return alloc(size, CGC_KIND_NOSCAN); }

void *GC_malloc_uncollectable(size_t size) {
  return alloc(size, CGC_KIND_PINNED);
}

void *GC_malloc_noscan_uncollectable(size_t size) {
  return alloc(size, CGC_KIND_PINNED_NOSCAN);
}

void *GC_calloc(size_t count, size_t size) {
  size_t bytes;
  if (!__builtin_mul_overflow(count, size, &bytes))
    return alloc(bytes, CGC_KIND_SCAN);
  errno = ENOMEM;
  return out_of_memory(SIZE_MAX);
}

void *GC_memalign(size_t align, size_t size) {
  if (!cgc_is_power_of_two(align)) {
    errno = EINVAL;
    return NULL;
  }
  void *obj = cgc_alloc_aligned(align, size, CGC_KIND_SCAN, true);
  return obj ? obj : out_of_memory(size);
}

int GC_posix_memalign(void **result, size_t align, size_t size) {
  return cgc_common_posix_memalign(result, align, size, GC_memalign);
}

size_t GC_size(const void *obj) { return obj ? cgc_alloc_usable(obj) : 0; }

void *GC_realloc(void *obj, size_t size) {
  return cgc_common_realloc(obj, size, GC_malloc, out_of_memory);
}

static char *copy_text(const char *s, size_t len) {
  char *copy = GC_malloc_noscan(len + 1);
  if (!copy)
    return NULL;
  memcpy(copy, s, len);
  copy[len] = '\0';
  return copy;
}

char *GC_strndup(const char *s, size_t len) {
  return copy_text(s, strnlen(s, len));
}

char *GC_strdup(const char *s) { return s ? copy_text(s, strlen(s)) : NULL; }

/* ---- collect ------------------------------------------------------------- */

/* Of calls from a debugger, in cgc.h's words. */
_Static_assert((int)GC_EBUSY_SELF == (int)CGC_DEBUG_BUSY_SELF &&
                   (int)GC_EBUSY_OTHER == (int)CGC_DEBUG_BUSY_OTHER &&
                   (int)GC_EDEBUGGER == (int)CGC_DEBUG_HELD &&
                   (int)GC_REQUEST_COLLECT == (int)CGC_DEBUG_COLLECT &&
                   (int)GC_REQUEST_DUMP == (int)CGC_DEBUG_DUMP &&
                   (int)GC_REQUEST_LEAK_CHECK == (int)CGC_DEBUG_LEAK_CHECK,
               "one meaning");

int GC_collect(void) {
  if (cgc_debug_is_call(__builtin_return_address(0),
                        __builtin_frame_address(0)))
    return cgc_debug_collect();
  if (!cgc_init_thread())
    return result_of(-ENOMEM);
  return result_of(cgc_alloc_collect(CGC_CYCLE_ASKED));
}

int GC_request(int what) {
  return cgc_debug_ask((unsigned)what) ? 0 : result_of(-EINVAL);
}

void GC_dump(void) { cgc_debug_dump(); }

int GC_leak_check(void) {
  if (cgc_debug_is_call(__builtin_return_address(0),
                        __builtin_frame_address(0)))
    return result_of(cgc_debug_leak_check());
  int status = cgc_leak_check("call", NULL);
  if (status < 0) {
    errno = -status;
    return -1;
  }
  return (int)cgc_min(cgc_leak_lost(), INT32_MAX);
}

void GC_disable(void) { cgc_cycle_disable(); }

void GC_enable(void) { cgc_cycle_enable(); }

int GC_is_disabled(void) { return cgc_cycle_is_disabled(); }

size_t GC_release_memory(void) { return cgc_alloc_release(); }

/* ---- out of memory and warnings ------------------------------------------ */

void GC_set_oom_fn(GC_oom_func fn) {
  atomic_store_explicit(&oom_fn, fn ? fn : return_null, memory_order_relaxed);
}

GC_oom_func GC_get_oom_fn(void) {
  return atomic_load_explicit(&oom_fn, memory_order_relaxed);
}

static _Atomic(GC_warn_proc) warn_proc;

/* The text becomes a format: each % of it stands for itself. */
static void warn(const char *text) {
  char format[CGC_LOG_LINE_MAX + 1];
  size_t n = 0;
  for (; *text && n + 2 < sizeof format; text++) {
    if (*text == '%')
      format[n++] = '%';
    format[n++] = *text;
  }
  format[n] = '\0';
  GC_warn_proc fn = GC_get_warn_proc();
  if (fn)
    fn(format, 0);
}

void GC_set_warn_proc(GC_warn_proc fn) {
  atomic_store_explicit(&warn_proc, fn, memory_order_relaxed);
  cgc_warning_hook = fn ? warn : NULL;
}

GC_warn_proc GC_get_warn_proc(void) {
  return atomic_load_explicit(&warn_proc, memory_order_relaxed);
}

void GC_ignore_warn_proc(char *format, unsigned long arg) {
  (void)format;
  (void)arg;
}

/* ---- finalizers ---------------------------------------------------------- */

void GC_set_finalize_on_demand(int value) {
  cgc_invoke_set_on_demand(value != 0);
}

int GC_get_finalize_on_demand(void) { return cgc_invoke_is_on_demand(); }

void GC_set_finalizer_notifier(GC_finalizer_notifier_proc fn) {
  cgc_invoke_set_notifier(fn);
}

GC_finalizer_notifier_proc GC_get_finalizer_notifier(void) {
  return cgc_invoke_get_notifier();
}

/* ---- roots --------------------------------------------------------------- */

void GC_exclude_roots(void *low, void *high) {
  cgc_common_change_ranges(cgc_range_exclude, low, high);
}

/* ---- threads ------------------------------------------------------------- */

int GC_register_my_thread(const struct GC_stack_base *base) {
  uintptr_t here = (uintptr_t)__builtin_frame_address(0);
  if (cgc_self)
    return GC_DUPLICATE;
  struct cgc_mutator *self = cgc_init_thread();
  if (!self)
    return GC_NO_MEMORY;
  cgc_mutator_set_stack(self, here, (uintptr_t)base->mem_base);
  return GC_SUCCESS;
}

int GC_unregister_my_thread(void) {
  if (!cgc_self)
    return GC_NOT_FOUND;
  cgc_mutator_unregister(cgc_self);
  return GC_SUCCESS;
}

/* ---- tune ---------------------------------------------------------------- */

int GC_set_option(const char *name, const char *value) {
  int err = cgc_option_set(name, value);
  if (err == 0 && cgc_self && strcmp(name, "CGC_PERCENT") == 0)
    cgc_cycle_set_percent((uint64_t)cgc_options.percent);
  return result_of(err);
}

int GC_get_option(const char *name, long *value) {
  int64_t n = 0;
  int err = cgc_option_get(name, &n);
  if (err == 0)
    *value = n;
  return result_of(err);
}

/* ---- observe ------------------------------------------------------------- */

static struct GC_stats public_stats(const struct cgc_stat *s) {
  return (struct GC_stats){
      .heap_bytes = s->heap_bytes,
      .free_bytes = s->free_bytes,
      .in_use_bytes = s->in_use_bytes,
      .live_bytes = s->live_bytes,
      .next_trigger_bytes = s->trigger_bytes,
      .reserved_bytes = s->reserved_bytes,
      .meta_bytes = s->meta_bytes,
      .allocated_bytes = s->grown_bytes,
      .reclaimed_bytes = s->reclaimed_bytes,
      .released_bytes = s->returned_bytes,
      .collections = s->ncycles,
      .pause_total_ns = s->pause_ns,
      .pause_max_ns = s->pause_longest_ns,
      .pause_last_ns = s->pause_last_ns,
      .stop_last_ns = s->stop_last_ns,
      .root_bytes = s->root_bytes,
      .threads = s->nmutators,
      .finalizers = s->nfinalizers,
      .finalizers_ready = s->nready,
      .finalizers_run = s->ninvoked,
      .links = s->nlinks,
  };
}

int GC_get_stats(struct GC_stats *stats) {
  struct cgc_stat taken;
  size_t size = stats->size;
  if (size == 0)
    return result_of(-EINVAL);
  struct cgc_mutator *self = cgc_init_enter();
  if (!self)
    return result_of(-EBUSY);
  cgc_stat_take(&taken);
  cgc_mutator_leave(self);
  struct GC_stats all = public_stats(&taken);
  memcpy(stats, &all, cgc_min(size, sizeof all));
  stats->size = size; /* a newer program's further fields stay as they are */
  return 0;
}

struct walk {
  GC_object_func fn;
  void *data;
  int result;
};

static void walk_one(const struct cgc_object *obj, void *ctx) {
  struct walk *walk = ctx;
  if (walk->result == 0)
    walk->result = walk->fn((void *)obj->addr, obj->size, walk->data);
}

int GC_walk_heap(GC_object_func fn, void *client_data) {
  struct walk walk = {fn, client_data, 0};
  struct cgc_mutator *self = cgc_init_enter();
  if (!self)
    return result_of(-EBUSY);
  cgc_heap_sweep_all(&cgc_heap); /* what waits for it is garbage */
  cgc_trimmer_end(&cgc_trimmer);
  cgc_stop_world();
  cgc_walk_objects(&cgc_heap, walk_one, &walk);
  cgc_start_world();
  cgc_mutator_leave(self);
  return walk.result;
}
