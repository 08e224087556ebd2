/* SPDX-License-Identifier: MIT */
/*
 * front/malloc: the family's answers to usual and odd arguments.  It is this
 * program's malloc, libcheck's too.  What it does under whole programs is seen
 * in t/prog/malloc.
 */
#include "front/malloc.h"

#include "front/alloc.h"
#include "heap/heap.h"
#include "unit.h"

#include <errno.h>
#include <string.h>

/* Hidden from the compiler, which knows what malloc may refuse. */
static volatile size_t one = 1, huge = (size_t)PTRDIFF_MAX + 1;

static bool is_in_heap(const void *p) {
  return cgc_arena_contains(&cgc_heap.arena, (uintptr_t)p);
}

START_TEST(malloc_gives_blocks_of_the_heap) {
  char *last = NULL;
  for (size_t n = 0; n < 100000; n = n * 2 + 1) {
    char *p = malloc(n);
    ck_assert(is_in_heap(p));
    ck_assert_ptr_ne(p, last);
    ck_assert_uint_eq((uintptr_t)p % 16, 0);
    ck_assert_uint_ge(malloc_usable_size(p), n);
    memset(p, 1, n);
    last = p;
  }
  ck_assert(is_in_heap(__libc_malloc(one)));
  ck_assert(is_in_heap(__libc_calloc(one, one)));
  ck_assert(is_in_heap(__libc_memalign(64, one)));
}
END_TEST

START_TEST(malloc_refuses_what_cannot_be) {
  errno = 0;
  ck_assert_ptr_null(malloc(huge));
  ck_assert_int_eq(errno, ENOMEM);
  ck_assert_ptr_null(calloc(huge, 2));
  ck_assert_ptr_null(calloc(huge, one));
  ck_assert_ptr_null(memalign(64, huge));
  ck_assert_ptr_null(pvalloc(SIZE_MAX - one));
  void *p = malloc(10);
  errno = 0;
  ck_assert_ptr_null(reallocarray(p, huge, 2));
  ck_assert_int_eq(errno, ENOMEM);
  ck_assert_ptr_null(realloc(p, huge));
  free(p);
}
END_TEST

START_TEST(malloc_clears_for_calloc) {
  for (int i = 0; i < 100; i++) {
    unsigned char *p = malloc(300);
    memset(p, 0xff, 300);
    free(p);
    p = calloc(3, 100);
    for (int j = 0; j < 300; j++)
      ck_assert_int_eq(p[j], 0);
    free(p);
  }
}
END_TEST

START_TEST(malloc_resizes) {
  char *p = realloc(NULL, 5);
  ck_assert(is_in_heap(p));
  strcpy(p, "text");
  p = realloc(p, 100000);
  ck_assert_str_eq(p, "text");
  p = reallocarray(p, 5, one);
  ck_assert_int_eq(memcmp(p, "text", 5), 0);
  p = __libc_realloc(p, 50);
  ck_assert_str_eq(p, "text");
  ck_assert_ptr_null(realloc(p, 0));
}
END_TEST

START_TEST(malloc_aligns) {
  void *p = NULL;
  for (size_t align = 1; align <= (size_t)1 << 20; align *= 2) {
    ck_assert_uint_eq((uintptr_t)memalign(align, 10) % align, 0);
    ck_assert_uint_eq((uintptr_t)aligned_alloc(align, align) % align, 0);
  }
  ck_assert_uint_eq((uintptr_t)memalign(3000 * one, 10) % 4096, 0);
  ck_assert_uint_eq((uintptr_t)valloc(10) % 4096, 0);
  p = pvalloc(4097);
  ck_assert_uint_eq((uintptr_t)p % 4096, 0);
  ck_assert_uint_ge(malloc_usable_size(p), 8192);
  ck_assert_int_eq(posix_memalign(&p, 256, 10), 0);
  ck_assert_uint_eq((uintptr_t)p % 256, 0);
}
END_TEST

START_TEST(malloc_refuses_alignments) {
  void *p = &p;
  errno = 7;
  ck_assert_int_eq(posix_memalign(&p, 24, 10), EINVAL);
  ck_assert_int_eq(posix_memalign(&p, 4, 10), EINVAL);
  ck_assert_int_eq(posix_memalign(&p, 0, 10), EINVAL);
  ck_assert_int_eq(posix_memalign(&p, 64, huge), ENOMEM);
  ck_assert_ptr_eq(p, &p);
  ck_assert_ptr_null(memalign(SIZE_MAX - one, 10));
  ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(malloc_free_keeps_errno) {
  errno = 7;
  free(NULL);
  free(malloc(10));
  free(malloc(1000000));
  free_sized(malloc(10), 10);
  free_aligned_sized(memalign(64, 10), 64, 10);
  cfree(malloc(10));
  __libc_free(malloc(10));
  ck_assert_int_eq(errno, 7);
  ck_assert_uint_eq(malloc_usable_size(NULL), 0);
}
END_TEST

START_TEST(malloc_counts) {
  struct mallinfo2 before = mallinfo2();
  void *p = malloc(50 << 20);
  struct mallinfo2 after = mallinfo2();
  ck_assert_uint_ge(after.uordblks, before.uordblks + (40 << 20));
  ck_assert_uint_eq(after.uordblks + after.fordblks, after.arena);
  free(p);
  ck_assert_int_eq(mallopt(M_MXFAST, 64), 1);
  ck_assert_int_eq(mallopt(M_MXFAST, -1), 0);
  ck_assert_int_eq(mallopt(M_ARENA_MAX, 1), 1);
  ck_assert_int_eq(malloc_info(1, stderr), EINVAL);
}
END_TEST

START_TEST(malloc_info_is_xml) {
  char *text = NULL;
  size_t len = 0;
  FILE *f = open_memstream(&text, &len);
  ck_assert_int_eq(malloc_info(0, f), 0);
  fclose(f);
  ck_assert_ptr_nonnull(strstr(text, "<malloc version=\"1\">"));
  ck_assert_ptr_nonnull(strstr(text, "</malloc>"));
}
END_TEST

static Suite *malloc_suite(void) {
  Suite *s = suite_create("malloc");
  TCase *core = tcase_create("core");
  tcase_add_test(core, malloc_gives_blocks_of_the_heap);
  tcase_add_test(core, malloc_clears_for_calloc);
  tcase_add_test(core, malloc_resizes);
  tcase_add_test(core, malloc_aligns);
  tcase_add_test(core, malloc_free_keeps_errno);
  tcase_add_test(core, malloc_counts);
  tcase_add_test(core, malloc_info_is_xml);
  suite_add_tcase(s, core);
  TCase *errors = tcase_create("errors");
  tcase_add_test(errors, malloc_refuses_what_cannot_be);
  tcase_add_test(errors, malloc_refuses_alignments);
  suite_add_tcase(s, errors);
  return s;
}

int main(void) { return unit_run(malloc_suite()); }
