/* SPDX-License-Identifier: MIT */
/*
 * t/gc/final.c - finalizers run once and in order; weak links are cleared
 * exactly when their target dies.
 */
#include "gctest.h"

static int nrun[GCTEST_MANY];

static void count(void *obj, void *data) {
  ck_assert_ptr_nonnull(obj);
  nrun[(uintptr_t)data]++;
}

static int total(void) {
  int n = 0;
  for (int i = 0; i < GCTEST_MANY; i++) {
    ck_assert_int_le(nrun[i], 1);
    n += nrun[i];
  }
  return n;
}

typedef void (*register_fn)(void *, GC_finalization_proc, void *,
                            GC_finalization_proc *, void **);
static const register_fn registers[] = {
    GC_register_finalizer, GC_register_finalizer_ignore_self,
    GC_register_finalizer_no_order, GC_register_finalizer_unreachable};

static void *kept[GCTEST_MANY];

GCTEST_FN void make_many(register_fn reg, bool keep) {
  for (uintptr_t i = 0; i < GCTEST_MANY; i++) {
    void *obj = GC_malloc(16 + i % 300);
    reg(obj, count, (void *)i, NULL, NULL);
    kept[i] = keep ? obj : NULL;
  }
}

static void collect_and_run(void) {
  gctest_collect();
  GC_invoke_finalizers();
}

START_TEST(finalizers_run_once_for_what_dies) {
  make_many(registers[_i], false);
  for (int i = 0; i < 3; i++)
    collect_and_run();
  gctest_most(total(), GCTEST_MANY);
}
END_TEST

START_TEST(finalizers_wait_while_reachable) {
  make_many(registers[_i], true);
  collect_and_run();
  ck_assert_int_eq(total(), 0);
  memset(kept, 0, sizeof kept);
  collect_and_run();
  collect_and_run();
  gctest_most(total(), GCTEST_MANY);
}
END_TEST

START_TEST(finalizers_go_with_an_explicit_free) {
  make_many(GC_register_finalizer, true);
  for (int i = 0; i < GCTEST_MANY; i++) {
    GC_free(kept[i]);
    kept[i] = NULL;
  }
  collect_and_run();
  ck_assert_int_eq(total(), 0);
}
END_TEST

START_TEST(finalizers_on_demand_wait_for_the_call) {
  GC_set_finalize_on_demand(1);
  make_many(GC_register_finalizer, false);
  gctest_collect();
  for (int i = 0; i < 10000; i++)
    *(volatile char *)GC_malloc(100) = 1;
  ck_assert_int_eq(total(), 0);
  ck_assert_int_eq(GC_should_invoke_finalizers(), 1);
  int n = GC_invoke_finalizers();
  gctest_most(n, GCTEST_MANY);
  ck_assert_int_eq(total(), n);
}
END_TEST

struct member {
  struct member *next;
  int rank, *last; /* in last: the rank finalized most recently */
};

static int nout_of_order, nfinalized;

static void in_order(void *obj, void *unused) {
  struct member *m = obj;
  (void)unused;
  /* What it points to is still whole, and not finalized before it. */
  if (m->rank != *m->last + 1 || (m->next && m->next->rank != m->rank + 1))
    nout_of_order++;
  *m->last = m->rank;
  nfinalized++;
}

GCTEST_FN void make_lists(int nlists, int length) {
  for (int i = 0; i < nlists; i++) {
    int *last = GC_malloc_noscan_uncollectable(sizeof *last);
    struct member *next = NULL;
    *last = -1;
    for (int k = length - 1; k >= 0; k--) {
      struct member *m = GC_malloc(sizeof *m);
      *m = (struct member){next, k, last};
      GC_register_finalizer(m, in_order, NULL, NULL, NULL);
      next = m;
    }
  }
}

/* As what a thread found that is held up in a finalizer. */
START_TEST(finalizers_run_at_allocation_without_a_collection) {
  GC_set_finalize_on_demand(1);
  make_many(GC_register_finalizer, false);
  gctest_collect();
  GC_set_finalize_on_demand(0);
  GC_disable();
  for (int i = 0; i < 1000; i++)
    *(volatile char *)GC_malloc(100) = 1;
  gctest_most(total(), GCTEST_MANY);
}
END_TEST

