/* SPDX-License-Identifier: MIT */
/* Allocation by kind, one object and lists, and the macros around lists. */
#define GC_THREADS
#define GC_NO_THREAD_REDIRECTS
#include "contract.h"

#include <gc/gc_inline.h>
#include <gc/gc_mark.h>
#include <pthread.h>

enum { PTRFREE, NORMAL, UNCOLLECTABLE, AUNCOLLECTABLE, THREADS = 4 };

static size_t times(size_t n) { return getenv("CGC_STRESS") ? n / 10 : n; }

typedef void *(*alloc_fn)(size_t size, int kind);

static const alloc_fn allocs[] = {
    GC_generic_malloc,     GC_generic_malloc_ignore_off_page, GC_malloc_kind,
    GC_malloc_kind_global, GC_generic_or_special_malloc,
};
enum { NALLOCS = sizeof allocs / sizeof allocs[0] };

static bool is_zero(const char *p, size_t size) {
  return size == 0 || (p[0] == 0 && memcmp(p, p + 1, size - 1) == 0);
}

/* ---- One object --------------------------------------------------------- */

START_TEST(kinds_objects_have_their_kind_and_size) {
  GC_INIT();
  for (size_t i = 0; i < NALLOCS; i++)
    for (int kind = PTRFREE; kind <= NORMAL; kind++)
      for (size_t size = 1; size < 300000; size = size * 3 / 2 + 1) {
        size_t is = 0;
        char *p = allocs[i](size, kind);
        ck_assert_uint_eq((uintptr_t)p % 16, 0);
        ck_assert_int_eq(GC_get_kind_and_size(p, &is), kind);
        ck_assert_uint_ge(is, size);
        ck_assert_uint_eq(is, GC_size(p));
        ck_assert(kind == PTRFREE || is_zero(p, size));
        memset(p, 0xff, size);
        GC_free(p);
      }
}
END_TEST

CONTRACT_FN void fill(struct contract_flock *flock, void **all, alloc_fn alloc,
                      int kind) {
  for (size_t i = 0; i < flock->n; i++) {
    void **holder = alloc(40, kind);
    holder[1] = GC_malloc(60);
    contract_join(flock, i, holder[1]);
    all[i] = holder;
  }
}

START_TEST(kinds_are_scanned_or_not) {
  GC_INIT();
  void **all = GC_malloc(MANY * sizeof *all);
  for (size_t i = 0; i < NALLOCS; i++)
    for (int kind = PTRFREE; kind <= NORMAL; kind++) {
      struct contract_flock flock = contract_flock(MANY);
      fill(&flock, all, allocs[i], kind);
      contract_collect();
      if (kind == NORMAL)
        ck_assert_uint_eq(contract_alive(&flock), MANY);
      else
        contract_few(contract_alive(&flock), MANY);
    }
  GC_reachable_here(all);
}
END_TEST

START_TEST(kinds_that_are_uncollectable_stay) {
  GC_INIT();
  for (int kind = UNCOLLECTABLE; kind <= AUNCOLLECTABLE; kind++) {
    struct contract_flock flock = contract_flock(MANY);
    for (size_t i = 0; i < MANY; i++) {
      void *p = GC_generic_malloc_uncollectable(40, kind);
      ck_assert_int_eq(GC_get_kind_and_size(p, NULL), kind);
      contract_join(&flock, i, p);
    }
    contract_collect();
    ck_assert_uint_eq(contract_alive(&flock), MANY);
  }
}
END_TEST

/* ---- Lists -------------------------------------------------------------- */

static size_t check_list(void *list, size_t size, bool zero) {
  size_t n = 0;
  ck_assert_ptr_nonnull(list);
  for (void *p = list; p; p = GC_NEXT(p), n++) {
    ck_assert_uint_eq((uintptr_t)p % 16, 0);
    ck_assert_uint_ge(GC_size(p), size);
    ck_assert(!zero || is_zero((char *)p + 8, size - 8));
  }
  return n;
}

START_TEST(kinds_lists_are_linked_by_first_words) {
  GC_INIT();
  for (size_t size = 16; size <= 4000; size += 16) {
    void *list = NULL;
    check_list(GC_malloc_many(size), size, true);
    for (int kind = PTRFREE; kind <= NORMAL; kind++) {
      GC_generic_malloc_many(size, kind, &list);
      check_list(list, size, kind != PTRFREE);
    }
  }
}
END_TEST

/* The rest of a list is alive as long as its head is kept. */
START_TEST(kinds_lists_stay_while_they_are_used) {
  GC_INIT();
  void **used = GC_malloc(10000 * sizeof *used);
  void **list = GC_malloc(sizeof *list);
  for (size_t i = 0; i < times(10000); i++) {
    if (!*list)
      GC_generic_malloc_many(48, NORMAL, list);
    size_t *p = *list;
    *list = GC_NEXT(p);
    memset(p, 0, 48);
    p[5] = ~i;
    used[i] = p;
    if (i % times(500) == 0) {
      contract_collect();
      for (int k = 0; k < 300; k++)
        memset(GC_malloc(40), 0xff, 40);
    }
  }
  for (size_t i = 0; i < times(10000); i++) {
    ck_assert_uint_eq(((size_t *)used[i])[5], ~i);
    ck_assert_uint_eq(((size_t *)used[i])[0], 0);
  }
}
END_TEST

