/* SPDX-License-Identifier: MIT */
/* Objects whose first word leads to their type's descriptor. */
#include "contract.h"

#include <gc/gc_gcj.h>
#include <gc/gc_mark.h>

/* As a compiler lays it out: the descriptor is the second word. */
struct type {
  void *methods;
  GC_word descr;
};

struct object {
  const struct type *type;
  struct object *to[4];
  size_t number;
};

static long nmarked;

static struct GC_ms_entry *mark(GC_word *addr, struct GC_ms_entry *top,
                                struct GC_ms_entry *limit, GC_word env) {
  struct object *o = (struct object *)addr;
  ck_assert_uint_eq(env, 0);
  if (!o->type)
    return top; /* not made yet */
  nmarked++;
  for (int i = 0; i < 2; i++)
    top = GC_MARK_AND_PUSH(o->to[i], top, limit, (void **)&o->to[i]);
  return top;
}

static struct type by_bitmap, by_proc, by_length;

static void make_types(void) {
  GC_INIT();
  GC_init_gcj_malloc(GC_GCJ_RESERVED_MARK_PROC_INDEX, (void *)mark);
  GC_init_gcj_malloc(GC_GCJ_RESERVED_MARK_PROC_INDEX, (void *)mark);
  by_bitmap.descr = (GC_word)3 << 61 | GC_DS_BITMAP; /* to[0], to[1] */
  by_proc.descr =
      GC_MAKE_PROC((GC_word)GC_GCJ_RESERVED_MARK_PROC_INDEX, (GC_word)0);
  by_length.descr = 3 * sizeof(GC_word) | GC_DS_LENGTH;
}

static const struct type *types[] = {&by_bitmap, &by_proc, &by_length};

CONTRACT_FN void hang(struct contract_flock *flock, struct object *o) {
  for (size_t i = 0; i < 4; i++) {
    o->to[i] = GC_malloc(50);
    contract_join(flock, i, o->to[i]);
  }
}

/* The first two of four survive. */
static void check_object(struct object *o) {
  struct contract_flock flock = contract_flock(4);
  hang(&flock, o);
  contract_collect();
  ck_assert(flock.link[0] && flock.link[1]);
  ck_assert_uint_le(contract_alive(&flock), 3);
  GC_reachable_here(o);
}

START_TEST(gcj_objects_are_marked_as_their_type_says) {
  make_types();
  for (int i = 0; i < 3; i++) {
    struct object *o = GC_gcj_malloc(sizeof *o, (void *)types[i]);
    ck_assert_ptr_eq(o->type, types[i]);
    ck_assert_int_eq(GC_get_kind_and_size(o, NULL), GC_gcj_kind);
    check_object(o);
    check_object(GC_gcj_malloc_ignore_off_page(i ? 100000 : sizeof *o,
                                               (void *)types[i]));
  }
  ck_assert_int_ne(GC_gcj_kind, GC_gcj_debug_kind);
}
END_TEST

START_TEST(gcj_objects_are_zero) {
  make_types();
  for (size_t size = sizeof(struct object); size < 200000; size *= 2)
    for (int again = 0; again < 3; again++) {
      char *o = GC_gcj_malloc(size, &by_length);
      for (size_t i = sizeof(void *); i < size; i++)
        ck_assert_int_eq(o[i], 0);
      memset(o + sizeof(void *), 0xff, size - sizeof(void *));
      GC_free(o);
    }
}
END_TEST

START_TEST(gcj_lists_of_all_types_survive) {
  const size_t n = getenv("CGC_STRESS") ? 2000 : 20000;
  make_types();
  struct object **root = GC_malloc(sizeof *root);
  for (size_t i = 0; i < n; i++) {
    struct object *o = GC_gcj_malloc(sizeof *o, (void *)types[i % 3]);
    o->to[i % 2] = *root;
    o->number = i;
    *root = o;
  }
  contract_collect();
  for (int i = 0; i < 1000; i++)
    memset(GC_malloc(sizeof(struct object)), 0xff, sizeof(struct object));
  struct object *o = *root;
  for (size_t i = n; i-- > 0; o = o->to[i % 2])
    ck_assert_uint_eq(o->number, i);
  ck_assert_ptr_null(o);
  ck_assert_int_gt(nmarked, 0);
}
END_TEST

int main(void) {
  Suite *s = suite_create("gcj");
  TCase *core = tcase_create("core");
  tcase_add_test(core, gcj_objects_are_marked_as_their_type_says);
  tcase_add_test(core, gcj_objects_are_zero);
  tcase_add_test(core, gcj_lists_of_all_types_survive);
  tcase_set_timeout(core, 60);
  suite_add_tcase(s, core);
  return contract_run(s);
}
