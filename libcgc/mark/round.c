/* SPDX-License-Identifier: MIT */
#include "mark/round.h"

void cgc_round_open(struct cgc_round *round, const struct cgc_marker *m) {
  const struct cgc_near nothing = {0, &m->map.rows[0]};
  round->at = 0;
  round->nwords = round->nslots = 0;
  for (int b = 0; b < 2; b++) {
    round->batch[b].n = 0;
    for (int i = 0; i < CGC_ROUND_BATCH; i++)
      round->batch[b].near[i] = nothing;
  }
}

/* From the window of slots at hand. */
static void take_greys(struct cgc_batch *batch, struct cgc_marker *m) {
  const struct cgc_slot_row *row = m->grey.row;
  uintptr_t window = m->grey.window;
  uint64_t bits = m->lane.grey;
  size_t n = batch->n, size = m->grey.slot_size;
  for (; bits && n < CGC_ROUND_BATCH; bits &= bits - 1) {
    uintptr_t addr = window + (unsigned)__builtin_ctzl(bits) * size;
    batch->near[n++] = (struct cgc_near){addr, row};
  }
  m->lane.grey = bits;
  batch->n = n;
}

size_t cgc_round_fill(struct cgc_round *round, struct cgc_marker *m,
                      bool more) {
  struct cgc_batch *batch = &round->batch[round->at];
  batch->n = 0;
  while (more && batch->n < CGC_ROUND_BATCH) {
    take_greys(batch, m);
    more = m->lane.grey || cgc_fetch_greys(m);
  }
  return batch->n;
}

void cgc_round_find(struct cgc_round *round, struct cgc_marker *m) {
  const struct cgc_slot_map *map = &m->map;
  const uint32_t *desc = map->desc; /* locals, for what is stored may alias */
  const uint64_t *marks = map->marks;
  uint64_t *to = round->slots;
  for (const uintptr_t *p = round->words, *end = p + round->nwords; p < end;
       p++) {
    uint64_t slot = cgc_slot_find_by(map, *p, desc[*p >> CGC_PAGE_SHIFT]);
    if (cgc_unlikely(slot == 0) && !(slot = cgc_visit_find_unusual(m, *p)))
      continue;
    __builtin_prefetch(marks + (slot >> CGC_SLOT_WORD_SHIFT), 1);
    *to++ = slot;
  }
  round->nslots = (size_t)(to - round->slots);
}

/* Keep the slots that are not marked; others mark, too. */
static size_t keep_unmarked(uint64_t *slots, size_t n, uint64_t *marks) {
  uint64_t *to = slots;
  for (const uint64_t *p = slots, *end = p + n; p < end; p++) {
    uint64_t slot = *p;
    const uint64_t *word = marks + (slot >> CGC_SLOT_WORD_SHIFT);
    *to = slot;
    to += !(__atomic_load_n(word, __ATOMIC_RELAXED) & cgc_slot_mask(slot));
  }
  return (size_t)(to - slots);
}

/* The same, and mark them. */
static size_t mark_unmarked(uint64_t *slots, size_t n, uint64_t *marks) {
  uint64_t *to = slots;
  for (const uint64_t *p = slots, *end = p + n; p < end; p++) {
    uint64_t slot = *p;
    uint64_t *word = marks + (slot >> CGC_SLOT_WORD_SHIFT), bits = *word;
    *to = slot;
    to += cgc_visit_set_bit(&bits, slot >> CGC_SLOT_BIT_SHIFT);
    *word = bits;
  }
  return (size_t)(to - slots);
}

/* The first pass has no branch that can't be foreseen; few are left then. */
void cgc_round_visit(struct cgc_round *round, struct cgc_marker *m) {
  uint64_t *slots = round->slots;
  if (m->shared) {
    size_t n = keep_unmarked(slots, round->nslots, m->map.marks);
    for (size_t i = 0; i < n; i++)
      cgc_visit_shared(m, &m->map, &m->lane, slots[i]);
  } else {
    size_t n = mark_unmarked(slots, round->nslots, m->map.marks);
    for (size_t i = 0; i < n; i++) {
      m->marked[cgc_slot_class(slots[i])]++;
      cgc_visit_grey(m, slots[i], cgc_slot_is_scanned(slots[i]));
    }
  }
  round->nslots = 0;
}