START_TEST(finalizers_run_from_the_holder_to_the_held) {
  enum { NLISTS = 200, LENGTH = 5 };
  make_lists(NLISTS, LENGTH);
  for (int i = 0; i < LENGTH + 2; i++)
    collect_and_run();
  ck_assert_int_eq(nout_of_order, 0);
  gctest_most(nfinalized, NLISTS * LENGTH);
}
END_TEST

GCTEST_FN void make_cycles(register_fn reg, int ncycles) {
  for (uintptr_t i = 0; i < (uintptr_t)ncycles; i++) {
    void **a = GC_malloc(16), **b = GC_malloc(16);
    *a = b;
    *b = a;
    reg(a, count, (void *)(2 * i), NULL, NULL);
    reg(b, count, (void *)(2 * i + 1), NULL, NULL);
  }
}

START_TEST(finalizers_of_cycles_run_without_order_alone) {
  make_cycles(GC_register_finalizer, GCTEST_MANY / 2);
  for (int i = 0; i < 3; i++)
    collect_and_run();
  ck_assert_int_eq(total(), 0);
  make_cycles(GC_register_finalizer_no_order, GCTEST_MANY / 2);
  for (int i = 0; i < 3; i++)
    collect_and_run();
  gctest_most(total(), GCTEST_MANY);
}
END_TEST

GCTEST_FN void make_self_pointing(register_fn reg) {
  for (uintptr_t i = 0; i < GCTEST_MANY; i++) {
    void **obj = GC_malloc(32);
    obj[1] = obj;
    reg(obj, count, (void *)i, NULL, NULL);
  }
}

START_TEST(finalizers_may_ignore_pointers_to_self) {
  make_self_pointing(GC_register_finalizer_ignore_self);
  collect_and_run();
  collect_and_run();
  gctest_most(total(), GCTEST_MANY);
}
END_TEST

static void *revived[GCTEST_MANY];

static void revive(void *obj, void *data) {
  revived[(uintptr_t)data] = obj;
  nrun[(uintptr_t)data]++;
}

GCTEST_FN void make_revivable(void) {
  for (uintptr_t i = 0; i < GCTEST_MANY; i++) {
    unsigned char *obj = GC_malloc(64);
    memset(obj, 0x3c, 64);
    GC_register_finalizer(obj, revive, (void *)i, NULL, NULL);
  }
}

START_TEST(finalizers_may_revive_their_object) {
  make_revivable();
  collect_and_run();
  gctest_most(total(), GCTEST_MANY);
  for (int i = 0; i < 50000; i++)
    memset(GC_malloc(64), 0xdb, 64);
  collect_and_run();
  for (int i = 0; i < GCTEST_MANY; i++)
    for (int k = 0; revived[i] && k < 64; k++)
      ck_assert_uint_eq(((unsigned char *)revived[i])[k], 0x3c);
  (void)total();
}
END_TEST

START_TEST(register_returns_what_was_there) {
  void *obj = GC_malloc(16), *old_data = &nrun;
  GC_finalization_proc old = revive;
  GC_register_finalizer(obj, count, (void *)1, &old, &old_data);
  ck_assert_ptr_null((void *)(uintptr_t)old);
  ck_assert_ptr_null(old_data);
  GC_register_finalizer(obj, NULL, NULL, &old, &old_data);
  ck_assert_ptr_eq((void *)(uintptr_t)old, (void *)(uintptr_t)count);
  ck_assert_ptr_eq(old_data, (void *)1);
}
END_TEST

typedef int (*link_fn)(void **, const void *);
static const link_fn link_registers[] = {GC_general_register_disappearing_link,
                                         GC_register_long_link};

/* Every second target is kept. */
GCTEST_FN void make_links(uintptr_t *links, link_fn reg) {
  for (int i = 0; i < GCTEST_MANY; i++) {
    void *obj = GC_malloc(16 + (size_t)i % 300);
    links[i] = (uintptr_t)obj;
    kept[i] = i % 2 ? obj : NULL;
    ck_assert_int_eq(reg((void **)&links[i], obj), GC_SUCCESS);
    ck_assert_int_eq(reg((void **)&links[i], obj), GC_DUPLICATE);
  }
}

static uintptr_t *links_make(void) {
  return GC_malloc_noscan_uncollectable(GCTEST_MANY * sizeof(uintptr_t));
}

