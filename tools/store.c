/* SPDX-License-Identifier: MIT */
#include "store.h"

#include "tool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 1 << 16, SLOTS_MIN = 256 };

struct block {
  struct block *next;
  size_t used; /* bytes of data */
  size_t size;
  CGC_ALIGNED(16) char data[];
};

struct cgc_store {
  struct block *blocks;
  const char **slots; /* interned strings, a hash table */
  size_t nslots;      /* a power of two */
  size_t nstrings;    /* at most half of nslots */
};

void *cgc_store_grow(void *old, size_t size) {
  void *grown = realloc(old, size);
  if (!grown)
    exit(cgc_tool_error(CGC_EXIT_OWN, "%s", strerror(ENOMEM)));
  return grown;
}

void *cgc_store_room(void *array, size_t n, size_t size) {
  /* Full at each power of two. */
  if (n & (n - 1))
    return array;
  return cgc_store_grow(array, cgc_max(1, n * 2) * size);
}

struct cgc_store *cgc_store_open(void) {
  struct cgc_store *s = cgc_store_grow(NULL, sizeof *s);
  memset(s, 0, sizeof *s);
  return s;
}

void cgc_store_close(struct cgc_store *s) {
  while (s->blocks) {
    struct block *b = s->blocks;
    s->blocks = b->next;
    free(b);
  }
  free(s->slots);
  free(s);
}

static void add_block(struct cgc_store *s, size_t size) {
  struct block *b = cgc_store_grow(NULL, sizeof *b + size);
  b->next = s->blocks;
  b->used = 0;
  b->size = size;
  s->blocks = b;
}

void *cgc_store_alloc(struct cgc_store *s, size_t size) {
  void *mem;
  size = cgc_round_up(size, 16);
  if (!s->blocks || s->blocks->size - s->blocks->used < size)
    add_block(s, cgc_max(size, BLOCK_BYTES));
  mem = s->blocks->data + s->blocks->used;
  s->blocks->used += size;
  return memset(mem, 0, size);
}

/* FNV-1a. */
static size_t hash(const char *text, size_t n) {
  uint64_t h = 0xcbf29ce484222325u;
  for (size_t i = 0; i < n; i++)
    h = (h ^ (unsigned char)text[i]) * 0x100000001b3u;
  return (size_t)(h ^ h >> 32);
}

/* The slot that holds the text, or the empty one where it belongs. */
static const char **find_slot(struct cgc_store *s, const char *text, size_t n) {
  size_t i = hash(text, n);
  for (;; i++) {
    const char **slot = &s->slots[i & (s->nslots - 1)];
    if (!*slot || (strncmp(*slot, text, n) == 0 && (*slot)[n] == '\0'))
      return slot;
  }
}

static void enlarge(struct cgc_store *s) {
  const char **old = s->slots;
  size_t nold = s->nslots;
  s->nslots = cgc_max(SLOTS_MIN, nold * 2);
  s->slots = cgc_store_grow(NULL, s->nslots * sizeof *s->slots);
  memset(s->slots, 0, s->nslots * sizeof *s->slots);
  for (size_t i = 0; i < nold; i++)
    if (old[i])
      *find_slot(s, old[i], strlen(old[i])) = old[i];
  free(old);
}

const char *cgc_store_intern(struct cgc_store *s, const char *text, size_t n) {
  const char **slot;
  char *copy;
  n = strnlen(text, n);
  if (s->nstrings * 2 >= s->nslots)
    enlarge(s);
  slot = find_slot(s, text, n);
  if (*slot)
    return *slot;
  copy = cgc_store_alloc(s, n + 1);
  memcpy(copy, text, n);
  *slot = copy;
  s->nstrings++;
  return copy;
}

const char *cgc_store_format(struct cgc_store *s, const char *fmt, ...) {
  const char *interned;
  va_list args;
  char *text;
  int n;
  va_start(args, fmt);
  n = vasprintf(&text, fmt, args);
  va_end(args);
  if (n < 0)
    exit(cgc_tool_error(CGC_EXIT_OWN, "%s", strerror(ENOMEM)));
  interned = cgc_store_intern(s, text, (size_t)n);
  free(text);
  return interned;
}
