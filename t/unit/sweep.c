/* SPDX-License-Identifier: MIT */
#include "heap/sweep.h"

#include "base/option.h"
#include "private.h"

static struct cgc_heap *heap;

static void set_up(void) { heap = private_heap((size_t)64 << 20, 0); }

static struct cgc_span *take(enum cgc_kind kind, unsigned class) {
  struct cgc_span *span = private_take_span(heap, kind, class);
  ck_assert_ptr_nonnull(span);
  return span;
}

static bool is_marked(const struct cgc_span *span, uint32_t i) {
  const uint64_t *words = cgc_arena_mark_words(&heap->arena, span);
  return words[i / 64] >> (i % 64) & 1;
}

static void mark(const struct cgc_span *span, uint32_t i) {
  cgc_arena_mark_words(&heap->arena, span)[i / 64] |= 1ULL << (i % 64);
}

static const uint8_t states[] = {CGC_SLOT_FREE, CGC_SLOT_LIVE, CGC_SLOT_HELD,
                                 CGC_SLOT_LIVE | CGC_SLOT_SPECIAL};

static void fill(struct cgc_span *span, struct unit_random *r) {
  for (uint32_t i = 0; i < span->nslots; i++)
    span->slots[i] = states[unit_below(r, 4)];
}

START_TEST(a_cycle_begins_with_live_slots_unmarked_and_all_others_marked) {
  struct unit_random r = unit_random();
  for (unsigned class = 1; class <= CGC_CLASSES; class ++) {
    struct cgc_span *span = take(CGC_KIND_SCAN, class);
    fill(span, &r);
    cgc_sweep_prepare(&heap->arena, span);
    for (uint32_t i = 0; i < span->nslots; i++)
      ck_assert_uint_eq(is_marked(span, i), !(span->slots[i] & CGC_SLOT_LIVE));
  }
}
END_TEST

START_TEST(a_word_into_the_tail_finds_a_set_mark) {
  for (unsigned class = 1; class <= CGC_CLASSES; class ++) {
    struct cgc_span *span = take(CGC_KIND_SCAN, class);
    size_t bytes = (size_t)span->npages << CGC_PAGE_SHIFT;
    memset(span->slots, CGC_SLOT_LIVE, span->nslots);
    memset(cgc_arena_mark_words(&heap->arena, span), 0,
           span->npages * CGC_MARK_WORDS * sizeof(uint64_t));
    cgc_sweep_prepare(&heap->arena, span);
    for (size_t at = span->nslots * span->slot_size; at < bytes; at++)
      ck_assert(is_marked(span, cgc_sizeclass_index(class, at)));
  }
}
END_TEST

START_TEST(pinned_slots_begin_marked) {
  struct cgc_span *span = take(CGC_KIND_PINNED, 3);
  memset(span->slots, CGC_SLOT_LIVE, span->nslots);
  cgc_sweep_prepare(&heap->arena, span);
  for (uint32_t i = 0; i < span->nslots; i++)
    ck_assert(is_marked(span, i));
}
END_TEST

/* What sweep must leave of a slot. */
static uint8_t expected_state(uint8_t before, bool marked) {
  return (before & CGC_SLOT_LIVE) && !marked ? CGC_SLOT_FREE : before;
}

static void sweep_random(unsigned class, struct unit_random *r) {
  struct cgc_span *span = take(CGC_KIND_SCAN, class);
  uint8_t expected[CGC_SPAN_PAGES_MAX * 512];
  uint32_t nfree = 0, nfreed = 0;
  fill(span, r);
  cgc_sweep_prepare(&heap->arena, span);
  for (uint32_t i = 0; i < span->nslots; i++) {
    if (unit_below(r, 2))
      mark(span, i);
    expected[i] = expected_state(span->slots[i], is_marked(span, i));
    nfree += expected[i] == CGC_SLOT_FREE;
    nfreed += expected[i] != span->slots[i];
  }
  ck_assert_uint_eq(cgc_sweep_span(&heap->arena, span), nfreed);
  ck_assert_mem_eq(span->slots, expected, span->nslots);
  ck_assert_uint_eq(span->nfree, nfree);
  cgc_span_check(span);
}

START_TEST(sweep_keeps_marked_and_held_and_frees_unmarked) {
  struct unit_random r = unit_random();
  for (unsigned class = 1; class <= CGC_CLASSES; class ++)
    for (int round = 0; round < 5; round++)
      sweep_random(class, &r);
}
END_TEST

START_TEST(beside_the_program_nothing_begins_marked_but_what_no_slot_has) {
  struct unit_random r = unit_random();
  for (unsigned class = 1; class <= CGC_CLASSES; class ++) {
    struct cgc_span *span = take(CGC_KIND_SCAN, class);
    size_t bytes = (size_t)span->npages << CGC_PAGE_SHIFT;
    fill(span, &r);
    cgc_sweep_whiten(&heap->arena, span);
    for (size_t at = 0; at < bytes; at++)
      ck_assert_int_eq(is_marked(span, cgc_sizeclass_index(class, at)),
                       at >= span->nslots * span->slot_size);
  }
}
END_TEST