START_TEST(links_clear_exactly_with_their_target) {
  uintptr_t *links = links_make();
  int ngone = 0;
  make_links(links, link_registers[_i]);
  gctest_collect();
  for (int i = 0; i < GCTEST_MANY; i++)
    if (i % 2)
      ck_assert_uint_eq(links[i], (uintptr_t)kept[i]);
    else
      ngone += !links[i];
  gctest_most(ngone, GCTEST_MANY / 2);
  memset(kept, 0, sizeof kept);
  gctest_collect();
  ngone = 0;
  for (int i = 1; i < GCTEST_MANY; i += 2)
    ngone += !links[i];
  gctest_most(ngone, GCTEST_MANY / 2);
}
END_TEST

START_TEST(links_unregistered_stay) {
  uintptr_t *links = links_make();
  GC_disable(); /* the objects die with the first collection */
  make_links(links, GC_general_register_disappearing_link);
  for (int i = 0; i < GCTEST_MANY; i++)
    ck_assert_int_eq(GC_unregister_disappearing_link((void **)&links[i]), 1);
  GC_enable();
  ck_assert_int_eq(GC_unregister_disappearing_link((void **)&links[0]), 0);
  gctest_collect();
  for (int i = 0; i < GCTEST_MANY; i++)
    ck_assert_uint_ne(links[i], 0);
}
END_TEST

GCTEST_FN void make_revived_links(uintptr_t *shorts, uintptr_t *longs) {
  for (uintptr_t i = 0; i < GCTEST_MANY; i++) {
    void *obj = GC_malloc(64);
    GC_register_finalizer(obj, revive, (void *)i, NULL, NULL);
    shorts[i] = longs[i] = (uintptr_t)obj;
    GC_general_register_disappearing_link((void **)&shorts[i], obj);
    GC_register_long_link((void **)&longs[i], obj);
  }
}

START_TEST(links_long_outlive_short_ones) {
  uintptr_t *shorts = links_make(), *longs = links_make();
  int nshort = 0, nlong = 0;
  make_revived_links(shorts, longs);
  collect_and_run();
  for (int i = 0; i < GCTEST_MANY; i++) {
    nshort += !shorts[i];
    nlong += !longs[i];
    if (nrun[i])
      ck_assert_uint_eq(shorts[i], 0);
  }
  gctest_most(nshort, GCTEST_MANY);
  ck_assert_int_eq(nlong, 0); /* the finalizers revived them all */
  memset(revived, 0, sizeof revived);
  collect_and_run();
  nlong = 0;
  for (int i = 0; i < GCTEST_MANY; i++)
    nlong += !longs[i];
  gctest_most(nlong, GCTEST_MANY);
}
END_TEST

START_TEST(links_can_move) {
  uintptr_t *from = links_make(), *to = links_make();
  GC_disable(); /* the objects die with the first collection */
  make_links(from, GC_general_register_disappearing_link);
  for (int i = 0; i < GCTEST_MANY; i++) {
    to[i] = from[i];
    ck_assert_int_eq(
        GC_move_disappearing_link((void **)&from[i], (void **)&to[i]),
        GC_SUCCESS);
    from[i] = 1;
  }
  GC_enable();
  gctest_collect();
  int ngone = 0;
  for (int i = 0; i < GCTEST_MANY; i++) {
    ck_assert_uint_eq(from[i], 1);
    ngone += !to[i];
  }
  gctest_most(ngone, GCTEST_MANY / 2);
}
END_TEST

int main(void) {
  Suite *s = suite_create("final");
  TCase *core = tcase_create("core");
  tcase_set_timeout(core, 60);
  tcase_add_loop_test(core, finalizers_run_once_for_what_dies, 0, 4);
  tcase_add_loop_test(core, finalizers_wait_while_reachable, 0, 4);
  tcase_add_test(core, finalizers_go_with_an_explicit_free);
  tcase_add_test(core, finalizers_on_demand_wait_for_the_call);
  tcase_add_test(core, finalizers_run_at_allocation_without_a_collection);
  tcase_add_test(core, finalizers_run_from_the_holder_to_the_held);
  tcase_add_test(core, finalizers_of_cycles_run_without_order_alone);
  tcase_add_test(core, finalizers_may_ignore_pointers_to_self);
  tcase_add_test(core, finalizers_may_revive_their_object);
  tcase_add_test(core, register_returns_what_was_there);
  tcase_add_loop_test(core, links_clear_exactly_with_their_target, 0, 2);
  tcase_add_test(core, links_unregistered_stay);
  tcase_add_test(core, links_long_outlive_short_ones);
  tcase_add_test(core, links_can_move);
  suite_add_tcase(s, core);
  return gctest_run(s);
}
