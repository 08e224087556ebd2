/* SPDX-License-Identifier: MIT */
#include "base/list.h"

#include "unit.h"

struct item {
  int number;
  struct cgc_link link;
};

static struct cgc_link list;
static struct item items[4];

static void set_up(void) {
  cgc_list_init(&list);
  for (int i = 0; i < 4; i++)
    items[i] = (struct item){.number = i};
}

/* The numbers in the order of the list, as decimal digits. */
static int order(const struct cgc_link *l) {
  int digits = 0;
  cgc_list_check(l);
  cgc_list_for_each(link, l) digits =
      digits * 10 + cgc_list_entry(link, struct item, link)->number;
  return digits;
}

START_TEST(a_new_list_is_empty) {
  ck_assert(cgc_list_empty(&list));
  ck_assert_ptr_null(cgc_list_first(&list));
  ck_assert_ptr_null(cgc_list_pop_front(&list));
  ck_assert_uint_eq(cgc_list_length(&list), 0);
}
END_TEST

START_TEST(push_back_keeps_and_push_front_reverses_the_order) {
  for (int i = 1; i < 4; i++)
    cgc_list_push_back(&list, &items[i].link);
  ck_assert_int_eq(order(&list), 123);
  while (cgc_list_pop_front(&list))
    ;
  for (int i = 1; i < 4; i++)
    cgc_list_push_front(&list, &items[i].link);
  ck_assert_int_eq(order(&list), 321);
  ck_assert_uint_eq(cgc_list_length(&list), 3);
}
END_TEST

START_TEST(a_removed_link_knows_that_it_is_in_no_list) {
  for (int i = 1; i < 4; i++)
    cgc_list_push_back(&list, &items[i].link);
  ck_assert(cgc_link_in_list(&items[2].link));
  cgc_list_remove(&items[2].link);
  ck_assert(!cgc_link_in_list(&items[2].link));
  ck_assert_int_eq(order(&list), 13);
}
END_TEST

START_TEST(splice_appends_and_empties_the_source) {
  struct cgc_link other;
  cgc_list_init(&other);
  cgc_list_push_back(&list, &items[1].link);
  cgc_list_push_back(&other, &items[2].link);
  cgc_list_push_back(&other, &items[3].link);
  cgc_list_splice(&list, &other);
  ck_assert_int_eq(order(&list), 123);
  ck_assert(cgc_list_empty(&other));
  cgc_list_splice(&list, &other);
  ck_assert_int_eq(order(&list), 123);
}
END_TEST

START_TEST(splice_into_an_empty_list) {
  struct cgc_link other;
  cgc_list_init(&other);
  cgc_list_push_back(&other, &items[1].link);
  cgc_list_splice(&list, &other);
  ck_assert_int_eq(order(&list), 1);
}
END_TEST

START_TEST(a_torn_list_is_noticed) {
  cgc_list_push_back(&list, &items[1].link);
  cgc_list_push_back(&list, &items[2].link);
  items[2].link.prev = &list;
  cgc_list_check(&list);
}
END_TEST

int main(void) {
  Suite *s = suite_create("list");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_test(core, a_new_list_is_empty);
  tcase_add_test(core, push_back_keeps_and_push_front_reverses_the_order);
  tcase_add_test(core, a_removed_link_knows_that_it_is_in_no_list);
  tcase_add_test(core, splice_appends_and_empties_the_source);
  tcase_add_test(core, splice_into_an_empty_list);
  tcase_add_test_raise_signal(core, a_torn_list_is_noticed, SIGABRT);
  suite_add_tcase(s, core);
  return unit_run(s);
}
