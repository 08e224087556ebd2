/* SPDX-License-Identifier: MIT */
#include "mark/table.h"

#include "heap/meta.h"

enum { LOG2_MIN = 5, SHRINK_INVERSE = 8 };

/* Multiplicative hashing; the product's top bits depend on all of the key. */
static size_t home(const struct cgc_table *t, uintptr_t key) {
  return (size_t)((key * 0x9e3779b97f4a7c15ULL) >> (64 - t->log2));
}

static size_t next_place(const struct cgc_table *t, size_t i) {
  return (i + 1) & (cgc_table_capacity(t) - 1);
}

/* Where KEY stands, or the empty place where it would. */
static struct cgc_record *place_of(const struct cgc_table *t, uintptr_t key) {
  size_t i = home(t, key);
  while (t->records[i].key != 0 && t->records[i].key != key)
    i = next_place(t, i);
  return &t->records[i];
}

static size_t bytes_of(const struct cgc_table *t) {
  return cgc_table_capacity(t) * sizeof *t->records;
}

static bool resize(struct cgc_table *t, unsigned log2) {
  struct cgc_table old = *t;
  struct cgc_record *records =
      cgc_meta_alloc(sizeof *records * ((size_t)1 << log2));
  if (!records)
    return false;
  t->records = records;
  t->log2 = log2;
  for (size_t i = 0; i < cgc_table_capacity(&old); i++)
    if (old.records[i].key)
      *place_of(t, old.records[i].key) = old.records[i];
  if (old.records)
    cgc_meta_free(old.records, bytes_of(&old));
  return true;
}

static bool make_room(struct cgc_table *t) {
  size_t capacity = cgc_table_capacity(t);
  if (t->n + 1 <= capacity / 4 * 3)
    return true;
  return resize(t, capacity ? t->log2 + 1 : LOG2_MIN);
}

struct cgc_record *cgc_table_find(const struct cgc_table *t, uintptr_t key) {
  if (t->n == 0)
    return NULL;
  struct cgc_record *r = place_of(t, key);
  return r->key ? r : NULL;
}

struct cgc_record *cgc_table_insert(struct cgc_table *t, uintptr_t key) {
  cgc_assert(key != 0);
  struct cgc_record *r = cgc_table_find(t, key);
  if (r)
    return r;
  if (!make_room(t))
    return NULL;
  r = place_of(t, key);
  *r = (struct cgc_record){.key = key};
  t->n++;
  return r;
}

/* Whether what stands at I, with its home at HOME, may move back to HOLE. */
static bool may_move(const struct cgc_table *t, size_t i, size_t hole,
                     size_t from) {
  size_t mask = cgc_table_capacity(t) - 1;
  return ((i - from) & mask) >= ((i - hole) & mask);
}

void cgc_table_remove(struct cgc_table *t, struct cgc_record *record) {
  size_t hole = (size_t)(record - t->records);
  for (size_t i = next_place(t, hole); t->records[i].key; i = next_place(t, i))
    if (may_move(t, i, hole, home(t, t->records[i].key))) {
      t->records[hole] = t->records[i];
      hole = i;
    }
  t->records[hole] = (struct cgc_record){.key = 0};
  t->n--;
}

void cgc_table_shrink(struct cgc_table *t) {
  unsigned log2 = t->log2;
  if (t->n == 0)
    cgc_table_clear(t);
  while (t->records && log2 > LOG2_MIN &&
         t->n < ((size_t)1 << log2) / SHRINK_INVERSE)
    log2--;
  if (t->records && log2 < t->log2)
    resize(t, log2); /* without memory it stays as it is */
}

void cgc_table_clear(struct cgc_table *t) {
  if (t->records)
    cgc_meta_free(t->records, bytes_of(t));
  *t = (struct cgc_table){.n = 0};
}

void cgc_table_check(const struct cgc_table *t) {
  size_t n = 0;
  for (size_t i = 0; i < cgc_table_capacity(t); i++)
    if (t->records[i].key) {
      n++;
      cgc_check(place_of(t, t->records[i].key) == &t->records[i]); /* I2 */
    }
  cgc_check(n == t->n && n <= cgc_table_capacity(t) / 4 * 3); /* I1 */
}
