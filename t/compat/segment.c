/* SPDX-License-Identifier: MIT */
/* Data of loaded objects. */
#include "contract.h"

static void *data[MANY];

CONTRACT_FN void fill(struct contract_flock *flock, void **where) {
  for (size_t i = 0; i < flock->n; i++) {
    where[i] = GC_malloc_atomic(40);
    contract_join(flock, i, where[i]);
  }
}

static size_t alive_by(void **where) {
  struct contract_flock flock = contract_flock(MANY);
  fill(&flock, where);
  contract_collect();
  return contract_alive(&flock);
}

START_TEST(segment_of_the_program_is_a_root) {
  GC_INIT();
  ck_assert_uint_eq(alive_by(data), MANY);
}
END_TEST

START_TEST(segment_is_no_root_without_dls) {
  GC_no_dls = 1;
  GC_INIT();
  contract_few(alive_by(data), MANY);
  GC_add_roots(data, data + MANY);
  ck_assert_uint_eq(alive_by(data), MANY);
  GC_remove_roots(data, data + MANY);
  contract_few(alive_by(data), MANY);
}
END_TEST

START_TEST(segment_parts_are_excluded) {
  GC_INIT();
  GC_exclude_static_roots(data, data + MANY);
  contract_few(alive_by(data), MANY);
}
END_TEST

START_TEST(segment_roots_are_added_and_cleared) {
  void **outside = malloc(MANY * sizeof *outside);
  GC_INIT();
  contract_few(alive_by(outside), MANY);
  GC_add_roots(outside, outside + MANY);
  ck_assert_uint_eq(alive_by(outside), MANY);
  GC_clear_roots();
  contract_few(alive_by(outside), MANY);
  ck_assert_uint_eq(alive_by(data), MANY);
}
END_TEST

static int nasked;
static int refuse(const char *name, void *start, size_t bytes) {
  nasked++;
  (void)name;
  return !((char *)start <= (char *)data &&
           (char *)data < (char *)start + bytes);
}

START_TEST(segment_is_a_root_if_the_function_wants_it) {
  GC_INIT();
  GC_register_has_static_roots_callback(refuse);
  contract_few(alive_by(data), MANY);
  ck_assert_int_gt(nasked, 1);
  GC_register_has_static_roots_callback(NULL);
}
END_TEST

int main(void) {
  Suite *s = suite_create("segment");
  TCase *core = tcase_create("core");
  tcase_set_timeout(core, 60);
  tcase_add_test(core, segment_of_the_program_is_a_root);
  tcase_add_test(core, segment_is_no_root_without_dls);
  tcase_add_test(core, segment_parts_are_excluded);
  tcase_add_test(core, segment_roots_are_added_and_cleared);
  tcase_add_test(core, segment_is_a_root_if_the_function_wants_it);
  suite_add_tcase(s, core);
  return contract_run(s);
}
