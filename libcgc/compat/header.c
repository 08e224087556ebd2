/* SPDX-License-Identifier: MIT */
#include "compat/header.h"

#include <string.h>

static const uint64_t start_mark = 0x5ca1ab1e0ddba115;
static const uint64_t end_mark = 0xdecafbadf00dfeed;
static const uint64_t last_mark = 0xba5eba11c0c0a7e5;

enum { FILL = 0xa5, WORD = sizeof(uint64_t), AROUND = 2 * WORD };

size_t cgc_header_bytes(size_t size) {
  const size_t more = sizeof(struct cgc_header) + AROUND + WORD;
  if (size > SIZE_MAX / 2)
    return SIZE_MAX;
  return cgc_round_down(size + more - 1, WORD);
}

static uint64_t *last_of(const struct cgc_object *obj) {
  return (uint64_t *)(obj->addr + obj->size) - 1;
}

static uint64_t *end_of(struct cgc_header *h) {
  uintptr_t user = (uintptr_t)cgc_header_user(h);
  return (uint64_t *)cgc_round_up(user + h->size, WORD);
}

void *cgc_header_write(const struct cgc_object *obj, size_t size,
                       const char *file, int line) {
  struct cgc_header *h = (struct cgc_header *)obj->addr;
  *h = (struct cgc_header){start_mark ^ obj->addr, file, size, line, 0};
  char *user = cgc_header_user(h);
  uint64_t *end = end_of(h);
  memset(user + size, FILL, (size_t)((char *)end - (user + size)));
  *end = end_mark ^ obj->addr;
  *last_of(obj) = last_mark ^ obj->addr;
  return user;
}

static bool is_intact(const struct cgc_object *obj) {
  const struct cgc_header *h = (const struct cgc_header *)obj->addr;
  return h->start == (start_mark ^ obj->addr) && h->size <= obj->size &&
         cgc_header_bytes(h->size) <= obj->size;
}

void cgc_header_repair(const struct cgc_object *obj) {
  const struct cgc_header h = *(const struct cgc_header *)obj->addr;
  if (is_intact(obj))
    cgc_header_write(obj, h.size, h.file, h.line);
  else
    cgc_header_write(obj, obj->size - sizeof h - AROUND, "?", 0);
}

void cgc_header_erase(const struct cgc_object *obj) {
  ((struct cgc_header *)obj->addr)->start = 0;
  *last_of(obj) = 0;
}

struct cgc_header *cgc_header_of(const struct cgc_object *obj) {
  struct cgc_header *h = (struct cgc_header *)obj->addr;
  if (obj->size < cgc_header_bytes(0))
    return NULL;
  if (h->start != (start_mark ^ obj->addr) &&
      *last_of(obj) != (last_mark ^ obj->addr))
    return NULL;
  return h;
}

static uintptr_t fill_smashed(const char *lo, const char *hi) {
  for (; lo < hi; lo++)
    if ((uint8_t)*lo != FILL)
      return (uintptr_t)lo;
  return 0;
}

uintptr_t cgc_header_smashed(const struct cgc_object *obj) {
  struct cgc_header *h = (struct cgc_header *)obj->addr;
  if (h->start != (start_mark ^ obj->addr))
    return obj->addr;
  if (!is_intact(obj))
    return (uintptr_t)&h->size;
  uint64_t *end = end_of(h);
  const char *user = cgc_header_user(h);
  uintptr_t at = fill_smashed(user + h->size, (const char *)end);
  if (!at && *end != (end_mark ^ obj->addr))
    at = (uintptr_t)end;
  if (!at && *last_of(obj) != (last_mark ^ obj->addr))
    at = (uintptr_t)last_of(obj);
  return at;
}
