/* SPDX-License-Identifier: MIT */
/* Mark bits, and all objects that the last collection found. */
#include "contract.h"

#include <gc/gc_mark.h>

CONTRACT_FN void make(void **keep) {
  for (size_t i = 0; i < MANY; i++) {
    keep[i] = GC_malloc(i % 50 ? 48 : 40000);
    GC_malloc(48); /* lost */
  }
}

/* ---- All objects -------------------------------------------------------- */

struct seen {
  void **keep;
  size_t nkept, nlost;
};

static void see(void *obj, size_t size, void *data) {
  struct seen *seen = data;
  ck_assert_uint_ge(size, 16);
  ck_assert_ptr_eq(GC_base(obj), obj);
  for (size_t i = 0; i < MANY; i++)
    if (seen->keep[i] == obj) {
      ck_assert_uint_ge(size, i % 50 ? 48 : 40000);
      seen->nkept++;
      return;
    }
  seen->nlost++;
}

static void *enumerate(void *data) {
  GC_enumerate_reachable_objects_inner(see, data);
  return NULL;
}

START_TEST(reachable_objects_are_all_seen_once) {
  GC_INIT();
  struct seen seen = {.keep = GC_malloc(MANY * sizeof(void *))};
  make(seen.keep);
  contract_collect();
  GC_call_with_alloc_lock(enumerate, &seen);
  ck_assert_uint_eq(seen.nkept, MANY);
  contract_few(seen.nlost, MANY);
}
END_TEST

/* ---- Mark bits ---------------------------------------------------------- */

static size_t nmarked(void **objects) {
  size_t n = 0;
  for (size_t i = 0; i < MANY; i++)
    n += GC_is_marked(objects[i]) != 0;
  return n;
}

static void *count_marked(void *objects) { return (void *)nmarked(objects); }

START_TEST(reachable_objects_are_marked) {
  GC_INIT();
  void **keep = GC_malloc(MANY * sizeof(void *));
  make(keep);
  contract_collect();
  ck_assert_uint_eq((size_t)GC_call_with_alloc_lock(count_marked, keep), MANY);
}
END_TEST

START_TEST(reachable_bits_are_set_and_cleared) {
  GC_INIT();
  void *obj = GC_malloc_uncollectable(100);
  GC_set_mark_bit(obj);
  ck_assert_int_eq(GC_is_marked(obj), 1);
  GC_clear_mark_bit(obj);
  ck_assert_int_eq(GC_is_marked(obj), 0);
  GC_set_mark_bit(obj);
  ck_assert_int_eq(GC_is_marked(obj), 1);
}
END_TEST

int main(void) {
  Suite *s = suite_create("reachable");
  TCase *core = tcase_create("core");
  tcase_add_test(core, reachable_objects_are_all_seen_once);
  tcase_add_test(core, reachable_objects_are_marked);
  tcase_add_test(core, reachable_bits_are_set_and_cleared);
  tcase_set_timeout(core, 60);
  suite_add_tcase(s, core);
  return contract_run(s);
}
