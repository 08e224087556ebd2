/* SPDX-License-Identifier: MIT */
#include "map.h"

#include "store.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS_MIN = 16 };

struct cgc_map_slot {
  uint64_t key;
  void *value;
  bool used;
};

static size_t hash(uint64_t key) {
  key *= 0x9e3779b97f4a7c15u;
  return (size_t)(key ^ key >> 32);
}

static struct cgc_map_slot *find(const struct cgc_map *m, uint64_t key) {
  for (size_t i = hash(key);; i++) {
    struct cgc_map_slot *slot = &m->slots[i & (m->nslots - 1)];
    if (!slot->used || slot->key == key)
      return slot;
  }
}

static void enlarge(struct cgc_map *m) {
  struct cgc_map old = *m;
  m->nslots = cgc_max(SLOTS_MIN, old.nslots * 2);
  m->slots = cgc_store_grow(NULL, m->nslots * sizeof *m->slots);
  memset(m->slots, 0, m->nslots * sizeof *m->slots);
  for (size_t i = 0; i < old.nslots; i++)
    if (old.slots[i].used)
      *find(m, old.slots[i].key) = old.slots[i];
  free(old.slots);
}

void **cgc_map_place(struct cgc_map *m, uint64_t key) {
  struct cgc_map_slot *slot;
  if (m->used * 2 >= m->nslots)
    enlarge(m);
  slot = find(m, key);
  if (!slot->used) {
    slot->used = true;
    slot->key = key;
    m->used++;
  }
  return &slot->value;
}

void *cgc_map_get(const struct cgc_map *m, uint64_t key) {
  return m->nslots ? find(m, key)->value : NULL;
}

void cgc_map_clear(struct cgc_map *m) {
  free(m->slots);
  memset(m, 0, sizeof *m);
}
