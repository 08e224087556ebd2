/* SPDX-License-Identifier: MIT */
/* Finalizers and weak links. */
#include "contract.h"

#include <gc/javaxfc.h>

struct node {
  struct node *next;
  long number;
};

static int nran;

static void on_final(void *obj, void *data) {
  (void)obj;
  (void)data;
  nran++;
}

typedef void (*register_fn)(void *, GC_finalization_proc, void *,
                            GC_finalization_proc *, void **);

static const register_fn registers[] = {
    GC_register_finalizer, GC_register_finalizer_ignore_self,
    GC_register_finalizer_no_order, GC_register_finalizer_unreachable};

CONTRACT_FN struct node *node(register_fn fn, long number) {
  struct node *n = GC_malloc(sizeof *n);
  n->number = number;
  fn(n, on_final, NULL, NULL, NULL);
  return n;
}

CONTRACT_FN void lose(register_fn fn, int n) {
  for (int i = 0; i < n; i++)
    node(fn, i);
}

CONTRACT_FN void lose_cycles(register_fn fn, int n) {
  for (int i = 0; i < n; i++) {
    struct node *a = node(fn, i), *b = node(fn, i);
    a->next = b;
    b->next = a;
  }
}

CONTRACT_FN void lose_selves(register_fn fn, int n) {
  for (int i = 0; i < n; i++) {
    struct node *a = node(fn, i);
    a->next = a;
  }
}

static int ran_after(void (*what)(register_fn, int), register_fn fn) {
  int before = nran;
  what(fn, MANY);
  for (int i = 0; i < 3; i++) {
    contract_collect();
    GC_invoke_finalizers();
  }
  return nran - before;
}

START_TEST(finalizer_runs_once_in_each_order) {
  GC_INIT();
  for (int i = 0; i < 4; i++)
    contract_most(ran_after(lose, registers[i]), MANY);
  int then = nran;
  contract_collect();
  contract_few(nran - then, MANY);
}
END_TEST

START_TEST(finalizer_orders_differ_in_cycles) {
  GC_INIT();
  ck_assert_int_eq(ran_after(lose_cycles, GC_register_finalizer), 0);
  ck_assert_int_eq(ran_after(lose_cycles, GC_register_finalizer_ignore_self),
                   0);
  contract_most(ran_after(lose_cycles, GC_register_finalizer_no_order),
                2 * MANY);
  ck_assert_int_eq(ran_after(lose_selves, GC_register_finalizer), 0);
  contract_most(ran_after(lose_selves, GC_register_finalizer_ignore_self),
                MANY);
  contract_most(ran_after(lose_selves, GC_register_finalizer_no_order), MANY);
}
END_TEST

enum { CHAINS = 100, LENGTH = 3 };
static long last[CHAINS]; /* number of the node that was finalized last */

static void in_order(void *obj, void *data) {
  long *l = data;
  ck_assert_int_eq(((struct node *)obj)->number, *l + 1);
  ++*l;
  nran++;
}

CONTRACT_FN void lose_chains(void) {
  for (int i = 0; i < CHAINS; i++) {
    struct node *next = NULL;
    for (long number = LENGTH; number > 0; number--) {
      struct node *n = GC_malloc(sizeof *n);
      *n = (struct node){next, number};
      GC_register_finalizer(n, in_order, &last[i], NULL, NULL);
      next = n;
    }
  }
}

START_TEST(finalizer_of_the_outer_object_runs_first) {
  GC_INIT();
  GC_set_finalize_on_demand(1);
  lose_chains();
  for (int i = 1; i <= LENGTH; i++) {
    contract_collect();
    GC_invoke_finalizers();
    contract_most(nran, i * CHAINS);
    ck_assert_int_le(nran, i * CHAINS);
  }
}
END_TEST

START_TEST(finalizer_is_replaced_and_removed) {
  GC_finalization_proc old = NULL;
  void *old_data = &old;
  GC_INIT();
  void *obj = GC_malloc(16);
  GC_register_finalizer(obj, on_final, &nran, &old, &old_data);
  ck_assert(old == NULL);
  ck_assert_ptr_null(old_data);
  GC_register_finalizer_no_order(obj, NULL, NULL, &old, &old_data);
  ck_assert(old == on_final);
  ck_assert_ptr_eq(old_data, &nran);
}
END_TEST

