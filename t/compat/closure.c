/* SPDX-License-Identifier: MIT */
/* What is asked about, or finalized, when it dies. */
#include "contract.h"

#include <gc/gc_disclaim.h>
#include <gc/gc_mark.h>
#include <pthread.h>

static long ncalled, counts[MANY];

struct object {
  struct object *next;
  size_t number;
  char text[16];
};

/* ---- GC_finalized_malloc ------------------------------------------------ */

static void count(void *obj, void *data) {
  struct object *o = obj;
  ck_assert_ptr_eq(data, counts);
  ck_assert_str_eq(o->text, "contents");
  counts[o->number]++;
  ncalled++;
}

static const struct GC_finalizer_closure closure = {count, counts};

CONTRACT_FN struct object *new_object(size_t i) {
  struct object *o = GC_finalized_malloc(sizeof *o, &closure);
  strcpy(o->text, "contents");
  o->number = i;
  return o;
}

CONTRACT_FN void lose_objects(struct object **keep, size_t each) {
  for (size_t i = 0; i < MANY; i++) {
    struct object *o = new_object(i);
    if (i % each == 0) {
      o->next = *keep;
      *keep = o;
    }
  }
}

START_TEST(closure_is_called_once_for_each_object_that_dies) {
  GC_INIT();
  GC_init_finalized_malloc();
  struct object **keep = GC_malloc(sizeof *keep);
  lose_objects(keep, 4);
  for (int i = 0; i < 4; i++)
    contract_collect();
  contract_most(ncalled, MANY * 3 / 4);
  for (size_t i = 0; i < MANY; i++)
    ck_assert_int_le(counts[i], i % 4 ? 1 : 0);
  size_t n = 0;
  for (struct object *o = *keep; o; o = o->next, n++)
    ck_assert_str_eq(o->text, "contents");
  ck_assert_uint_eq(n, MANY / 4);
  *keep = NULL;
  for (int i = 0; i < 20; i++)
    contract_collect();
  for (size_t i = 0; i < MANY; i++)
    ck_assert_int_le(counts[i], 1);
  ck_assert_int_gt(ncalled, MANY * 3 / 4 * 9 / 10);
}
END_TEST

START_TEST(closure_stands_a_word_before_the_object) {
  GC_INIT();
  GC_init_finalized_malloc();
  for (size_t size = 32; size < 100000; size *= 3) {
    char *p = GC_finalized_malloc(size, &closure);
    strcpy(((struct object *)p)->text, "contents");
    ck_assert_ptr_eq(GC_base(p), p - sizeof(GC_word));
    ck_assert_uint_ge(GC_size(GC_base(p)), size + sizeof(GC_word));
    GC_reachable_here(p);
  }
}
END_TEST

/* What the finalizer looks at: the object's own, and its closure's. */
static long nintact;

static void look(void *obj, void *data) {
  struct object *o = obj;
  ncalled++;
  nintact += strcmp(o->next->text, "child") == 0 && strcmp(data, "data") == 0;
}

CONTRACT_FN void lose_parents(void) {
  for (size_t i = 0; i < MANY; i++) {
    struct GC_finalizer_closure *c = GC_malloc(sizeof *c);
    c->proc = look;
    c->cd = GC_strdup("data");
    struct object *o = GC_finalized_malloc(sizeof *o, c);
    o->next = GC_malloc(sizeof *o);
    strcpy(o->next->text, "child");
  }
}

START_TEST(closure_finds_what_the_object_points_to_intact) {
  GC_INIT();
  GC_init_finalized_malloc();
  lose_parents();
  for (int i = 0; i < 4; i++)
    contract_collect();
  contract_most(ncalled, MANY);
  ck_assert_int_eq(nintact, ncalled);
}
END_TEST

START_TEST(closure_is_not_called_for_what_is_freed) {
  GC_INIT();
  GC_init_finalized_malloc();
  for (size_t i = 0; i < MANY; i++)
    GC_free(GC_base(new_object(i)));
  contract_collect();
  contract_collect();
  ck_assert_int_eq(ncalled, 0);
}
END_TEST

/* ---- Kinds of the program's own ----------------------------------------- */

static int resurrect_once(void *obj) {
  struct object *o = obj;
  ncalled++;
  if (!o->number)
    return 0; /* bdwgc asks for objects that are not in use, too */
  return ++counts[o->number] == 1;
}

static int new_kind(GC_disclaim_proc proc, int mark_from_all) {
  GC_INIT();
  int kind = (int)GC_new_kind(GC_new_free_list(), GC_DS_LENGTH, 1, 1);
  GC_register_disclaim_proc(kind, proc, mark_from_all);
  return kind;
}

CONTRACT_FN void lose_kind(int kind) {
  for (size_t i = 1; i < MANY; i++) {
    struct object *o = GC_generic_malloc(sizeof *o, kind);
    o->number = i;
  }
}

START_TEST(closure_may_keep_an_object_for_this_time) {
  lose_kind(new_kind(resurrect_once, 0));
  size_t once = 0, twice = 0;
  for (int i = 0; i < 5; i++)
    contract_collect();
  for (size_t i = 1; i < MANY; i++) {
    ck_assert_int_le(counts[i], 2);
    once += counts[i] >= 1;
    twice += counts[i] == 2;
  }
  contract_most(once, MANY - 1);
  contract_most(twice, MANY - 1);
}
END_TEST

static int free_text(void *obj) {
  char **o = obj;
  if (o[1]) {
    ck_assert_str_eq(o[1], "malloc'ed");
    free(o[1]);
    o[1] = NULL;
    __atomic_fetch_add(&ncalled, 1, __ATOMIC_RELAXED);
  }
  return 0;
}

static void *make_texts(void *arg) {
  contract_begin_thread();
  for (size_t i = 0; i < MANY * 4; i++) {
    char **o = GC_generic_malloc(32, *(int *)arg);
    o[1] = strdup("malloc'ed");
  }
  contract_end_thread();
  return NULL;
}

/* Other threads hold malloc's lock again and again. */
START_TEST(closure_may_call_what_waits_for_other_threads) {
  pthread_t threads[4];
  int kind = new_kind(free_text, 0);
  contract_allow_threads();
  for (int i = 0; i < 4; i++)
    pthread_create(&threads[i], NULL, make_texts, &kind);
  for (int i = 0; i < 20; i++)
    contract_collect();
  for (int i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
  contract_collect();
  contract_collect();
  ck_assert_int_gt(ncalled, MANY);
}
END_TEST

int main(void) {
  Suite *s = suite_create("closure");
  TCase *core = tcase_create("core"), *kinds = tcase_create("kinds");
  tcase_add_test(core, closure_is_called_once_for_each_object_that_dies);
  tcase_add_test(core, closure_stands_a_word_before_the_object);
  tcase_add_test(core, closure_finds_what_the_object_points_to_intact);
  tcase_add_test(core, closure_is_not_called_for_what_is_freed);
  tcase_add_test(kinds, closure_may_keep_an_object_for_this_time);
  tcase_add_test(kinds, closure_may_call_what_waits_for_other_threads);
  tcase_set_timeout(core, 60);
  tcase_set_timeout(kinds, 120);
  suite_add_tcase(s, core);
  suite_add_tcase(s, kinds);
  return contract_run(s);
}
