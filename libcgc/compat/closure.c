/* SPDX-License-Identifier: MIT */
#include "compat/closure.h"

#include "compat/descriptor.h"
#include "compat/kinds.h"
#include "compat/memory.h"
#include "mark/disclaim.h"

#include <pthread.h>

/* Set in the first word of objects that have a closure. */
enum { HAS_CLOSURE = 1 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static enum cgc_kind finalized;

/* Who looks for leaks wants to see dead objects, not to finalize them. */
void GC_register_disclaim_proc(int kind, GC_disclaim_proc proc,
                               int mark_from_all) {
  enum cgc_kind known = cgc_kinds_known(kind);
  if (!GC_find_leak && !cgc_kind_is_pinned(known))
    cgc_disclaim_set(known, proc, mark_from_all != 0);
}

static int finalize(void *obj) {
  GC_word word = *(GC_word *)obj;
  if (word & HAS_CLOSURE) {
    const struct GC_finalizer_closure *closure =
        (const struct GC_finalizer_closure *)(word - HAS_CLOSURE);
    closure->proc((GC_word *)obj + 1, closure->cd);
  }
  return 0;
}

/* Where not every inner pointer counts: to the object, and to its closure. */
static void make_kind(void) {
  GC_register_displacement(sizeof(GC_word));
  GC_register_displacement(HAS_CLOSURE);
  finalized = cgc_descriptor_kind(GC_DS_LENGTH, true);
  GC_register_disclaim_proc((int)finalized, finalize, true);
}

void GC_init_finalized_malloc(void) { pthread_once(&once, make_kind); }

void *GC_finalized_malloc(size_t size,
                          const struct GC_finalizer_closure *closure) {
  GC_init_finalized_malloc();
  size_t bytes = size > PTRDIFF_MAX ? size : size + sizeof(GC_word);
  GC_word *obj = cgc_alloc(bytes, finalized, true);
  if (!obj)
    return cgc_memory_out(size);
  *obj = (GC_word)closure | HAS_CLOSURE;
  return obj + 1;
}
