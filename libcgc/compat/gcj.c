/* SPDX-License-Identifier: MIT */
#include "compat/gcj.h"

#include "compat/descriptor.h"
#include "compat/memory.h"

#include <pthread.h>

enum { DESCRIPTOR_OFFSET = sizeof(GC_word), DEBUG_ENV = 1 };

int GC_gcj_kind;
int GC_gcj_debug_kind;

static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

/* In *type, DESCRIPTOR_OFFSET bytes from its start. */
static const GC_word by_type =
    (GC_word)(-DESCRIPTOR_OFFSET - GC_INDIR_PER_OBJ_BIAS) | GC_DS_PER_OBJECT;

void GC_init_gcj_malloc(int index, void *proc) {
  pthread_mutex_lock(&making);
  if (!GC_gcj_kind) {
    cgc_descriptor_reserve((unsigned)index, (GC_mark_proc)proc);
    GC_gcj_debug_kind = (int)cgc_descriptor_kind(
        GC_MAKE_PROC((GC_word)index, (GC_word)DEBUG_ENV), false);
    GC_gcj_kind = (int)cgc_descriptor_kind(by_type, false);
  }
  pthread_mutex_unlock(&making);
}

/* Without GC_init_gcj_malloc every word counts. */
void *GC_gcj_malloc(size_t size, void *type) {
  enum cgc_kind kind = GC_gcj_kind ? (enum cgc_kind)GC_gcj_kind : CGC_KIND_SCAN;
  void **obj = cgc_memory_new(cgc_max(size, sizeof type), kind);
  if (obj)
    *obj = type;
  return obj;
}

void *GC_gcj_malloc_ignore_off_page(size_t size, void *type) {
  return GC_gcj_malloc(size, type);
}
