/* SPDX-License-Identifier: MIT */
#include "look/group.h"

#include "os/page.h"
#include "unit.h"

enum { MANY = 5000 };

static struct cgc_groups groups;
static const struct cgc_holder nobody;
static const struct cgc_amount nothing;

START_TEST(one_key_is_one_group) {
  struct cgc_amount head = {1, 24}, below = {9, 216}, fresh = {10, 240};
  for (uintptr_t i = 0; i < 10; i++) {
    struct cgc_group *g = cgc_groups_find(&groups, CGC_CLASS_LOST, 7, nobody);
    cgc_groups_add(&groups, g, i, head, below, fresh);
  }
  ck_assert_uint_eq(groups.n, 1);
  const struct cgc_group *g = &groups.all[0];
  ck_assert_uint_eq(g->heads.objects, 10);
  ck_assert_uint_eq(g->heads.bytes, 240);
  ck_assert_uint_eq(g->below.objects, 90);
  ck_assert_uint_eq(g->fresh.bytes, 2400);
  ck_assert_uint_eq(g->nexamples, CGC_GROUP_EXAMPLES);
  ck_assert_uint_eq(g->examples[7], 7);
  ck_assert_uint_eq(groups.total[CGC_CLASS_LOST].objects, 100);
  ck_assert_uint_eq(groups.total[CGC_CLASS_LOST].bytes, 2400);
}
END_TEST

START_TEST(class_stack_and_holder_make_the_key) {
  struct cgc_holder data = {CGC_HOLDER_DATA, 3, 0x100};
  struct cgc_holder other = {CGC_HOLDER_DATA, 3, 0x108};
  struct cgc_group *a = cgc_groups_find(&groups, CGC_CLASS_LOST, 7, nobody);
  ck_assert(a != cgc_groups_find(&groups, CGC_CLASS_UNSURE, 7, nobody));
  ck_assert(a != cgc_groups_find(&groups, CGC_CLASS_LOST, 8, nobody));
  ck_assert(a != cgc_groups_find(&groups, CGC_CLASS_LOST, 7, data));
  ck_assert(cgc_groups_find(&groups, CGC_CLASS_LOST, 7, data) !=
            cgc_groups_find(&groups, CGC_CLASS_LOST, 7, other));
  ck_assert(a == cgc_groups_find(&groups, CGC_CLASS_LOST, 7, nobody));
  ck_assert_uint_eq(groups.n, 5);
  cgc_groups_check(&groups);
}
END_TEST

START_TEST(there_is_room_for_many) {
  for (int round = 0; round < 2; round++)
    for (uint32_t i = 0; i < MANY; i++)
      cgc_groups_add(&groups,
                     cgc_groups_find(&groups, CGC_CLASS_LOST, i, nobody), i,
                     (struct cgc_amount){1, 1}, nothing, nothing);
  ck_assert_uint_eq(groups.n, MANY);
  for (uint32_t i = 0; i < MANY; i++)
    ck_assert_uint_eq(groups.all[i].heads.objects, 2);
  cgc_groups_check(&groups);
}
END_TEST

START_TEST(cleared_groups_are_gone) {
  cgc_groups_find(&groups, CGC_CLASS_LOST, 7, nobody);
  cgc_groups_clear(&groups);
  ck_assert_uint_eq(groups.n, 0);
  struct cgc_group *g = cgc_groups_find(&groups, CGC_CLASS_LOST, 7, nobody);
  ck_assert_uint_eq(g->heads.objects, 0);
  ck_assert_uint_eq(groups.total[CGC_CLASS_LOST].objects, 0);
  cgc_groups_release(&groups);
  ck_assert_ptr_null(groups.all);
}
END_TEST

static void setup(void) {
  cgc_page_init();
  cgc_groups_release(&groups);
}

int main(void) {
  Suite *suite = suite_create("group");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, setup, NULL);
  tcase_add_test(core, one_key_is_one_group);
  tcase_add_test(core, class_stack_and_holder_make_the_key);
  tcase_add_test(core, cleared_groups_are_gone);
  suite_add_tcase(suite, core);
  TCase *limits = tcase_create("limits");
  tcase_add_checked_fixture(limits, setup, NULL);
  tcase_add_test(limits, there_is_room_for_many);
  suite_add_tcase(suite, limits);
  return unit_run(suite);
}
