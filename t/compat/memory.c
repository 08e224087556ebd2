/* SPDX-License-Identifier: MIT */
/* GC_malloc and its relatives. */
#define GC_REQUIRE_WCSDUP
#include "contract.h"

#include <errno.h>

typedef void *(*alloc_fn)(size_t);

static const alloc_fn allocs[] = {
    GC_malloc,
    GC_malloc_atomic,
    GC_malloc_uncollectable,
    GC_malloc_atomic_uncollectable,
    GC_malloc_ignore_off_page,
    GC_malloc_atomic_ignore_off_page,
    GC_malloc_stubborn,
};
enum { NALLOCS = sizeof allocs / sizeof allocs[0] };

START_TEST(memory_is_aligned_and_sized) {
  GC_INIT();
  for (size_t i = 0; i < NALLOCS; i++)
    for (size_t size = 0; size < 300000; size = size * 3 / 2 + 1) {
      char *obj = allocs[i](size);
      ck_assert_ptr_nonnull(obj);
      ck_assert_uint_eq((uintptr_t)obj % 16, 0);
      ck_assert_uint_ge(GC_size(obj), size);
      ck_assert_ptr_eq(GC_base(obj), obj);
      memset(obj, 0xff, size);
      GC_free(obj);
    }
}
END_TEST

START_TEST(memory_that_is_scanned_is_zeroed) {
  const alloc_fn zeroing[] = {GC_malloc, GC_malloc_uncollectable,
                              GC_malloc_ignore_off_page, GC_malloc_stubborn};
  GC_INIT();
  for (int i = 0; i < 4; i++)
    for (size_t size = 1; size < 300000; size = size * 3 / 2 + 1)
      for (int again = 0; again < 3; again++) {
        char *obj = zeroing[i](size);
        ck_assert(obj[0] == 0 && !memcmp(obj, obj + 1, size - 1));
        memset(obj, 0x5a, size);
        GC_free(obj);
      }
}
END_TEST

/* What was freed comes back as it was, but for what a list of it needs. */
START_TEST(memory_that_is_not_scanned_is_not_cleared) {
  const alloc_fn atomic[] = {GC_malloc_atomic, GC_malloc_atomic_uncollectable,
                             GC_malloc_atomic_ignore_off_page};
  GC_INIT();
  for (int i = 0; i < 3; i++) {
    char *obj = memset(atomic[i](40), 0x5a, 40);
    GC_free(obj);
    ck_assert_ptr_eq(atomic[i](40), obj);
    ck_assert(obj[16] == 0x5a && !memcmp(obj + 16, obj + 17, 23));
  }
}
END_TEST

CONTRACT_FN void fill(struct contract_flock *flock, alloc_fn alloc) {
  for (size_t i = 0; i < flock->n; i++)
    contract_join(flock, i, alloc(40));
}

START_TEST(memory_that_is_lost_goes_unless_uncollectable) {
  GC_INIT();
  for (size_t i = 0; i < NALLOCS; i++) {
    struct contract_flock flock = contract_flock(MANY);
    fill(&flock, allocs[i]);
    contract_collect();
    if (allocs[i] == GC_malloc_uncollectable ||
        allocs[i] == GC_malloc_atomic_uncollectable)
      ck_assert_uint_eq(contract_alive(&flock), MANY);
    else
      contract_few(contract_alive(&flock), MANY);
  }
}
END_TEST

CONTRACT_FN void hang(struct contract_flock *flock, void **hook) {
  for (size_t i = 0; i < flock->n; i++) {
    void **obj = GC_malloc(32);
    contract_join(flock, i, obj);
    *hook = obj;
    hook = obj;
  }
}

START_TEST(memory_is_scanned_or_not) {
  GC_INIT();
  for (size_t i = 0; i < NALLOCS; i++) {
    struct contract_flock flock = contract_flock(MANY);
    void **hook = allocs[i](64);
    bool atomic = allocs[i] == GC_malloc_atomic ||
                  allocs[i] == GC_malloc_atomic_uncollectable ||
                  allocs[i] == GC_malloc_atomic_ignore_off_page;
    hang(&flock, hook);
    contract_collect();
    if (atomic)
      contract_few(contract_alive(&flock), MANY);
    else
      ck_assert_uint_eq(contract_alive(&flock), MANY);
    GC_reachable_here(hook);
  }
}
END_TEST