/* Half of each list is used, the rest is lost. */
CONTRACT_FN void use_halves(struct contract_flock *flock) {
  for (size_t i = 0; i < flock->n;) {
    void *list = GC_malloc_many(64), *next;
    size_t n = check_list(list, 64, true);
    for (size_t k = 0; k < n / 2; k++)
      list = GC_NEXT(list);
    for (; list && i < flock->n; list = next) {
      next = GC_NEXT(list);
      contract_join(flock, i++, list);
      GC_NEXT(list) = NULL;
    }
  }
}

START_TEST(kinds_lists_that_are_lost_are_reclaimed) {
  struct contract_flock flock = contract_flock(MANY);
  GC_INIT();
  use_halves(&flock);
  contract_collect();
  contract_few(contract_alive(&flock), MANY);
}
END_TEST

/* ---- The macros --------------------------------------------------------- */

struct cell {
  struct cell *next;
  size_t number;
};

/* Lists made inline, by one thread with free lists of its own. */
static void *make_cells(void *arg) {
  void **tiny = GC_malloc_uncollectable(GC_TINY_FREELISTS * sizeof *tiny);
  struct cell *head = NULL, *c;
  size_t n = times(20000);
  for (size_t i = 0; i < n; i++) {
    size_t *text, *words;
    GC_CONS(c, head, i, tiny);
    head = c;
    GC_MALLOC_WORDS(words, 5, tiny);
    for (int w = 0; w < 5; w++)
      if (words[w])
        return "a word is not zero";
    memset(words, 0xff, 40);
    if (contract_is_ours()) { /* bdwgc loses all but the first */
      GC_MALLOC_ATOMIC_WORDS(text, 4, tiny);
      memset(text, 0x77, 32);
    }
    if (i % 1000 == 0 && arg)
      memset(tiny, 0, GC_TINY_FREELISTS * sizeof *tiny); /* dropped half-used */
  }
  for (c = head; c; c = c->next)
    if (c->number != --n)
      return "a cell is lost";
  GC_free(tiny);
  return n ? "cells are missing" : NULL;
}

START_TEST(kinds_macros_allocate_inline) {
  GC_INIT();
  for (uintptr_t drop = 0; drop < 2; drop++) {
    char *error = make_cells((void *)drop);
    ck_assert_msg(!error, "%s", error);
  }
}
END_TEST

START_TEST(kinds_macros_count_direct_allocations) {
  static void *tiny[GC_TINY_FREELISTS];
  int ndirect = 0;
  GC_INIT();
  for (int i = 0; i < GC_TINY_FREELISTS; i++)
    tiny[i] = (void *)1;
  for (int i = 0; i < 100; i++) {
    char *p;
    GC_FAST_MALLOC_GRANS(p, (size_t)3, tiny, 12, NORMAL,
                         (ndirect++, GC_malloc(47)), GC_NEXT(p) = NULL);
    ck_assert(is_zero(p, 48));
    memset(p, 0xff, 48);
  }
  ck_assert_int_ge(ndirect, 2);
  ck_assert_int_le(ndirect, 4);
  char *large;
  GC_FAST_MALLOC_GRANS(large, (size_t)1000, tiny, 0, NORMAL, GC_malloc(16000),
                       (void)0);
  ck_assert_uint_ge(GC_size(large), 16000);
}
END_TEST

static void *run_thread(void *arg) {
  contract_begin_thread();
  void *error = make_cells(arg);
  contract_end_thread();
  return error;
}

START_TEST(kinds_macros_serve_threads_with_lists_of_their_own) {
  pthread_t threads[THREADS];
  GC_INIT();
  contract_allow_threads();
  for (uintptr_t i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, run_thread, (void *)(i % 2));
  for (int i = 0; i < THREADS; i++) {
    void *error;
    pthread_join(threads[i], &error);
    ck_assert_msg(!error, "%s", (char *)error);
  }
}
END_TEST

START_TEST(kinds_free_lists_can_be_printed) {
  GC_INIT();
  GC_print_free_list(PTRFREE, 20);
}
END_TEST

int main(void) {
  Suite *s = suite_create("kinds");
  TCase *core = tcase_create("core"), *lists = tcase_create("lists");
  tcase_add_test(core, kinds_objects_have_their_kind_and_size);
  tcase_add_test(core, kinds_are_scanned_or_not);
  tcase_add_test(core, kinds_that_are_uncollectable_stay);
  tcase_add_test(lists, kinds_lists_are_linked_by_first_words);
  tcase_add_test(lists, kinds_lists_stay_while_they_are_used);
  tcase_add_test(lists, kinds_lists_that_are_lost_are_reclaimed);
  tcase_add_test(lists, kinds_macros_allocate_inline);
  tcase_add_test(lists, kinds_macros_count_direct_allocations);
  tcase_add_test(lists, kinds_macros_serve_threads_with_lists_of_their_own);
  tcase_add_test(lists, kinds_free_lists_can_be_printed);
  tcase_set_timeout(core, 60);
  tcase_set_timeout(lists, 120);
  suite_add_tcase(s, core);
  suite_add_tcase(s, lists);
  return contract_run(s);
}