static int ntold;
static void on_notice(void) { ntold++; }

START_TEST(finalizer_waits_on_demand) {
  GC_INIT();
  GC_finalize_on_demand = 1;
  GC_finalizer_notifier = on_notice;
  lose(GC_register_finalizer, MANY);
  contract_collect();
  ck_assert_int_eq(nran, 0);
  ck_assert_int_ge(ntold, 1);
  ck_assert_int_ne(GC_should_invoke_finalizers(), 0);
  int ran = GC_invoke_finalizers();
  contract_most(ran, MANY);
  ck_assert_int_eq(ran, nran);
  ck_assert_int_eq(GC_should_invoke_finalizers(), 0);
  GC_finalize_on_demand = 0;
  ck_assert_int_gt(ran_after(lose, GC_register_finalizer), 0);
}
END_TEST

static int nawaited;
static void on_await(void *obj) {
  (void)obj;
  nawaited++;
}

START_TEST(finalizer_that_becomes_ready_is_told) {
  GC_INIT();
  GC_set_await_finalize_proc(on_await);
  ck_assert(GC_get_await_finalize_proc() == on_await);
  contract_most(ran_after(lose, GC_register_finalizer), MANY);
  ck_assert_int_eq(nawaited, nran);
}
END_TEST

START_TEST(finalizer_runs_for_all_at_the_end) {
  GC_INIT();
  struct node *kept = node(GC_register_finalizer, 9);
  lose_cycles(GC_register_finalizer, 10);
  GC_finalize_all();
  ck_assert_int_eq(nran, 21);
  GC_reachable_here(kept);
}
END_TEST

CONTRACT_FN void link_to(void **link, void *obj, bool is_long) {
  *link = obj;
  ck_assert_int_eq(is_long ? GC_register_long_link(link, obj)
                           : GC_general_register_disappearing_link(link, obj),
                   GC_SUCCESS);
}

CONTRACT_FN void link_all(void **s, void **l, bool finalized) {
  for (int i = 0; i < MANY; i++) {
    void *obj = finalized ? node(GC_register_finalizer, i) : GC_malloc(40);
    link_to(&s[i], obj, false);
    link_to(&l[i], obj, true);
  }
}

static int nset(void **links) {
  int n = 0;
  for (int i = 0; i < MANY; i++)
    n += links[i] != NULL;
  return n;
}

START_TEST(links_are_cleared_before_and_after_the_finalizer) {
  void **s = calloc(MANY, sizeof *s), **l = calloc(MANY, sizeof *l);
  GC_INIT();
  GC_set_finalize_on_demand(1);
  link_all(s, l, true);
  contract_collect();
  contract_few(nset(s), MANY);
  contract_most(nset(l), MANY);
  GC_invoke_finalizers();
  contract_collect();
  contract_collect();
  contract_few(nset(l), MANY);
}
END_TEST

START_TEST(links_are_registered_moved_and_forgotten) {
  void **a = malloc(8), **b = malloc(8);
  GC_INIT();
  void *obj = GC_malloc(16);
  ck_assert_int_eq(GC_general_register_disappearing_link(a, obj), GC_SUCCESS);
  ck_assert_int_eq(GC_general_register_disappearing_link(a, obj), GC_DUPLICATE);
  ck_assert_int_eq(GC_move_disappearing_link(a, b), GC_SUCCESS);
  ck_assert_int_eq(GC_move_disappearing_link(a, b), GC_NOT_FOUND);
  ck_assert_int_ne(GC_unregister_disappearing_link(b), 0);
  ck_assert_int_eq(GC_unregister_disappearing_link(b), 0);
  ck_assert_int_eq(GC_register_long_link(a, obj), GC_SUCCESS);
  ck_assert_int_eq(GC_register_long_link(a, obj), GC_DUPLICATE);
  ck_assert_int_eq(GC_move_long_link(a, b), GC_SUCCESS);
  ck_assert_int_ne(GC_unregister_long_link(b), 0);
  void **inside = obj;
  ck_assert_int_eq(GC_register_disappearing_link(inside), GC_SUCCESS);
  ck_assert_int_ne(GC_unregister_disappearing_link(inside), 0);
}
END_TEST

