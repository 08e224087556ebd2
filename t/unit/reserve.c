/* SPDX-License-Identifier: MIT */
/* front/reserve: blocks are zero, aligned, distinct, known, and for ever. */
#include "front/reserve.h"

#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { NTHREADS = 8, NBLOCKS = 20000 };

static bool is_zero(const char *block, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (block[i])
      return false;
  return true;
}

START_TEST(reserve_block_is_zeroed_and_aligned) {
  for (size_t size = 0; size < 3000; size += 7) {
    char *block = cgc_reserve_alloc(16, size);
    ck_assert_ptr_nonnull(block);
    ck_assert_uint_eq((uintptr_t)block % 16, 0);
    ck_assert(is_zero(block, size));
    memset(block, 0xff, size);
  }
}
END_TEST

START_TEST(reserve_keeps_any_alignment) {
  for (size_t align = 1; align <= 1 << 20; align *= 2) {
    char *block = cgc_reserve_alloc(align, 100);
    ck_assert_ptr_nonnull(block);
    ck_assert_uint_eq((uintptr_t)block % align, 0);
    memset(block, 0xff, 100);
    ck_assert_uint_eq(cgc_reserve_size(block), 100);
  }
}
END_TEST

START_TEST(reserve_knows_its_blocks) {
  int local;
  void *small = cgc_reserve_alloc(16, 1);
  char *big = cgc_reserve_alloc(16, 1 << 20);
  ck_assert(cgc_reserve_owns(small));
  ck_assert(cgc_reserve_owns(big));
  ck_assert(cgc_reserve_owns(big + (1 << 20) - 1));
  ck_assert(!cgc_reserve_owns(&local));
  ck_assert(!cgc_reserve_owns(NULL));
  ck_assert(!cgc_reserve_owns((void *)UINTPTR_MAX));
}
END_TEST

START_TEST(reserve_remembers_sizes) {
  void *a = cgc_reserve_alloc(16, 24);
  void *b = cgc_reserve_alloc(64, 5 << 20);
  ck_assert_uint_eq(cgc_reserve_size(a), 24);
  ck_assert_uint_eq(cgc_reserve_size(b), 5 << 20);
}
END_TEST

START_TEST(reserve_has_no_limit_of_its_own) {
  for (int i = 0; i < 2000; i++) {
    char *block = cgc_reserve_alloc(16, 60000);
    ck_assert_ptr_nonnull(block);
    ck_assert(is_zero(block, 60000));
  }
}
END_TEST

START_TEST(reserve_refuses_absurd_sizes) {
  errno = 7;
  ck_assert_ptr_null(cgc_reserve_alloc(16, SIZE_MAX));
  ck_assert_ptr_null(cgc_reserve_alloc(16, (size_t)PTRDIFF_MAX));
  ck_assert_ptr_null(cgc_reserve_alloc((size_t)1 << 63, 1));
  ck_assert_int_eq(errno, 7);
}
END_TEST

START_TEST(reserve_keeps_errno_without_memory) {
  if (CGC_SANITIZED)
    return; /* no room for the sanitizer's shadow */
  struct rlimit limit = {64 << 20, 64 << 20};
  ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
  errno = 7;
  ck_assert_ptr_null(cgc_reserve_alloc(16, 256 << 20));
  ck_assert_int_eq(errno, 7);
}
END_TEST

/* Each thread writes its number all over its blocks. */
static void *fill(void *arg) {
  unsigned seed = (unsigned)(uintptr_t)arg;
  char **blocks = calloc(NBLOCKS, sizeof *blocks);
  for (int i = 0; i < NBLOCKS; i++) {
    size_t size = (size_t)rand_r(&seed) % 200 + 1;
    blocks[i] = cgc_reserve_alloc(16, size);
    if (!blocks[i] || !is_zero(blocks[i], size))
      return (void *)1;
    memset(blocks[i], (int)(uintptr_t)arg, size);
  }
  for (int i = 0; i < NBLOCKS; i++)
    for (size_t k = 0; k < cgc_reserve_size(blocks[i]); k++)
      if (blocks[i][k] != (char)(uintptr_t)arg)
        return (void *)2;
  free(blocks);
  return NULL;
}

START_TEST(reserve_blocks_of_threads_are_disjoint) {
  pthread_t threads[NTHREADS];
  void *result;
  for (uintptr_t i = 0; i < NTHREADS; i++)
    pthread_create(&threads[i], NULL, fill, (void *)(i + 1));
  for (int i = 0; i < NTHREADS; i++) {
    pthread_join(threads[i], &result);
    ck_assert_ptr_null(result);
  }
}
END_TEST

static Suite *reserve_suite(void) {
  Suite *s = suite_create("reserve");
  TCase *core = tcase_create("core");
  tcase_add_test(core, reserve_block_is_zeroed_and_aligned);
  tcase_add_test(core, reserve_keeps_any_alignment);
  tcase_add_test(core, reserve_knows_its_blocks);
  tcase_add_test(core, reserve_remembers_sizes);
  suite_add_tcase(s, core);
  TCase *limits = tcase_create("limits");
  tcase_add_test(limits, reserve_has_no_limit_of_its_own);
  tcase_add_test(limits, reserve_refuses_absurd_sizes);
  tcase_add_test(limits, reserve_keeps_errno_without_memory);
  suite_add_tcase(s, limits);
  TCase *concurrent = tcase_create("concurrent");
  tcase_add_test(concurrent, reserve_blocks_of_threads_are_disjoint);
  suite_add_tcase(s, concurrent);
  return s;
}

int main(void) { return unit_run(reserve_suite()); }
