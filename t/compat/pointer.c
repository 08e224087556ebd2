/* SPDX-License-Identifier: MIT */
/* Which pointers count, and checks of pointers. */
#include "contract.h"

#include <unistd.h>

CONTRACT_FN void fill(struct contract_flock *flock, char **where, size_t at) {
  for (size_t i = 0; i < flock->n; i++) {
    char *obj = GC_malloc_atomic(48);
    contract_join(flock, i, obj);
    where[i] = obj + at;
  }
}

/* How many of MANY are alive by a pointer AT bytes inside, from the heap. */
static size_t alive_by(size_t at) {
  struct contract_flock flock = contract_flock(MANY);
  char **where = GC_malloc(MANY * sizeof *where);
  fill(&flock, where, at);
  contract_collect();
  GC_reachable_here(where);
  return contract_alive(&flock);
}

START_TEST(pointer_to_any_byte_counts_at_the_start) {
  GC_INIT();
  ck_assert_int_eq(GC_get_all_interior_pointers(), 1);
  ck_assert_uint_eq(alive_by(0), MANY);
  ck_assert_uint_eq(alive_by(17), MANY);
  ck_assert_uint_eq(alive_by(48), MANY); /* one past the end */
}
END_TEST

START_TEST(pointer_to_the_inside_counts_if_registered) {
  GC_set_all_interior_pointers(0);
  GC_INIT();
  GC_register_displacement(3);
  ck_assert_uint_eq(alive_by(0), MANY);
  ck_assert_uint_eq(alive_by(3), MANY);
  contract_few(alive_by(8), MANY);
  contract_few(alive_by(19), MANY);
  GC_register_displacement(19);
  ck_assert_uint_eq(alive_by(19), MANY);
}
END_TEST

static char *data[MANY];

START_TEST(pointer_from_data_counts_as_from_the_heap) {
  struct contract_flock flock = contract_flock(MANY);
  GC_set_all_interior_pointers(0);
  GC_INIT();
  fill(&flock, data, 8);
  contract_collect();
  contract_few(contract_alive(&flock), MANY);
}
END_TEST

START_TEST(pointer_on_the_stack_counts_anyway) {
  GC_set_all_interior_pointers(0);
  GC_INIT();
  for (int i = 0; i < 100; i++) {
    char *volatile inside = (char *)GC_malloc_atomic(4000) + 17;
    memset(inside, 5, 1000);
    contract_collect();
    for (int k = 0; k < 40; k++)
      memset(GC_malloc_atomic(4000), 9, 4000);
    ck_assert_int_eq(inside[500], 5);
  }
}
END_TEST

START_TEST(pointer_size_is_exact_without_interior_pointers) {
  GC_all_interior_pointers = 0;
  GC_INIT();
  char *a = GC_malloc(16);
  ck_assert_uint_eq(GC_size(a), 16);
  char *b = GC_realloc(a, 16);
  ck_assert_ptr_eq(a, b);
}
END_TEST

static int nfailures;
static void on_two(void *p, void *q) {
  (void)p;
  (void)q;
  nfailures++;
}
static void on_one(void *p) {
  (void)p;
  nfailures++;
}

START_TEST(pointer_checks_tell_the_functions) {
  void *local;
  GC_INIT();
  char *a = GC_malloc(100), *b = GC_malloc(100), *p = a;
  GC_same_obj_print_proc = on_two;
  GC_is_visible_print_proc = on_one;
  GC_is_valid_displacement_print_proc = on_one;
  ck_assert_ptr_eq(GC_same_obj(a, a + 99), a);
  ck_assert_ptr_eq(GC_pre_incr((void **)&p, 10), a + 10);
  ck_assert_ptr_eq(GC_post_incr((void **)&p, -10), a + 10);
  ck_assert_ptr_eq(p, a);
  ck_assert_ptr_eq(GC_is_valid_displacement(a + 5), a + 5);
  ck_assert_ptr_eq(GC_is_visible(a), a);
  ck_assert_ptr_eq(GC_is_visible(&local), &local);
  ck_assert_int_eq(nfailures, 0);
  GC_same_obj(a, b);
  ck_assert_int_eq(nfailures, 1);
  GC_is_visible(GC_malloc_atomic(100));
  if (contract_is_ours())
    ck_assert_int_eq(nfailures, 2);
}
END_TEST

START_TEST(pointer_base_and_heap_are_known) {
  int local;
  GC_INIT();
  char *obj = GC_malloc(1000), *big = GC_malloc(1 << 20);
  ck_assert_ptr_eq(GC_base(obj + 999), obj);
  ck_assert_ptr_eq(GC_base(big + 700000), big);
  ck_assert_ptr_null(GC_base(&local));
  ck_assert_int_ne(GC_is_heap_ptr(obj), 0);
  ck_assert_int_eq(GC_is_heap_ptr(&local), 0);
}
END_TEST

int main(void) {
  Suite *s = suite_create("pointer");
  TCase *core = tcase_create("core");
  tcase_set_timeout(core, 60);
  tcase_add_test(core, pointer_to_any_byte_counts_at_the_start);
  tcase_add_test(core, pointer_to_the_inside_counts_if_registered);
  tcase_add_test(core, pointer_from_data_counts_as_from_the_heap);
  tcase_add_test(core, pointer_on_the_stack_counts_anyway);
  tcase_add_test(core, pointer_size_is_exact_without_interior_pointers);
  tcase_add_test(core, pointer_checks_tell_the_functions);
  tcase_add_test(core, pointer_base_and_heap_are_known);
  suite_add_tcase(s, core);
  return contract_run(s);
}