/* What is only to be found by the object that waits. */
static void check_text(void *obj, void *data) {
  (void)data;
  struct node *n = obj;
  ck_assert_int_eq(n->next->number, 4711);
  ck_assert_ptr_eq(n->next->next, NULL);
  nran++;
}

CONTRACT_FN void lose_owners(register_fn fn, int n) {
  for (int i = 0; i < n; i++) {
    struct node *owner = GC_malloc(sizeof *owner);
    owner->next = GC_malloc(sizeof *owner);
    owner->next->number = 4711;
    fn(owner, check_text, NULL, NULL, NULL);
  }
}

START_TEST(finalizer_finds_what_its_object_points_to) {
  GC_INIT();
  ck_assert_int_ne(GC_get_java_finalization(), 0);
  GC_set_finalize_on_demand(1);
  for (int i = 0; i < 4; i++) {
    lose_owners(registers[i], MANY);
    contract_collect();
    contract_collect();
    for (int n = 0; n < 10 * MANY; n++)
      memset(GC_malloc_atomic(sizeof(struct node)), 'x', sizeof(struct node));
    nran = 0;
    GC_invoke_finalizers();
    ck_assert_int_ge(nran, MANY / 2);
  }
}
END_TEST

/* ---- A weak map: entries of links, which finalizers take out again --------
 */

struct entry {
  struct entry *next;
  void *key; /* a link */
  long value;
};

static struct entry *map[64]; /* of malloc'ed entries */
static int map_size;

static struct entry **bucket_of(long value) { return &map[value % 64]; }

static void remove_dead(void *key, void *data) {
  (void)key;
  for (struct entry **e = bucket_of((long)data); *e; e = &(*e)->next)
    if ((*e)->value == (long)data) {
      ck_assert_ptr_null((*e)->key);
      struct entry *dead = *e;
      *e = dead->next;
      free(dead);
      map_size--;
      return;
    }
  ck_abort_msg("no such entry");
}

CONTRACT_FN void *add_to_map(long value) {
  struct entry *e = malloc(sizeof *e), **head = bucket_of(value);
  void *key = GC_malloc(32);
  *e = (struct entry){*head, key, value};
  *head = e;
  map_size++;
  GC_general_register_disappearing_link(&e->key, key);
  GC_register_finalizer_no_order(key, remove_dead, (void *)value, NULL, NULL);
  return key;
}

START_TEST(links_make_a_weak_map) {
  GC_INIT();
  void **keys = GC_malloc(MANY * sizeof *keys);
  for (long i = 0; i < 2 * MANY; i++) {
    void *key = add_to_map(i);
    if (i % 2)
      keys[i / 2] = key;
  }
  contract_collect();
  GC_invoke_finalizers();
  contract_few(map_size - MANY, MANY);
  for (long i = 1; i < 2 * MANY; i += 2) {
    struct entry *e = *bucket_of(i);
    while (e && e->value != i)
      e = e->next;
    ck_assert_ptr_nonnull(e);
    ck_assert_ptr_eq(e->key, keys[i / 2]);
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("finalizer");
  TCase *core = tcase_create("core");
  tcase_set_timeout(core, 60);
  tcase_add_test(core, finalizer_runs_once_in_each_order);
  tcase_add_test(core, finalizer_orders_differ_in_cycles);
  tcase_add_test(core, finalizer_of_the_outer_object_runs_first);
  tcase_add_test(core, finalizer_is_replaced_and_removed);
  tcase_add_test(core, finalizer_waits_on_demand);
  tcase_add_test(core, finalizer_that_becomes_ready_is_told);
  tcase_add_test(core, finalizer_runs_for_all_at_the_end);
  tcase_add_test(core, links_are_cleared_before_and_after_the_finalizer);
  tcase_add_test(core, links_are_registered_moved_and_forgotten);
  tcase_add_test(core, finalizer_finds_what_its_object_points_to);
  tcase_add_test(core, links_make_a_weak_map);
  suite_add_tcase(s, core);
  return contract_run(s);
}
