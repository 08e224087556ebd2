/* SPDX-License-Identifier: MIT */
/* Objects that know where they were allocated. */
#define GC_DEBUG
#include "allocs.h"
#include "capture.h"

#include <gc/gc_gcj.h>
#include <gc/gc_mark.h>

/* ---- Allocation --------------------------------------------------------- */

CONTRACT_FN void fill(struct contract_flock *flock, alloc_fn fn) {
  for (size_t i = 0; i < flock->n; i++) {
    void **p = fn(40, "file.c", 7);
    p[1] = p;
    contract_join(flock, i, GC_base(p));
  }
}

START_TEST(debug_objects_are_reclaimed_unless_uncollectable) {
  GC_INIT();
  for (size_t i = 0; i < NALLOCS; i++) {
    struct contract_flock flock = contract_flock(MANY);
    fill(&flock, allocs[i].fn);
    contract_collect();
    if (allocs[i].kind >= UNCOLLECTABLE)
      ck_assert_uint_eq(contract_alive(&flock), MANY);
    else
      contract_few(contract_alive(&flock), MANY);
  }
}
END_TEST

struct node {
  struct node *next;
  size_t number;
};

/* By the macros of GC_DEBUG; all pointers are to behind a header. */
START_TEST(debug_macros_make_lists_that_survive) {
  const size_t n = getenv("CGC_STRESS") ? 1000 : 20000;
  GC_INIT();
  struct node *head = NULL;
  for (size_t i = 0; i < n; i++) {
    struct node *node = GC_NEW(struct node);
    GC_PTR_STORE_AND_DIRTY(&node->next, head);
    node->number = i;
    head = node;
    memset(GC_MALLOC_ATOMIC(30), 0xff, 30);
    GC_FREE(GC_MALLOC(100));
  }
  GC_gcollect();
  for (size_t i = n; i-- > 0; head = head->next)
    ck_assert_uint_eq(head->number, i);
  ck_assert_ptr_null(head);
}
END_TEST

START_TEST(debug_realloc_keeps_contents_and_kind) {
  GC_INIT();
  for (size_t i = 0; i < NALLOCS; i++) {
    char *p = allocs[i].fn(10, "file.c", 7);
    strcpy(p, "contents");
    for (size_t size = 20; size < 100000; size *= 3) {
      p = GC_debug_realloc(p, size, "file.c", 8);
      ck_assert_str_eq(p, "contents");
      ck_assert_int_eq(GC_get_kind_and_size(GC_base(p), NULL), allocs[i].kind);
    }
    p = GC_debug_realloc(p, 9, "file.c", 9);
    ck_assert_str_eq(p, "contents");
    ck_assert_ptr_null(GC_debug_realloc(p, 0, "file.c", 10));
  }
  char *p = GC_debug_realloc_replacement(NULL, 100);
  ck_assert_ptr_eq(GC_USR_PTR_FROM_BASE(GC_base(p)), p);
  p = GC_debug_realloc_replacement(p, 200);
  GC_debug_free(p);
  GC_debug_free(GC_debug_malloc_replacement(40));
}
END_TEST

START_TEST(debug_copies_of_text) {
  GC_INIT();
  ck_assert_str_eq(GC_STRDUP("text"), "text");
  ck_assert_str_eq(GC_STRNDUP("text", 2), "te");
  ck_assert_str_eq(GC_debug_strndup("text", 9, "file.c", 1), "text");
  ck_assert_ptr_null(GC_debug_strdup(NULL, "file.c", 1));
}
END_TEST

START_TEST(debug_objects_of_a_kind) {
  GC_INIT();
  for (int kind = PTRFREE; kind <= AUNCOLLECTABLE; kind++) {
    void *p = GC_debug_generic_or_special_malloc(50, kind, "file.c", 7);
    ck_assert_int_eq(GC_get_kind_and_size(GC_base(p), NULL), kind);
    GC_debug_free(p);
  }
}
END_TEST

static long nmarked;

static struct GC_ms_entry *mark(GC_word *addr, struct GC_ms_entry *top,
                                struct GC_ms_entry *limit, GC_word env) {
  void **p = GC_USR_PTR_FROM_BASE(addr);
  if (env != 1 || !p[0])
    return top;
  nmarked++;
  return GC_MARK_AND_PUSH(p[1], top, limit, &p[1]);
}

