/* SPDX-License-Identifier: MIT */
#include "look/group.h"

#include "os/page.h"

#include <string.h>

enum { CAPACITY_MIN = 128 };

/* At most half of the places are taken. */
static size_t places(const struct cgc_groups *groups) {
  return groups->capacity * 2;
}

static size_t hash_of(enum cgc_class class, uint32_t stack,
                      struct cgc_holder holder) {
  uint64_t h = stack;
  h = (h << 8 | class << 4 | holder.kind) * 0x9e3779b97f4a7c15ULL;
  h = (h ^ holder.module ^ holder.value) * 0x9e3779b97f4a7c15ULL;
  return h >> 20;
}

static bool is_key(const struct cgc_group *g, enum cgc_class class,
                   uint32_t stack, struct cgc_holder holder) {
  return g->class == class && g->stack == stack &&
         g->holder.kind == holder.kind && g->holder.module == holder.module &&
         g->holder.value == holder.value;
}

/* The key's place: it is there, or the place is empty. */
static uint32_t *place_of(const struct cgc_groups *groups, enum cgc_class class,
                          uint32_t stack, struct cgc_holder holder) {
  size_t mask = places(groups) - 1;
  for (size_t i = hash_of(class, stack, holder);; i++) {
    uint32_t *place = &groups->index[i & mask];
    if (*place == 0 || is_key(&groups->all[*place - 1], class, stack, holder))
      return place;
  }
}

static void index_all(struct cgc_groups *groups) {
  memset(groups->index, 0, places(groups) * sizeof *groups->index);
  for (size_t i = 0; i < groups->n; i++) {
    const struct cgc_group *g = &groups->all[i];
    *place_of(groups, g->class, g->stack, g->holder) = (uint32_t)i + 1;
  }
}

static void unmap(struct cgc_groups *groups) {
  if (groups->capacity) {
    cgc_page_unmap(groups->all, groups->capacity * sizeof *groups->all);
    cgc_page_unmap(groups->index, places(groups) * sizeof *groups->index);
  }
}

static bool grow(struct cgc_groups *groups) {
  struct cgc_groups more = *groups;
  more.capacity = groups->capacity ? groups->capacity * 2 : CAPACITY_MIN;
  more.all = cgc_page_map(more.capacity * sizeof *more.all);
  more.index = cgc_page_map(places(&more) * sizeof *more.index);
  if (!more.all || !more.index)
    return false;
  if (groups->n)
    memcpy(more.all, groups->all, groups->n * sizeof *more.all);
  unmap(groups);
  *groups = more;
  index_all(groups);
  return true;
}

struct cgc_group *cgc_groups_find(struct cgc_groups *groups,
                                  enum cgc_class class, uint32_t stack,
                                  struct cgc_holder holder) {
  if (groups->n == groups->capacity && !grow(groups)) {
    groups->incomplete = true;
    return NULL;
  }
  uint32_t *place = place_of(groups, class, stack, holder);
  if (*place == 0) {
    groups->all[groups->n] =
        (struct cgc_group){.class = class, .stack = stack, .holder = holder};
    *place = (uint32_t)++groups->n;
  }
  return &groups->all[*place - 1];
}

void cgc_groups_add(struct cgc_groups *groups, struct cgc_group *group,
                    uintptr_t addr, struct cgc_amount head,
                    struct cgc_amount below, struct cgc_amount fresh) {
  cgc_amount_add(&group->heads, head);
  cgc_amount_add(&group->below, below);
  cgc_amount_add(&group->fresh, fresh);
  cgc_amount_add(&groups->total[group->class], head);
  cgc_amount_add(&groups->total[group->class], below);
  if (group->nexamples < CGC_GROUP_EXAMPLES)
    group->examples[group->nexamples++] = addr;
}

void cgc_groups_clear(struct cgc_groups *groups) {
  groups->n = 0;
  groups->incomplete = false;
  memset(groups->total, 0, sizeof groups->total);
  if (groups->capacity)
    index_all(groups);
}

void cgc_groups_release(struct cgc_groups *groups) {
  unmap(groups);
  *groups = (struct cgc_groups){0};
}

void cgc_groups_check(const struct cgc_groups *groups) {
  for (size_t i = 0; i < groups->n; i++) {
    const struct cgc_group *g = &groups->all[i];
    cgc_check(*place_of(groups, g->class, g->stack, g->holder) == i + 1);
  }
}
