/* SPDX-License-Identifier: MIT */
#include "heap/meta.h"

#include "base/lock.h"
#include "os/page.h"

#include <string.h>

enum { AREA_MIN = 128 << 10, AREA_MAX = 4 << 20 };

struct piece {
  struct piece *next;
};

static struct {
  struct cgc_lock lock;
  struct piece *freed[CGC_META_SMALL / CGC_META_GRAIN + 1]; /* guard: lock */
  char *at;                                                 /* guard: lock */
  char *end;                                                /* guard: lock */
  size_t bytes;                                             /* guard: lock */
} meta = {.lock = CGC_LOCK_INIT(CGC_RANK_META)};

void cgc_meta_init(void) { cgc_lock_register(&meta.lock); }

static size_t rounded(size_t bytes) {
  return bytes > CGC_META_SMALL ? cgc_round_up(bytes, CGC_OS_PAGE)
                                : cgc_round_up(bytes, CGC_META_GRAIN);
}

/* Areas grow with what is in use, so that few mappings carry a big heap. */
static bool new_area_locked(void) {
  size_t size = cgc_round_up(meta.bytes / 4, CGC_OS_PAGE);
  size = cgc_max(AREA_MIN, cgc_min(size, AREA_MAX));
  char *area = cgc_page_map(size);
  if (!area)
    return false;
  meta.at = area;
  meta.end = area + size;
  meta.bytes += size;
  return true;
}

static void *small_locked(size_t bytes) {
  struct piece **list = &meta.freed[bytes / CGC_META_GRAIN];
  struct piece *piece = *list;
  if (piece) {
    *list = piece->next;
    return memset(piece, 0, bytes);
  }
  if ((size_t)(meta.end - meta.at) < bytes && !new_area_locked())
    return NULL;
  void *fresh = meta.at;
  meta.at += bytes;
  return fresh;
}

static void *mapped(size_t bytes) {
  void *piece = cgc_page_map(bytes);
  if (piece) {
    cgc_lock(&meta.lock);
    meta.bytes += bytes;
    cgc_unlock(&meta.lock);
  }
  return piece;
}

void *cgc_meta_alloc(size_t bytes) {
  bytes = rounded(bytes);
  if (bytes > CGC_META_SMALL)
    return mapped(bytes);
  cgc_lock(&meta.lock);
  void *piece = small_locked(bytes);
  cgc_unlock(&meta.lock);
  return piece;
}

void cgc_meta_free(void *piece, size_t bytes) {
  bytes = rounded(bytes);
  if (bytes > CGC_META_SMALL)
    cgc_page_unmap(piece, bytes);
  cgc_lock(&meta.lock);
  if (bytes > CGC_META_SMALL) {
    meta.bytes -= bytes;
  } else {
    struct piece **list = &meta.freed[bytes / CGC_META_GRAIN];
    ((struct piece *)piece)->next = *list;
    *list = piece;
  }
  cgc_unlock(&meta.lock);
}

size_t cgc_meta_bytes(void) {
  cgc_lock(&meta.lock);
  size_t bytes = meta.bytes;
  cgc_unlock(&meta.lock);
  return bytes;
}