/* Marked by the procedure, whatever the type says. */
START_TEST(debug_gcj_objects_are_marked_by_the_procedure) {
  static GC_word type[2];
  struct contract_flock flock = contract_flock(2);
  GC_INIT();
  GC_init_gcj_malloc(GC_GCJ_RESERVED_MARK_PROC_INDEX, (void *)mark);
  void **p = GC_GCJ_MALLOC(100, type);
  ck_assert_ptr_eq(p[0], type);
  ck_assert_int_eq(GC_get_kind_and_size(GC_base(p), NULL), GC_gcj_debug_kind);
  for (size_t i = 0; i < 2; i++) {
    p[i + 1] = (GC_malloc)(50);
    contract_join(&flock, i, p[i + 1]);
  }
  contract_collect();
  ck_assert_ptr_nonnull(flock.link[0]);
  ck_assert_int_gt(nmarked, 0);
  GC_reachable_here(p);
}
END_TEST

/* ---- Free --------------------------------------------------------------- */

START_TEST(debug_free_twice_is_reported) {
  if (!contract_is_ours())
    return; /* bdwgc says something else of it */
  setenv("CGC_BAD_FREE", "warn", 1);
  GC_INIT();
  char *p = GC_debug_malloc(40, "twice.c", 3);
  GC_debug_free(p);
  GC_debug_free(p);
}
END_TEST

START_TEST(debug_free_takes_what_has_no_header) {
  GC_INIT();
  begin_capture();
  GC_debug_free((GC_malloc)(100));
  GC_debug_free(NULL);
  end_capture();
}
END_TEST

/* ---- Finalizers --------------------------------------------------------- */

typedef void (*register_fn)(void *obj, GC_finalization_proc fn, void *data,
                            GC_finalization_proc *old_fn, void **old_data);

static const register_fn registers[] = {
    GC_debug_register_finalizer,
    GC_debug_register_finalizer_ignore_self,
    GC_debug_register_finalizer_no_order,
    GC_debug_register_finalizer_unreachable,
};

static long nfinalized;

static void finalize(void *obj, void *data) {
  ck_assert_str_eq(obj, "contents");
  ck_assert_ptr_eq(data, &nfinalized);
  nfinalized++;
}

CONTRACT_FN void lose(register_fn how) {
  for (size_t i = 0; i < MANY; i++) {
    char *p = GC_debug_malloc(40, "final.c", 5);
    strcpy(p, "contents");
    how(p, finalize, &nfinalized, NULL, NULL);
  }
}

START_TEST(debug_finalizers_get_the_programs_pointer) {
  GC_INIT();
  lose(registers[_i]);
  for (int i = 0; i < 3; i++) {
    contract_collect();
    GC_invoke_finalizers();
  }
  contract_most(nfinalized, MANY);
}
END_TEST

START_TEST(debug_finalizers_tell_what_was_registered) {
  GC_finalization_proc fn = finalize;
  void *data = &fn;
  GC_INIT();
  char *p = GC_debug_malloc(40, "final.c", 5);
  strcpy(p, "contents");
  registers[_i](p, finalize, &nfinalized, &fn, &data);
  ck_assert(!fn && !data);
  registers[_i](p, NULL, NULL, &fn, &data);
  ck_assert(fn == finalize && data == &nfinalized);
  registers[_i](p, NULL, NULL, &fn, &data);
  ck_assert(!fn && !data);
}
END_TEST

int main(void) {
  Suite *s = suite_create("debug");
  TCase *core = tcase_create("core"), *errors = tcase_create("errors");
  tcase_add_test(core, debug_objects_are_reclaimed_unless_uncollectable);
  tcase_add_test(core, debug_macros_make_lists_that_survive);
  tcase_add_test(core, debug_realloc_keeps_contents_and_kind);
  tcase_add_test(core, debug_copies_of_text);
  tcase_add_test(core, debug_objects_of_a_kind);
  tcase_add_test(core, debug_gcj_objects_are_marked_by_the_procedure);
  tcase_add_loop_test(core, debug_finalizers_get_the_programs_pointer, 0, 4);
  tcase_add_loop_test(core, debug_finalizers_tell_what_was_registered, 0, 4);
  tcase_add_test(errors, debug_free_twice_is_reported);
  tcase_add_test(errors, debug_free_takes_what_has_no_header);
  tcase_set_timeout(core, 120);
  tcase_set_timeout(errors, 60);
  suite_add_tcase(s, core);
  suite_add_tcase(s, errors);
  return contract_run(s);
}
