/* SPDX-License-Identifier: MIT */
#include "look/loss.h"

#include "../scrub.h"
#include "collector.h"
#include "look/block.h"
#include "look/module.h"

#include <string.h>

/*
 * Blocks are known by their stacks' numbers.  Addresses are kept with all bits
 * inverted where they must not count as pointers.
 */
static struct cgc_loss loss;
static struct cgc_loss_query query;

static void setup(void) {
  collector_setup();
  ck_assert(cgc_module_init());
  ck_assert(cgc_stack_init(8));
  ck_assert(cgc_block_init(&cgc_heap));
  cgc_module_look(NULL);
}

static void **make(size_t words, uint32_t stack) {
  void **block = collector_alloc(CGC_KIND_SCAN, words * sizeof(void *));
  memset(block, 0, words * sizeof *block);
  cgc_block_made(block, words * sizeof *block, stack);
  return block;
}

static const struct cgc_group *group_of(enum cgc_class class, uint32_t stack) {
  for (size_t i = 0; i < loss.groups.n; i++)
    if (loss.groups.all[i].class == class && loss.groups.all[i].stack == stack)
      return &loss.groups.all[i];
  return NULL;
}

/* Inlined: a frame of its own would lie over old words and keep them. */
CGC_INLINE void find(void) {
  scrub(16384);
  ck_assert_int_eq(cgc_loss_find(&query, &loss), 0);
}

/* The blocks are made in frames that are gone, and whose words are cleared. */
static CGC_NOINLINE void lose_list(uint32_t stack, int n) {
  void **head = NULL;
  for (int i = 0; i < n; i++) {
    void **block = make(8, stack);
    block[0] = head;
    head = block;
  }
}

static CGC_NOINLINE void lose_circle(uint32_t stack, int n) {
  void **first = make(8, stack), **last = first;
  for (int i = 1; i < n; i++) {
    void **block = make(8, stack);
    last[0] = block;
    last = block;
  }
  last[0] = first;
}

START_TEST(a_lost_list_has_one_head) {
  lose_list(5, 10);
  find();
  const struct cgc_group *g = group_of(CGC_CLASS_LOST, 5);
  ck_assert_ptr_nonnull(g);
  ck_assert_uint_eq(g->heads.objects, 1);
  ck_assert_uint_eq(g->heads.bytes, 64);
  ck_assert_uint_eq(g->below.objects, 9);
  ck_assert_uint_eq(g->below.bytes, 9 * 64);
  ck_assert_uint_eq(g->fresh.objects, 10);
  ck_assert_uint_eq(loss.groups.total[CGC_CLASS_LOST].bytes, 640);
  ck_assert_uint_eq(loss.tracked.objects, 10);
}
END_TEST

START_TEST(a_lost_circle_has_one_head) {
  lose_circle(6, 7);
  find();
  const struct cgc_group *g = group_of(CGC_CLASS_LOST, 6);
  ck_assert_uint_eq(g->heads.objects, 1);
  ck_assert_uint_eq(g->below.objects, 6);
}
END_TEST

/* Circle -> circle, made in either order: one head. */
static CGC_NOINLINE void lose_two_circles(bool first_leads) {
  void **a = make(8, 7), **b = make(8, 7), **c = make(8, 8), **d = make(8, 8);
  a[0] = b, b[0] = a, c[0] = d, d[0] = c;
  if (first_leads)
    b[1] = c;
  else
    d[1] = a;
}

START_TEST(a_circle_below_another_is_no_head) {
  lose_two_circles(_i);
  find();
  uint32_t head = _i ? 7 : 8, below = _i ? 8 : 7;
  ck_assert_ptr_null(group_of(CGC_CLASS_LOST, below));
  ck_assert_uint_eq(group_of(CGC_CLASS_LOST, head)->heads.objects, 1);
  ck_assert_uint_eq(group_of(CGC_CLASS_LOST, head)->below.objects, 3);
}
END_TEST

static CGC_NOINLINE void lose_shared(void) {
  void **a = make(8, 3), **b = make(8, 4), **both = make(8, 9);
  a[0] = b[0] = both;
}

START_TEST(what_two_heads_share_counts_once) {
  lose_shared();
  find();
  ck_assert_uint_eq(group_of(CGC_CLASS_LOST, 3)->heads.objects, 1);
  ck_assert_uint_eq(group_of(CGC_CLASS_LOST, 4)->heads.objects, 1);
  ck_assert_ptr_null(group_of(CGC_CLASS_LOST, 9));
  ck_assert_uint_eq(loss.groups.total[CGC_CLASS_LOST].objects, 3);
}
END_TEST

static void *volatile root;
static char packed[24];

static CGC_NOINLINE void keep_in_data(uint32_t stack) { root = make(8, stack); }

START_TEST(what_data_holds_is_reachable_and_named) {
  keep_in_data(5);
  query.reachable = true;
  find();
  ck_assert_uint_eq(loss.groups.total[CGC_CLASS_LOST].objects, 0);
  const struct cgc_group *g = group_of(CGC_CLASS_REACHABLE, 5);
  ck_assert_ptr_nonnull(g);
  ck_assert_int_eq(g->holder.kind, CGC_HOLDER_DATA);
  ck_assert_uint_eq(g->holder.module, cgc_module_find((uintptr_t)&root));
  ck_assert_uint_eq(g->holder.value,
                    (uintptr_t)&root - cgc_module_get(g->holder.module)->bias);
}
END_TEST

