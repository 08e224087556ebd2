/* SPDX-License-Identifier: MIT */
#include "mark/table.h"

#include "base/log.h"
#include "heap/meta.h"
#include "unit.h"

enum { KEYS = 5000, STEPS = 200000 };

static struct cgc_table table;

static struct cgc_record *put(uintptr_t key) {
  struct cgc_record *r = cgc_table_insert(&table, key);
  ck_assert_ptr_nonnull(r);
  ck_assert_uint_eq(r->key, key);
  return r;
}

START_TEST(an_empty_table_finds_nothing) {
  ck_assert_ptr_null(cgc_table_find(&table, 8));
  ck_assert_uint_eq(cgc_table_capacity(&table), 0);
  cgc_table_shrink(&table);
  cgc_table_clear(&table);
  cgc_table_check(&table);
}
END_TEST

START_TEST(a_new_record_is_zero_and_an_old_one_is_kept) {
  struct cgc_record *r = put(16);
  for (int i = 0; i < CGC_RECORD_WORDS; i++)
    ck_assert_uint_eq(r->word[i], 0);
  r->word[1] = 7;
  ck_assert_uint_eq(put(16)->word[1], 7);
  ck_assert_uint_eq(table.n, 1);
}
END_TEST

START_TEST(records_survive_growth_and_shrinking) {
  for (uintptr_t k = 1; k <= KEYS; k++)
    put(k * 8)->word[0] = k;
  cgc_table_check(&table);
  size_t grown = cgc_table_capacity(&table);
  for (uintptr_t k = 100; k <= KEYS; k++)
    cgc_table_remove(&table, cgc_table_find(&table, k * 8));
  cgc_table_shrink(&table);
  cgc_table_check(&table);
  ck_assert_uint_lt(cgc_table_capacity(&table), grown / 8);
  for (uintptr_t k = 1; k < 100; k++)
    ck_assert_uint_eq(cgc_table_find(&table, k * 8)->word[0], k);
}
END_TEST

START_TEST(an_emptied_table_gives_its_memory_back) {
  for (uintptr_t k = 1; k <= KEYS; k++)
    put(k);
  for (uintptr_t k = 1; k <= KEYS; k++)
    cgc_table_remove(&table, cgc_table_find(&table, k));
  cgc_table_shrink(&table);
  ck_assert_uint_eq(cgc_table_capacity(&table), 0);
}
END_TEST

START_TEST(a_table_used_forever_does_not_grow) {
  uintptr_t k = 1;
  for (; k <= 20; k++)
    put(k * 16);
  size_t before = cgc_table_capacity(&table);
  for (; k < STEPS; k++) {
    put(k * 16);
    cgc_table_remove(&table, cgc_table_find(&table, (k - 20) * 16));
  }
  ck_assert_uint_eq(cgc_table_capacity(&table), before);
  cgc_table_check(&table);
}
END_TEST

/* KEYS keys of few values, so that clusters are long and wrap. */
START_TEST(a_random_program_finds_what_the_model_holds) {
  static uintptr_t model[KEYS];
  struct unit_random r = unit_random();
  size_t n = 0;
  for (int step = 0; step < STEPS; step++) {
    uintptr_t k = unit_below(&r, step % 20000 < 10000 ? KEYS : 40);
    struct cgc_record *found = cgc_table_find(&table, k * 4096 + 8);
    ck_assert_int_eq(found != NULL, model[k] != 0);
    if (found) {
      ck_assert_uint_eq(found->word[2], model[k]);
      cgc_table_remove(&table, found);
      model[k] = 0;
      n--;
    } else {
      put(k * 4096 + 8)->word[2] = model[k] = (uintptr_t)step + 1;
      n++;
    }
    if (step % 1000 == 0) {
      cgc_table_shrink(&table);
      cgc_table_check(&table);
      ck_assert_uint_eq(table.n, n);
    }
  }
}
END_TEST

/* Removing in a walk: every record is seen, those removed are gone. */
START_TEST(a_walk_may_remove_what_it_sees) {
  struct unit_random r = unit_random();
  for (int round = 0; round < 200; round++) {
    static bool seen[KEYS];
    size_t nkeys = 1 + unit_below(&r, 200), kept = 0;
    for (uintptr_t k = 1; k <= nkeys; k++) {
      put(k * 48);
      seen[k] = false;
    }
    for (size_t i = 0; i < cgc_table_capacity(&table);) {
      struct cgc_record *rec = &table.records[i];
      uintptr_t k = rec->key / 48;
      seen[k] = true;
      if (rec->key && k % 3) {
        cgc_table_remove(&table, rec);
      } else {
        kept += rec->key != 0;
        i++;
      }
    }
    for (uintptr_t k = 1; k <= nkeys; k++) {
      ck_assert(seen[k]);
      ck_assert_int_eq(cgc_table_find(&table, k * 48) != NULL, k % 3 == 0);
    }
    ck_assert_uint_eq(table.n, nkeys / 3);
    ck_assert_uint_ge(kept, table.n);
    cgc_table_check(&table);
    cgc_table_clear(&table);
  }
}
END_TEST

START_TEST(a_record_out_of_place_is_noticed) {
  cgc_log_set_fd(-1);
  put(8)->key = 9999;
  cgc_table_check(&table);
}
END_TEST

int main(void) {
  Suite *s = suite_create("table");
  TCase *core = tcase_create("core");
  TCase *model = tcase_create("model");
  tcase_add_test(core, an_empty_table_finds_nothing);
  tcase_add_test(core, a_new_record_is_zero_and_an_old_one_is_kept);
  tcase_add_test(core, records_survive_growth_and_shrinking);
  tcase_add_test(core, an_emptied_table_gives_its_memory_back);
  tcase_add_test(core, a_table_used_forever_does_not_grow);
  tcase_add_test_raise_signal(core, a_record_out_of_place_is_noticed, SIGABRT);
  tcase_add_test(model, a_random_program_finds_what_the_model_holds);
  tcase_add_test(model, a_walk_may_remove_what_it_sees);
  tcase_set_timeout(model, 60);
  suite_add_tcase(s, core);
  suite_add_tcase(s, model);
  return unit_run(s);
}
