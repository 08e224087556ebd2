/* SPDX-License-Identifier: MIT */
#define GC_REQUIRE_WCSDUP
#include "compat/memory.h"

#include "front/common.h"

#include <errno.h>
#include <string.h>

void *cgc_memory_out(size_t bytes) { return GC_oom_fn(bytes); }

/* ---- the family -------------------------------------------------------- */

void *GC_malloc(size_t size) { return cgc_memory_new(size, CGC_KIND_SCAN); }

/* The contract leaves what is in it open: nothing is cleared. */
static void *new_atomic(size_t size, enum cgc_kind kind) {
  void *obj = cgc_alloc(size, kind, false);
  return cgc_likely(obj != NULL) ? obj : cgc_memory_out(size);
}

void *GC_malloc_atomic(size_t size) {
  return new_atomic(size, CGC_KIND_NOSCAN);
}

void *GC_malloc_uncollectable(size_t size) {
  return cgc_memory_new(size, CGC_KIND_PINNED);
}

void *GC_malloc_atomic_uncollectable(size_t size) {
  return new_atomic(size, CGC_KIND_PINNED_NOSCAN);
}

void *GC_malloc_ignore_off_page(size_t size) { return GC_malloc(size); }

void *GC_malloc_atomic_ignore_off_page(size_t size) {
  return GC_malloc_atomic(size);
}

void *GC_malloc_stubborn(size_t size) { return GC_malloc(size); }

void *GC_memalign(size_t align, size_t size) {
  void *obj = NULL;
  if (cgc_is_power_of_two(align))
    obj = cgc_alloc_aligned(align, size, CGC_KIND_SCAN, true);
  return obj ? obj : cgc_memory_out(size);
}

int GC_posix_memalign(void **result, size_t align, size_t size) {
  return cgc_common_posix_memalign(result, align, size, GC_memalign);
}

void *GC_realloc(void *obj, size_t size) {
  return cgc_common_realloc(obj, size, GC_malloc, cgc_memory_out);
}

/* ---- copies of text ---------------------------------------------------- */

static void *copy(const void *text, size_t bytes, size_t end) {
  char *to = GC_malloc_atomic(bytes + end);
  if (!to) {
    errno = ENOMEM;
    return NULL;
  }
  memset(to + bytes, 0, end);
  return memcpy(to, text, bytes);
}

char *GC_strdup(const char *s) { return s ? copy(s, strlen(s), 1) : NULL; }

char *GC_strndup(const char *s, size_t max) {
  return copy(s, strnlen(s, max), 1);
}

wchar_t *GC_wcsdup(const wchar_t *s) {
  return copy(s, wcslen(s) * sizeof *s, sizeof *s);
}

/* ---- what needs no word any more --------------------------------------- */

void GC_change_stubborn(const void *obj) { (void)obj; }

void GC_end_stubborn_change(const void *obj) { (void)obj; }

void GC_ptr_store_and_dirty(void *p, const void *q) { *(const void **)p = q; }