START_TEST(an_inner_pointer_counts_a_tail_does_not) {
  keep_in_data(5);
  root = (char *)root + 40;
  find();
  ck_assert_ptr_null(group_of(CGC_CLASS_LOST, 5));
}
END_TEST

static CGC_NOINLINE void keep_in_tail(void) {
  void **block = collector_alloc(CGC_KIND_SCAN, 64);
  memset(block, 0, 64);
  block[7] = make(8, 6);
  cgc_block_made(block, 64, 5);
  root = block;
  lose_list(7, 1); /* so that there is a walk */
}

START_TEST(what_lost_blocks_lead_to_hangs_below_them) {
  keep_in_tail();
  find();
  ck_assert_ptr_null(group_of(CGC_CLASS_LOST, 6));
  root = NULL;
  find();
  ck_assert_uint_eq(group_of(CGC_CLASS_LOST, 5)->below.objects, 1);
}
END_TEST

static CGC_NOINLINE void keep_packed(size_t at, uintptr_t tag) {
  uintptr_t word = (uintptr_t)make(8, 5) | tag;
  void *place = packed + at;
  cgc_keep_visible(place); /* the compiler drops what only we write */
  memcpy(place, &word, sizeof word);
}

START_TEST(an_odd_or_tagged_word_makes_it_unsure) {
  keep_packed(_i == 0 ? 3 : 8, _i == 0 ? 0 : (uintptr_t)0xbeef << 48);
  find();
  ck_assert_ptr_null(group_of(CGC_CLASS_LOST, 5));
  ck_assert_uint_eq(group_of(CGC_CLASS_UNSURE, 5)->heads.objects, 1);
}
END_TEST

static CGC_NOINLINE void find_with_dead_stack(bool returned) {
  void *volatile words[64];
  words[20] = make(8, 5);
  query.dead_lo = (uintptr_t)words;
  query.dead_hi = (uintptr_t)(words + 64);
  query.main_returned = returned;
  ck_assert_int_eq(cgc_loss_find(&query, &loss), 0);
  words[20] = NULL;
}

START_TEST(what_only_the_dead_stack_holds) {
  find_with_dead_stack(_i);
  enum cgc_class class = _i ? CGC_CLASS_LOST : CGC_CLASS_STACK_ONLY;
  ck_assert_uint_eq(loss.groups.n, 1);
  ck_assert_uint_eq(group_of(class, 5)->heads.objects, 1);
}
END_TEST

START_TEST(only_what_is_new_is_fresh) {
  lose_list(5, 3);
  find();
  lose_list(5, 2);
  find();
  const struct cgc_group *g = group_of(CGC_CLASS_LOST, 5);
  ck_assert_uint_eq(g->heads.objects + g->below.objects, 5);
  ck_assert_uint_eq(g->fresh.objects, 2);
  ck_assert_uint_eq(g->fresh.bytes, 128);
}
END_TEST

START_TEST(live_blocks_are_counted_by_stack) {
  keep_in_data(5);
  lose_list(6, 3);
  query.growing = true;
  find();
  ck_assert_uint_eq(loss.live.n, 2);
  ck_assert_uint_eq(loss.tracked.objects, 4);
}
END_TEST

START_TEST(nothing_is_reclaimed_and_cycles_go_on) {
  lose_list(5, 100);
  find();
  find();
  ck_assert_uint_eq(loss.groups.total[CGC_CLASS_LOST].objects, 100);
  cgc_block_on = false;
  collector_collect();
  cgc_block_on = true;
}
END_TEST

START_TEST(a_long_list_needs_no_deep_stack) {
  lose_list(5, 100000);
  find();
  ck_assert_uint_eq(group_of(CGC_CLASS_LOST, 5)->heads.objects, 1);
  ck_assert_uint_eq(group_of(CGC_CLASS_LOST, 5)->below.objects, 99999);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("loss");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, setup, NULL);
  tcase_add_test(core, a_lost_list_has_one_head);
  tcase_add_test(core, a_lost_circle_has_one_head);
  tcase_add_loop_test(core, a_circle_below_another_is_no_head, 0, 2);
  tcase_add_test(core, what_two_heads_share_counts_once);
  tcase_add_test(core, what_data_holds_is_reachable_and_named);
  tcase_add_test(core, an_inner_pointer_counts_a_tail_does_not);
  tcase_add_test(core, what_lost_blocks_lead_to_hangs_below_them);
  tcase_add_loop_test(core, an_odd_or_tagged_word_makes_it_unsure, 0, 2);
  tcase_add_loop_test(core, what_only_the_dead_stack_holds, 0, 2);
  tcase_add_test(core, only_what_is_new_is_fresh);
  tcase_add_test(core, live_blocks_are_counted_by_stack);
  tcase_add_test(core, nothing_is_reclaimed_and_cycles_go_on);
  suite_add_tcase(suite, core);
  TCase *limits = tcase_create("limits");
  tcase_add_checked_fixture(limits, setup, NULL);
  tcase_add_test(limits, a_long_list_needs_no_deep_stack);
  suite_add_tcase(suite, limits);
  return unit_run(suite);
}
