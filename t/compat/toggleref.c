/* SPDX-License-Identifier: MIT */
/* References that are strong or weak as the program says. */
#include "contract.h"

static long nasked;

/* An object says in its first word what is to become of it. */
static GC_ToggleRefStatus ask(void *obj) {
  nasked++;
  return *(GC_ToggleRefStatus *)obj;
}

CONTRACT_FN void fill(struct contract_flock *flock, GC_ToggleRefStatus is,
                      int strong) {
  for (size_t i = 0; i < flock->n; i++) {
    GC_ToggleRefStatus *obj = GC_malloc(40);
    *obj = is;
    contract_join(flock, i, obj);
    ck_assert_int_eq(GC_toggleref_add(obj, strong), GC_SUCCESS);
  }
}

START_TEST(toggleref_decides_what_stays) {
  struct contract_flock strong = contract_flock(MANY);
  struct contract_flock weak = contract_flock(MANY);
  struct contract_flock dropped = contract_flock(MANY);
  GC_INIT();
  GC_set_toggleref_func(ask);
  ck_assert(GC_get_toggleref_func() == ask);
  fill(&strong, GC_TOGGLE_REF_STRONG, 0);
  fill(&weak, GC_TOGGLE_REF_WEAK, 1);
  fill(&dropped, GC_TOGGLE_REF_DROP, 1);
  for (int i = 0; i < 3; i++)
    contract_collect();
  ck_assert_uint_eq(contract_alive(&strong), MANY);
  contract_few(contract_alive(&weak), MANY);
  contract_few(contract_alive(&dropped), MANY);
  ck_assert_int_ge(nasked, 3 * MANY);
  for (size_t i = 0; i < MANY; i++)
    *(GC_ToggleRefStatus *)strong.link[i] = GC_TOGGLE_REF_WEAK;
  contract_collect();
  contract_few(contract_alive(&strong), MANY);
}
END_TEST

START_TEST(toggleref_keeps_what_strong_ones_point_to) {
  struct contract_flock flock = contract_flock(MANY);
  GC_INIT();
  GC_set_toggleref_func(ask);
  for (size_t i = 0; i < MANY; i++) {
    void **obj = GC_malloc(40);
    *(GC_ToggleRefStatus *)obj = GC_TOGGLE_REF_STRONG;
    obj[2] = GC_malloc(30);
    contract_join(&flock, i, obj[2]);
    GC_toggleref_add(obj, 1);
  }
  contract_collect();
  ck_assert_uint_eq(contract_alive(&flock), MANY);
}
END_TEST

START_TEST(toggleref_without_a_function_does_nothing) {
  struct contract_flock flock = contract_flock(MANY);
  GC_INIT();
  ck_assert(GC_get_toggleref_func() == NULL);
  fill(&flock, GC_TOGGLE_REF_STRONG, 1);
  contract_collect();
  contract_few(contract_alive(&flock), MANY);
}
END_TEST

int main(void) {
  Suite *s = suite_create("toggleref");
  TCase *core = tcase_create("core");
  tcase_add_test(core, toggleref_decides_what_stays);
  tcase_add_test(core, toggleref_keeps_what_strong_ones_point_to);
  tcase_add_test(core, toggleref_without_a_function_does_nothing);
  suite_add_tcase(s, core);
  return contract_run(s);
}
