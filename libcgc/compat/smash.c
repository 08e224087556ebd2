/* SPDX-License-Identifier: MIT */
#include "compat/smash.h"

#include "base/log.h"
#include "compat/kinds.h"
#include "cycle/phase.h"
#include "heap/walk.h"

#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void (*next_hook)(struct cgc_heap *heap);

static void report(const struct cgc_object *obj, struct cgc_header *h,
                   uintptr_t at) {
  char text[GC_TYPE_DESCR_LEN + 1];
  enum cgc_kind kind = (enum cgc_kind)obj->span->kind;
  void *user = cgc_header_user(h);
  bool intact = at > (uintptr_t)&h->line;
  cgc_log(CGC_LOG_ERROR,
          "smashed 0x%lx in or near the object at %p, size=%zu %s:%d %s", at,
          user, intact ? h->size : obj->size, intact ? h->file : "?",
          intact ? h->line : 0, cgc_kinds_describe(user, kind, text));
}

bool cgc_smash_check(const struct cgc_object *obj) {
  struct cgc_header *h = cgc_header_of(obj);
  uintptr_t at = h ? cgc_header_smashed(obj) : 0;
  if (at)
    report(obj, h, at);
  return at != 0;
}

static void check_object(const struct cgc_object *obj, void *ctx) {
  (void)ctx;
  if (cgc_smash_check(obj))
    cgc_header_repair(obj);
}

static void check_all(struct cgc_heap *heap) {
  cgc_walk_objects(heap, check_object, NULL);
  if (next_hook)
    next_hook(heap);
}

static void install(void) {
  next_hook = cgc_cycle_marked_hook;
  cgc_cycle_marked_hook = check_all;
}

void cgc_smash_start(void) { pthread_once(&once, install); }