/* What is freed and given out again is young. */
START_TEST(sticky_marks_are_those_of_what_is_alive) {
  struct unit_random r = unit_random();
  heap->arena.sticky = true;
  for (unsigned class = 1; class <= CGC_CLASSES; class ++) {
    struct cgc_span *span = take(CGC_KIND_SCAN, class);
    const uint64_t *marks = cgc_arena_mark_words(&heap->arena, span);
    fill(span, &r);
    cgc_sweep_whiten(&heap->arena, span);
    for (uint32_t i = 0; i < span->nslots; i += 1 + i % 3)
      mark(span, i);
    cgc_sweep_span(&heap->arena, span);
    for (uint32_t i = 0; i < span->nslots; i++)
      ck_assert_int_eq(is_marked(span, i), span->slots[i] & CGC_SLOT_LIVE);
    for (uint32_t w = 0; w < cgc_span_words(span); w++)
      ck_assert_uint_eq(cgc_arena_scanned_words(&heap->arena, span)[w],
                        marks[w]);
  }
}
END_TEST

START_TEST(what_is_born_after_the_start_survives) {
  struct cgc_span *span = take(CGC_KIND_SCAN, 4);
  span->slots[2] = CGC_SLOT_HELD;
  cgc_sweep_prepare(&heap->arena, span);
  span->slots[1] = CGC_SLOT_LIVE; /* was FREE */
  span->slots[2] = CGC_SLOT_LIVE; /* was HELD */
  ck_assert_uint_eq(cgc_sweep_span(&heap->arena, span), 0);
  ck_assert_uint_eq(span->slots[1], CGC_SLOT_LIVE);
  ck_assert_uint_eq(span->slots[2], CGC_SLOT_LIVE);
}
END_TEST

START_TEST(pinned_objects_are_never_swept) {
  struct cgc_span *span = take(CGC_KIND_PINNED_NOSCAN, 3);
  memset(span->slots, CGC_SLOT_LIVE, span->nslots);
  memset(cgc_arena_mark_words(&heap->arena, span), 0, 64);
  ck_assert_uint_eq(cgc_sweep_span(&heap->arena, span), 0);
  ck_assert_uint_eq(span->nfree, 0);
}
END_TEST

START_TEST(a_dead_large_object_frees_its_span) {
  bool zeroed;
  struct cgc_span *span =
      cgc_heap_new_large(heap, 100000, 1, CGC_KIND_SCAN, &zeroed);
  cgc_sweep_prepare(&heap->arena, span);
  mark(span, 0);
  ck_assert_uint_eq(cgc_sweep_span(&heap->arena, span), 0);
  cgc_sweep_prepare(&heap->arena, span);
  ck_assert_uint_eq(cgc_sweep_span(&heap->arena, span), 1);
  ck_assert_uint_eq(span->nfree, 1);
}
END_TEST

START_TEST(freed_slots_need_zeroing_again) {
  struct cgc_span *span = take(CGC_KIND_SCAN, 4);
  span->needs_zero = false;
  cgc_sweep_span(&heap->arena, span);
  ck_assert(!span->needs_zero);
  span->slots[0] = CGC_SLOT_LIVE;
  cgc_sweep_prepare(&heap->arena, span);
  cgc_sweep_span(&heap->arena, span);
  ck_assert(span->needs_zero);
}
END_TEST

/* Two live objects side by side, the first one dies. */
static struct cgc_span *sweep_one_of_two(void) {
  struct cgc_span *span = take(CGC_KIND_SCAN, 4);
  memset((void *)span->base, 0x11, 2 * span->slot_size);
  span->slots[0] = span->slots[1] = CGC_SLOT_LIVE;
  cgc_sweep_prepare(&heap->arena, span);
  mark(span, 1);
  cgc_sweep_span(&heap->arena, span);
  return span;
}

static bool holds(uintptr_t addr, size_t size, unsigned char byte) {
  for (size_t i = 0; i < size; i++)
    if (((const unsigned char *)addr)[i] != byte)
      return false;
  return true;
}

START_TEST(no_object_is_touched) {
  cgc_options.stress = 0;
  struct cgc_span *span = sweep_one_of_two();
  ck_assert(holds(span->base, 2 * span->slot_size, 0x11));
}
END_TEST

START_TEST(under_stress_dead_objects_are_poisoned_and_no_others) {
  cgc_options.stress = 1;
  struct cgc_span *span = sweep_one_of_two();
  ck_assert(holds(span->base, span->slot_size, CGC_POISON));
  ck_assert(holds(span->base + span->slot_size, span->slot_size, 0x11));
}
END_TEST

int main(void) {
  Suite *s = suite_create("sweep");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_test(core,
                 a_cycle_begins_with_live_slots_unmarked_and_all_others_marked);
  tcase_add_test(core, a_word_into_the_tail_finds_a_set_mark);
  tcase_add_test(core, pinned_slots_begin_marked);
  tcase_add_test(core, sweep_keeps_marked_and_held_and_frees_unmarked);
  tcase_add_test(core, what_is_born_after_the_start_survives);
  tcase_add_test(core,
                 beside_the_program_nothing_begins_marked_but_what_no_slot_has);
  tcase_add_test(core, sticky_marks_are_those_of_what_is_alive);
  tcase_add_test(core, pinned_objects_are_never_swept);
  tcase_add_test(core, a_dead_large_object_frees_its_span);
  tcase_add_test(core, freed_slots_need_zeroing_again);
  tcase_add_test(core, no_object_is_touched);
  tcase_add_test(core, under_stress_dead_objects_are_poisoned_and_no_others);
  tcase_set_timeout(core, 30);
  suite_add_tcase(s, core);
  return unit_run(s);
}
