/* SPDX-License-Identifier: MIT */
/* The beginning. */
#include "contract.h"

START_TEST(start_is_called_by_the_first_allocation_or_before) {
  ck_assert_int_eq(GC_is_init_called(), 0);
  GC_init();
  ck_assert_int_ne(GC_is_init_called(), 0);
  GC_init();
  ck_assert_ptr_nonnull(GC_malloc(1));
}
END_TEST

CONTRACT_FN void lose_first(struct contract_flock *flock) {
  contract_join(flock, 0, GC_malloc(32));
}

/* Of bdwgc nobody said so. */
START_TEST(start_leaves_no_word_that_keeps_the_first_object) {
  struct contract_flock flock = contract_flock(1);
  GC_init();
  lose_first(&flock);
  contract_collect();
  if (contract_is_ours())
    ck_assert_uint_eq(contract_alive(&flock), 0);
}
END_TEST

START_TEST(start_says_the_version) {
  ck_assert_uint_eq(GC_get_version(), 0x080202);
  ck_assert_int_eq(GC_VERSION_MAJOR, 8);
}
END_TEST

int main(void) {
  Suite *s = suite_create("start");
  TCase *core = tcase_create("core");
  tcase_add_test(core, start_is_called_by_the_first_allocation_or_before);
  tcase_add_test(core, start_leaves_no_word_that_keeps_the_first_object);
  tcase_add_test(core, start_says_the_version);
  suite_add_tcase(s, core);
  return contract_run(s);
}
