/* SPDX-License-Identifier: MIT */
#include "compat/lost.h"

#include "base/log.h"
#include "compat/header.h"
#include "compat/kinds.h"
#include "compat/message.h"
#include "compat/variable.h"
#include "cycle/cycle.h"
#include "cycle/phase.h"
#include "heap/walk.h"

#include <stdlib.h>

enum { TOLD_MAX = 40 /* in one collection, as bdwgc */ };

static void (*next_finished)(const struct cgc_cycle_report *report);
static bool aborts; /* world stopped, then the collecting thread */
static void (*next_hook)(struct cgc_heap *heap);

static const char *sort_of(enum cgc_kind kind) {
  if (cgc_kind_is_pinned(kind))
    return "uncollectable";
  return cgc_kind_is_noscan(kind) ? "atomic" : "composite";
}

static void tell(const struct cgc_object *obj) {
  char text[GC_TYPE_DESCR_LEN + 1];
  enum cgc_kind kind = (enum cgc_kind)obj->span->kind;
  struct cgc_header *h = cgc_header_of(obj);
  if (h)
    cgc_log_raw("%p (%s:%d, sz= %zu, %s)\n", cgc_header_user(h), h->file,
                h->line, h->size,
                cgc_kinds_describe(cgc_header_user(h), kind, text));
  else
    cgc_log_raw("object at %p of appr. %zu bytes (%s)\n", (void *)obj->addr,
                obj->size, sort_of(kind));
}

struct search {
  const struct cgc_heap *heap;
  size_t found;
  size_t to_tell;
};

static bool is_lost(const struct cgc_object *obj, const struct search *s) {
  return !cgc_object_is_marked(&s->heap->arena, obj);
}

static void count(const struct cgc_object *obj, void *ctx) {
  struct search *s = ctx;
  s->found += is_lost(obj, s);
}

static void tell_some(const struct cgc_object *obj, void *ctx) {
  struct search *s = ctx;
  if (s->to_tell == 0 || !is_lost(obj, s))
    return;
  s->to_tell--;
  tell(obj);
}

static void look(struct cgc_heap *heap) {
  struct search search = {heap, 0, TOLD_MAX};
  if (GC_find_leak) {
    cgc_walk_objects(heap, count, &search);
    if (search.found > 0)
      cgc_log_raw("Found %zu leaked objects:\n", search.found);
    cgc_walk_objects(heap, tell_some, &search);
    aborts |= search.found > 0 && secure_getenv("GC_ABORT_ON_LEAK");
  }
  if (next_hook)
    next_hook(heap);
}

/* The world goes on by now. */
static void end_if_wanted(const struct cgc_cycle_report *report) {
  if (aborts)
    cgc_message_abort("Leaked objects were found");
  if (next_finished)
    next_finished(report);
}

/* What had a finalizer is found by the second, when that has run. */
static void collect_at_exit(void) {
  if (!GC_find_leak)
    return;
  GC_gcollect();
  GC_gcollect();
}

void cgc_lost_started(void) {
  next_hook = cgc_cycle_marked_hook;
  cgc_cycle_marked_hook = look;
  next_finished = cgc_cycle_finished_hook;
  cgc_cycle_finished_hook = end_if_wanted;
  if (GC_find_leak)
    atexit(collect_at_exit);
}
