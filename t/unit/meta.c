/* SPDX-License-Identifier: MIT */
#include "heap/meta.h"

#include "os/page.h"
#include "unit.h"

#include <pthread.h>
#include <string.h>

enum { PIECES = 2000, THREADS = 4, ROUNDS = 20000 };

static const size_t sizes[] = {1,    63,    64,    65,    128,   1000,
                               4096, 32767, 32768, 32769, 100000};
enum { NSIZES = sizeof sizes / sizeof *sizes };

static bool is_zero(const char *p, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (p[i])
      return false;
  return true;
}

START_TEST(pieces_are_zeroed_and_aligned) {
  for (int round = 0; round < 3; round++)
    for (int i = 0; i < NSIZES; i++) {
      char *p = cgc_meta_alloc(sizes[i]);
      ck_assert_ptr_nonnull(p);
      ck_assert_uint_eq((uintptr_t)p % CGC_META_GRAIN, 0);
      ck_assert(is_zero(p, sizes[i]));
      memset(p, 0xff, sizes[i]);
      cgc_meta_free(p, sizes[i]);
    }
}
END_TEST

START_TEST(pieces_do_not_overlap) {
  static unsigned char *pieces[PIECES];
  for (int i = 0; i < PIECES; i++) {
    pieces[i] = cgc_meta_alloc(sizes[i % NSIZES]);
    memset(pieces[i], i % 251, sizes[i % NSIZES]);
  }
  for (int i = 0; i < PIECES; i++)
    for (size_t at = 0; at < sizes[i % NSIZES]; at++)
      if (pieces[i][at] != i % 251)
        ck_abort_msg("piece %d was written over", i);
}
END_TEST

START_TEST(a_freed_piece_serves_its_size_again) {
  void *p = cgc_meta_alloc(200);
  cgc_meta_free(p, 200);
  ck_assert_ptr_eq(cgc_meta_alloc(193), p);
}
END_TEST

START_TEST(freeing_and_allocating_does_not_grow) {
  for (int i = 0; i < NSIZES; i++)
    cgc_meta_free(cgc_meta_alloc(sizes[i]), sizes[i]);
  size_t before = cgc_meta_bytes();
  for (int i = 0; i < 100 * NSIZES; i++)
    cgc_meta_free(cgc_meta_alloc(sizes[i % NSIZES]), sizes[i % NSIZES]);
  ck_assert_uint_eq(cgc_meta_bytes(), before);
}
END_TEST

START_TEST(all_of_it_is_the_collectors_own_memory) {
  for (int i = 0; i < NSIZES; i++) {
    uintptr_t p = (uintptr_t)cgc_meta_alloc(sizes[i]);
    uintptr_t lo, hi;
    ck_assert(cgc_page_is_own(p, p + sizes[i], &lo, &hi));
    ck_assert(lo <= p && p + sizes[i] <= hi);
  }
}
END_TEST

static void *churn(void *ctx) {
  struct unit_random r = {(uintptr_t)ctx * 2 + 1};
  unsigned char *held[16] = {NULL};
  size_t size[16];
  for (int i = 0; i < ROUNDS; i++) {
    size_t k = unit_below(&r, 16);
    if (held[k]) {
      for (size_t at = 0; at < size[k]; at++)
        if (held[k][at] != (uintptr_t)ctx)
          return "somebody else's bytes";
      cgc_meta_free(held[k], size[k]);
    }
    size[k] = 1 + unit_below(&r, 700);
    held[k] = cgc_meta_alloc(size[k]);
    if (!is_zero((char *)held[k], size[k]))
      return "not zeroed";
    memset(held[k], (int)(uintptr_t)ctx, size[k]);
  }
  return NULL;
}

START_TEST(threads_get_pieces_of_their_own) {
  pthread_t threads[THREADS];
  void *error;
  for (uintptr_t i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, churn, (void *)(i + 1));
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], &error);
    ck_assert_msg(!error, "%s", (char *)error);
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("meta");
  TCase *core = tcase_create("core");
  TCase *concurrent = tcase_create("concurrent");
  tcase_add_test(core, pieces_are_zeroed_and_aligned);
  tcase_add_test(core, pieces_do_not_overlap);
  tcase_add_test(core, a_freed_piece_serves_its_size_again);
  tcase_add_test(core, freeing_and_allocating_does_not_grow);
  tcase_add_test(core, all_of_it_is_the_collectors_own_memory);
  tcase_add_test(concurrent, threads_get_pieces_of_their_own);
  tcase_set_timeout(concurrent, 30);
  suite_add_tcase(s, core);
  suite_add_tcase(s, concurrent);
  return unit_run(s);
}
