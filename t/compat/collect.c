/* SPDX-License-Identifier: MIT */
/* Collections asked for and refused. */
#include "contract.h"

CONTRACT_FN void fill(struct contract_flock *flock) {
  for (size_t i = 0; i < flock->n; i++)
    contract_join(flock, i, GC_malloc(40));
}

static bool collects(void (*how)(void)) {
  struct contract_flock flock = contract_flock(MANY);
  GC_dont_gc++; /* not before it is asked for */
  fill(&flock);
  GC_dont_gc--;
  contract_scrub();
  how();
  return contract_alive(&flock) < MANY / 10;
}

static int yes(void) { return 1; }
static int no(void) { return 0; }
static void try(void) { ck_assert_int_eq(GC_try_to_collect(no), 1); }
static void try_in_vain(void) { ck_assert_int_eq(GC_try_to_collect(yes), 0); }

START_TEST(collect_is_done_when_asked_for) {
  GC_INIT();
  GC_word before = GC_get_gc_no();
  ck_assert(collects(GC_gcollect));
  ck_assert(collects(GC_gcollect_and_unmap));
  ck_assert(collects(try));
  ck_assert_uint_ge(GC_get_gc_no(), before + 3);
  ck_assert_uint_eq(GC_get_gc_no(), GC_gc_no);
  ck_assert(!collects(try_in_vain));
}
END_TEST

START_TEST(collect_is_refused_when_disabled) {
  GC_INIT();
  ck_assert(!GC_is_disabled());
  GC_disable();
  GC_disable();
  ck_assert(GC_is_disabled());
  ck_assert(!collects(GC_gcollect));
  GC_enable();
  ck_assert(!collects(GC_gcollect));
  GC_enable();
  ck_assert(!GC_is_disabled());
  ck_assert(collects(GC_gcollect));
  GC_dont_gc = 1;
  ck_assert(GC_is_disabled());
  ck_assert(!collects(GC_gcollect));
  GC_dont_gc = 0;
  ck_assert(collects(GC_gcollect));
}
END_TEST

CONTRACT_FN void churn(size_t bytes) {
  for (size_t n = 0; n < bytes; n += 1000)
    GC_malloc_atomic(1000);
}

static bool collects_by_itself(void) {
  GC_word before = GC_get_gc_no();
  churn((size_t)300 << 20);
  return GC_get_gc_no() > before;
}

static void a_little(void) {
  while (GC_collect_a_little())
    ;
}

START_TEST(collect_a_little_does_what_is_due) {
  GC_INIT();
  GC_gcollect();
  GC_word before = GC_get_gc_no();
  for (int i = 0; i < 5; i++)
    a_little();
  ck_assert_uint_eq(GC_get_gc_no(), before);
  GC_dont_gc++;
  churn((size_t)300 << 20);
  GC_dont_gc--;
  a_little();
  ck_assert_uint_eq(GC_get_gc_no(), before + 1);
}
END_TEST

START_TEST(collect_happens_by_itself_unless_stopped) {
  GC_INIT();
  ck_assert(collects_by_itself());
  ck_assert(GC_get_stop_func() != NULL);
  GC_set_stop_func(yes);
  ck_assert(GC_get_stop_func() == yes);
  ck_assert(!collects_by_itself());
  ck_assert(collects(GC_gcollect_and_unmap));
  GC_set_stop_func(no);
}
END_TEST

START_TEST(collect_happens_only_when_asked_if_manual) {
  GC_INIT();
  ck_assert(!GC_get_disable_automatic_collection());
  GC_set_disable_automatic_collection(1);
  ck_assert(GC_get_disable_automatic_collection());
  ck_assert(!collects_by_itself());
  ck_assert(collects(GC_gcollect));
}
END_TEST

START_TEST(collect_incrementally_is_collecting) {
  GC_INIT();
  ck_assert_int_eq(GC_is_incremental_mode(), 0);
  GC_enable_incremental();
  ck_assert_int_ne(GC_is_incremental_mode(), 0);
  GC_start_incremental_collection();
  ck_assert(collects(GC_gcollect));
  ck_assert(collects_by_itself());
}
END_TEST

int main(void) {
  Suite *s = suite_create("collect");
  TCase *core = tcase_create("core");
  tcase_set_timeout(core, 60);
  tcase_add_test(core, collect_is_done_when_asked_for);
  tcase_add_test(core, collect_is_refused_when_disabled);
  tcase_add_test(core, collect_a_little_does_what_is_due);
  tcase_add_test(core, collect_happens_by_itself_unless_stopped);
  tcase_add_test(core, collect_happens_only_when_asked_if_manual);
  tcase_add_test(core, collect_incrementally_is_collecting);
  suite_add_tcase(s, core);
  return contract_run(s);
}