START_TEST(memory_realloc_keeps_contents) {
  GC_INIT();
  char *obj = GC_realloc(NULL, 10);
  strcpy(obj, "contents");
  for (size_t size = 20; size < 1 << 20; size *= 3) {
    obj = GC_realloc(obj, size);
    ck_assert_str_eq(obj, "contents");
    ck_assert_int_eq(obj[size - 1], 0);
  }
  obj = GC_realloc(obj, 9);
  ck_assert_str_eq(obj, "contents");
  ck_assert_ptr_null(GC_realloc(obj, 0));
}
END_TEST

START_TEST(memory_realloc_keeps_the_kind) {
  GC_INIT();
  struct contract_flock flock = contract_flock(MANY);
  void **hook = GC_realloc(GC_malloc_atomic(10), 5000);
  hang(&flock, hook);
  contract_collect();
  contract_few(contract_alive(&flock), MANY);
  GC_reachable_here(hook);
}
END_TEST

START_TEST(memory_is_aligned_as_asked) {
  void *obj = NULL;
  GC_INIT();
  for (size_t align = 8; align <= 4096; align *= 2)
    for (size_t size = 1; size < 20000; size = size * 2 + 1) {
      obj = GC_memalign(align, size);
      ck_assert_ptr_nonnull(obj);
      ck_assert_uint_eq((uintptr_t)obj % align, 0);
      memset(obj, 1, size);
      ck_assert_int_eq(GC_posix_memalign(&obj, align, size), 0);
      ck_assert_uint_eq((uintptr_t)obj % align, 0);
    }
  ck_assert_int_eq(GC_posix_memalign(&obj, 4, 8), EINVAL);
  ck_assert_int_eq(GC_posix_memalign(&obj, 24, 8), EINVAL);
}
END_TEST

START_TEST(memory_takes_copies_of_text) {
  GC_INIT();
  ck_assert_str_eq(GC_strdup("text"), "text");
  ck_assert_ptr_null(GC_strdup(NULL));
  ck_assert_str_eq(GC_strndup("text", 2), "te");
  ck_assert_str_eq(GC_strndup("text", 20), "text");
  ck_assert_str_eq(GC_strndup("text", 0), "");
}
END_TEST

START_TEST(memory_free_of_null_is_nothing) {
  GC_INIT();
  GC_free(NULL);
}
END_TEST

static size_t asked;
static void *out_of_memory(size_t size) {
  asked = size;
  return (void *)16;
}

START_TEST(memory_that_is_not_there_is_the_functions_business) {
  volatile size_t huge = (size_t)1 << 60;
  GC_INIT();
  GC_set_warn_proc(GC_ignore_warn_proc);
  ck_assert_ptr_null(GC_malloc(huge));
  ck_assert_ptr_nonnull(GC_get_oom_fn());
  GC_set_oom_fn(out_of_memory);
  ck_assert_ptr_eq(GC_malloc(huge), (void *)16);
  ck_assert_uint_ge(asked, huge);
  asked = 0;
  GC_oom_fn = GC_get_oom_fn();
  ck_assert_ptr_eq(GC_malloc_atomic(huge), (void *)16);
  ck_assert_uint_ge(asked, huge);
}
END_TEST

START_TEST(memory_that_seldom_changes_is_as_other) {
  struct contract_flock flock = contract_flock(100);
  GC_INIT();
  void **p = GC_malloc_stubborn(100 * sizeof *p);
  GC_change_stubborn(p);
  for (size_t i = 0; i < 100; i++) {
    GC_ptr_store_and_dirty(p + i, GC_malloc(30));
    contract_join(&flock, i, p[i]);
  }
  GC_end_stubborn_change(p);
  contract_collect();
  ck_assert_uint_eq(contract_alive(&flock), 100);
  GC_reachable_here(p);
}
END_TEST

int main(void) {
  Suite *s = suite_create("memory");
  TCase *core = tcase_create("core"), *errors = tcase_create("errors");
  tcase_add_test(core, memory_is_aligned_and_sized);
  tcase_add_test(core, memory_that_is_scanned_is_zeroed);
  tcase_add_test(core, memory_that_is_not_scanned_is_not_cleared);
  tcase_add_test(core, memory_that_is_lost_goes_unless_uncollectable);
  tcase_add_test(core, memory_is_scanned_or_not);
  tcase_add_test(core, memory_realloc_keeps_contents);
  tcase_add_test(core, memory_realloc_keeps_the_kind);
  tcase_add_test(core, memory_is_aligned_as_asked);
  tcase_add_test(core, memory_takes_copies_of_text);
  tcase_add_test(errors, memory_free_of_null_is_nothing);
  tcase_add_test(errors, memory_that_is_not_there_is_the_functions_business);
  tcase_add_test(core, memory_that_seldom_changes_is_as_other);
  suite_add_tcase(s, core);
  suite_add_tcase(s, errors);
  return contract_run(s);
}
