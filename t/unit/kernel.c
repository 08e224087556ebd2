/* SPDX-License-Identifier: MIT */
#include "world/kernel.h"

#include "unit.h"

#include <pthread.h>

enum { ROUNDS = 20000, KEYS = 500, MANY = 50000, THREADS = 4 };

struct search {
  uintptr_t word;
  size_t nfound;
};

static void look(uintptr_t lo, uintptr_t hi, void *ctx) {
  struct search *s = ctx;
  ck_assert(lo % 8 == 0 && hi % 8 == 0);
  for (const uintptr_t *p = (uintptr_t *)lo; p < (uintptr_t *)hi; p++)
    s->nfound += *p == s->word;
}

static size_t times_seen(uintptr_t word) {
  struct search s = {word, 0};
  cgc_kernel_visit(look, &s);
  return s.nfound;
}

static const uintptr_t W = 0x7000dead0000;

START_TEST(a_word_is_seen_until_it_is_dropped) {
  ck_assert_uint_eq(times_seen(W), 0);
  ck_assert_int_eq(cgc_kernel_set(CGC_KERNEL_TIMER, 5, W), 0);
  ck_assert_uint_eq(times_seen(W), 1);
  cgc_kernel_drop(CGC_KERNEL_OTHER, 5);
  cgc_kernel_drop(CGC_KERNEL_TIMER, 6);
  ck_assert_uint_eq(times_seen(W), 1);
  cgc_kernel_drop(CGC_KERNEL_TIMER, 5);
  ck_assert_uint_eq(times_seen(W), 0);
  cgc_kernel_check();
}
END_TEST

START_TEST(setting_again_replaces) {
  cgc_kernel_set(CGC_KERNEL_TIMER, 5, W);
  cgc_kernel_set(CGC_KERNEL_TIMER, 5, W + 8);
  ck_assert_uint_eq(times_seen(W), 0);
  ck_assert_uint_eq(times_seen(W + 8), 1);
  ck_assert_uint_eq(cgc_kernel_count(), 1);
}
END_TEST

static void add_fd(int epfd, int fd) {
  cgc_kernel_set(CGC_KERNEL_EPOLL, cgc_kernel_epoll_key(epfd, fd),
                 W + (uintptr_t)(epfd * 1000 + fd) * 8);
}

START_TEST(closing_a_descriptor_drops_its_words) {
  cgc_kernel_set(CGC_KERNEL_TIMER, cgc_kernel_epoll_key(3, 7), W);
  ck_assert(!cgc_kernel_has_fds());
  for (int ep = 3; ep < 6; ep++)
    for (int fd = 7; fd < 57; fd++)
      add_fd(ep, fd);
  ck_assert(cgc_kernel_has_fds());
  cgc_kernel_drop_fd(7);
  ck_assert_uint_eq(cgc_kernel_count(), 1 + 3 * 49);
  cgc_kernel_drop_fd(4);
  ck_assert_uint_eq(cgc_kernel_count(), 1 + 2 * 49);
  cgc_kernel_drop_fd(5);
  cgc_kernel_drop_fd(3);
  ck_assert_uint_eq(cgc_kernel_count(), 1);
  ck_assert(!cgc_kernel_has_fds());
  cgc_kernel_check();
}
END_TEST

START_TEST(the_last_values_sent_are_seen) {
  for (uintptr_t i = 0; i < CGC_KERNEL_SENT + 1; i++)
    cgc_kernel_sent(W + i * 8);
  ck_assert_uint_eq(times_seen(W), 0);
  ck_assert_uint_eq(times_seen(W + 8), 1);
  ck_assert_uint_eq(times_seen(W + CGC_KERNEL_SENT * 8), 1);
}
END_TEST

START_TEST(any_changes_agree_with_a_model) {
  static uintptr_t model[KEYS];
  struct unit_random r = unit_random();
  size_t n = 0;
  for (int i = 0; i < ROUNDS; i++) {
    uint64_t key = unit_below(&r, KEYS);
    if (unit_below(&r, 3)) {
      n += model[key] == 0;
      model[key] = W + (uintptr_t)i * 8;
      ck_assert_int_eq(cgc_kernel_set(CGC_KERNEL_OTHER, key, model[key]), 0);
    } else {
      n -= model[key] != 0;
      model[key] = 0;
      cgc_kernel_drop(CGC_KERNEL_OTHER, key);
    }
    ck_assert_uint_eq(cgc_kernel_count(), n);
    if (i % 512 == 0)
      cgc_kernel_check();
  }
  for (int key = 0; key < KEYS; key++)
    if (model[key])
      ck_assert_uint_eq(times_seen(model[key]), 1);
}
END_TEST

START_TEST(there_is_no_limit) {
  for (int i = 0; i < MANY; i++)
    add_fd(i % 7 + 3, i + 100);
  cgc_kernel_check();
  ck_assert_uint_eq(cgc_kernel_count(), MANY);
  for (int i = 0; i < MANY; i++)
    cgc_kernel_drop_fd(i + 100);
  ck_assert_uint_eq(cgc_kernel_count(), 0);
  ck_assert(!cgc_kernel_has_fds());
}
END_TEST

static void *change(void *arg) {
  uint64_t base = (uint64_t)(size_t)arg << 40;
  for (uint64_t i = 0; i < ROUNDS; i++) {
    cgc_kernel_set(CGC_KERNEL_OTHER, base + i % KEYS, W);
    cgc_kernel_drop(CGC_KERNEL_OTHER, base + (i * 7) % KEYS);
    cgc_kernel_sent(W);
  }
  for (uint64_t i = 0; i < KEYS; i++)
    cgc_kernel_drop(CGC_KERNEL_OTHER, base + i);
  return NULL;
}

START_TEST(threads_change_the_table_at_once) {
  pthread_t threads[THREADS];
  cgc_kernel_init();
  for (size_t i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, change, (void *)(i + 1));
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  ck_assert_uint_eq(cgc_kernel_count(), 0);
  cgc_kernel_check();
}
END_TEST

static Suite *suite(void) {
  Suite *s = suite_create("kernel");
  TCase *core = tcase_create("core");
  tcase_add_test(core, a_word_is_seen_until_it_is_dropped);
  tcase_add_test(core, setting_again_replaces);
  tcase_add_test(core, closing_a_descriptor_drops_its_words);
  tcase_add_test(core, the_last_values_sent_are_seen);
  tcase_add_test(core, any_changes_agree_with_a_model);
  suite_add_tcase(s, core);
  TCase *limits = tcase_create("limits");
  tcase_set_timeout(limits, 30);
  tcase_add_test(limits, there_is_no_limit);
  suite_add_tcase(s, limits);
  TCase *concurrent = tcase_create("concurrent");
  tcase_set_timeout(concurrent, 30);
  tcase_add_test(concurrent, threads_change_the_table_at_once);
  suite_add_tcase(s, concurrent);
  return s;
}

int main(void) { return unit_run(suite()); }
