/* SPDX-License-Identifier: MIT */
/*
 * t/gc/reclaim.c - what is kept and what goes: by pointers from data, stack,
 * TLS, objects of each kind, interior pointers; and what an address is.
 *
 * Whether an object went is seen by a weak link to it.
 */
#include "gctest.h"

/* Weak links in memory that is not scanned, one per object. */
static uintptr_t *links_make(void) {
  return GC_malloc_noscan_uncollectable(GCTEST_MANY * sizeof(uintptr_t));
}

static void link_set(uintptr_t *links, int i, void *obj) {
  links[i] = (uintptr_t)obj;
  ck_assert_int_eq(
      GC_general_register_disappearing_link((void **)&links[i], obj),
      GC_SUCCESS);
}

static int links_gone(const uintptr_t *links) {
  int n = 0;
  for (int i = 0; i < GCTEST_MANY; i++)
    n += links[i] == 0;
  return n;
}

typedef void *(*alloc_fn)(size_t size);
static const alloc_fn kinds[] = {GC_malloc, GC_malloc_noscan,
                                 GC_malloc_uncollectable,
                                 GC_malloc_noscan_uncollectable};
static const size_t sizes[] = {1, 16, 40, 128, 1000, 8192, 40000};

GCTEST_FN void drop_many(uintptr_t *links, alloc_fn alloc) {
  for (int i = 0; i < GCTEST_MANY; i++)
    link_set(links, i, alloc(sizes[i % 7]));
}

START_TEST(reclaim_drops_what_nothing_holds) {
  uintptr_t *links = links_make();
  drop_many(links, kinds[_i]);
  gctest_collect();
  gctest_most(links_gone(links), GCTEST_MANY);
}
END_TEST

START_TEST(reclaim_never_takes_uncollectable) {
  uintptr_t *links = links_make();
  drop_many(links, kinds[2 + _i]);
  gctest_collect();
  ck_assert_int_eq(links_gone(links), 0);
  for (int i = 0; i < GCTEST_MANY; i++)
    GC_free((void *)links[i]);
}
END_TEST

static void *in_data[GCTEST_MANY];
static __thread void *in_tls[GCTEST_MANY];

GCTEST_FN void hold_many(uintptr_t *links, void **where, size_t offset) {
  for (int i = 0; i < GCTEST_MANY; i++) {
    char *obj = GC_malloc(sizes[i % 7]);
    link_set(links, i, obj);
    where[i] =
        obj + (offset == SIZE_MAX ? sizes[i % 7] : offset % sizes[i % 7]);
  }
}

START_TEST(reclaim_keeps_what_data_holds) {
  static const size_t offsets[] = {0, 7, 5000, SIZE_MAX};
  uintptr_t *links = links_make();
  hold_many(links, in_data, offsets[_i]);
  gctest_collect();
  ck_assert_int_eq(links_gone(links), 0);
  memset(in_data, 0, sizeof in_data);
  gctest_collect();
  gctest_most(links_gone(links), GCTEST_MANY);
}
END_TEST

START_TEST(reclaim_keeps_what_tls_holds) {
  uintptr_t *links = links_make();
  hold_many(links, in_tls, 0);
  gctest_collect();
  ck_assert_int_eq(links_gone(links), 0);
  memset(in_tls, 0, sizeof in_tls);
  gctest_collect();
  gctest_most(links_gone(links), GCTEST_MANY);
}
END_TEST

START_TEST(reclaim_keeps_what_the_stack_holds) {
  uintptr_t *links = links_make();
  void *volatile on_stack[GCTEST_MANY];
  hold_many(links, (void **)on_stack, 0);
  gctest_collect();
  ck_assert_int_eq(links_gone(links), 0);
  ck_assert_ptr_nonnull(on_stack[0]);
}
END_TEST

static void **volatile holder;

GCTEST_FN void hold_in(alloc_fn alloc, uintptr_t *links) {
  void **objs = alloc(GCTEST_MANY * sizeof *objs);
  holder = objs;
  hold_many(links, objs, 0);
}

START_TEST(reclaim_keeps_what_scanned_objects_hold) {
  uintptr_t *links = links_make();
  hold_in(kinds[2 * _i], links);
  gctest_collect();
  ck_assert_int_eq(links_gone(links), 0);
}
END_TEST

START_TEST(reclaim_ignores_what_noscan_objects_hold) {
  uintptr_t *links = links_make();
  hold_in(kinds[1 + 2 * _i], links);
  gctest_collect();
  gctest_most(links_gone(links), GCTEST_MANY);
}
END_TEST

START_TEST(reclaim_ignores_xored_pointers) {
  static uintptr_t hidden[GCTEST_MANY];
  uintptr_t *links = links_make();
  GC_disable(); /* until they are hidden */
  drop_many(links, GC_malloc);
  for (int i = 0; i < GCTEST_MANY; i++)
    hidden[i] = gctest_hide((void *)links[i]);
  GC_enable();
  gctest_collect();
  gctest_most(links_gone(links), GCTEST_MANY);
  ck_assert_ptr_nonnull(gctest_reveal(hidden[0]));
}
END_TEST

enum { RING = 20 };

GCTEST_FN void drop_cycle(uintptr_t *links, int from) {
  void **first = GC_malloc(32), **last = first;
  link_set(links, from, first);
  for (int i = from + 1; i < from + RING; i++) {
    void **next = GC_malloc(32);
    link_set(links, i, next);
    last[i % 4] = next;
    next[(i + 1) % 4] = last;
    last = next;
  }
  *last = first;
}

/* One false pointer keeps a whole cycle, so there are many. */
START_TEST(reclaim_takes_cycles) {
  uintptr_t *links = links_make();
  for (int i = 0; i < GCTEST_MANY; i += RING)
    drop_cycle(links, i);
  gctest_collect();
  gctest_most(links_gone(links), GCTEST_MANY);
}
END_TEST

START_TEST(reclaim_memory_is_used_again) {
  for (int i = 0; i < 200000; i++)
    memset(GC_malloc(1000), 0x5a, 1000);
  ck_assert_uint_lt(gctest_stats().heap_bytes, 150u << 20);
}
END_TEST

START_TEST(memory_is_zeroed) {
  for (int i = 0; i < 100000; i++) {
    size_t size = sizes[i % 7];
    unsigned char *p = kinds[i % 2](size);
    for (size_t k = 0; k < size; k += 1 + size / 64)
      ck_assert_uint_eq(p[k], 0);
    memset(p, 0xff, size);
    if (i % 3 == 0)
      GC_free(p);
  }
}
END_TEST

START_TEST(realloc_keeps_kind_and_contents) {
  for (int k = 0; k < 4; k++)
    for (size_t from = 1; from < 100000; from = from * 3 + 1)
      for (size_t to = 1; to < 100000; to = to * 3 + 1) {
        unsigned char *p = kinds[k](from);
        memset(p, 0x77, from);
        p = GC_realloc(p, to);
        for (size_t i = 0; i < from && i < to; i += 1 + to / 16)
          ck_assert_uint_eq(p[i], 0x77);
        ck_assert_uint_ge(GC_size(p), to);
        ck_assert_ptr_null(GC_realloc(p, 0));
      }
}
END_TEST

START_TEST(base_finds_every_byte) {
  for (int i = 0; i < 2000; i++) {
    size_t size = sizes[i % 7];
    char *p = GC_memalign((size_t)16 << i % 9, size);
    ck_assert_uint_eq((uintptr_t)p % ((size_t)16 << i % 9), 0);
    ck_assert_ptr_eq(GC_base(p), p);
    ck_assert_ptr_eq(GC_base(p + size / 2), p);
    ck_assert_ptr_eq(GC_base(p + size - 1), p);
    ck_assert_int_eq(GC_is_heap_ptr(p), 1);
    ck_assert_uint_ge(GC_size(p), size);
  }
  ck_assert_ptr_null(GC_base(&in_data));
  ck_assert_ptr_null(GC_base(NULL));
  ck_assert_int_eq(GC_is_heap_ptr(&in_data), 0);
  ck_assert_uint_eq(GC_size(&in_data), 0);
}
END_TEST

START_TEST(disable_nests_and_stops_collections) {
  unsigned long before = gctest_stats().collections;
  GC_disable();
  GC_disable();
  GC_enable();
  ck_assert_int_eq(GC_is_disabled(), 1);
  ck_assert_int_eq(GC_collect(), -1);
  for (int i = 0; i < 100000; i++)
    *(volatile char *)GC_malloc(1000) = 1;
  ck_assert_uint_eq(gctest_stats().collections, before);
  GC_enable();
  ck_assert_int_eq(GC_is_disabled(), 0);
  gctest_collect();
  ck_assert_uint_gt(gctest_stats().collections, before);
}
END_TEST

static void *thread_of_many(void *arg) {
  uintptr_t *links = arg;
  void *volatile kept = GC_malloc(100);
  memset(kept, 0x11, 100);
  drop_many(links, GC_malloc);
  for (int i = 0; i < 50000; i++)
    memset(GC_malloc(300), 0xdb, 300);
  for (int i = 0; i < 100; i++)
    ck_assert_uint_eq(((unsigned char *)kept)[i], 0x11);
  return NULL;
}

START_TEST(threads_keep_and_drop_as_one_does) {
  enum { NTHREADS = 8 };
  pthread_t t[NTHREADS];
  uintptr_t *links[NTHREADS];
  for (int i = 0; i < NTHREADS; i++) {
    links[i] = links_make();
    pthread_create(&t[i], NULL, thread_of_many, links[i]);
  }
  for (int i = 0; i < NTHREADS; i++)
    pthread_join(t[i], NULL);
  gctest_collect();
  for (int i = 0; i < NTHREADS; i++)
    gctest_most(links_gone(links[i]), GCTEST_MANY);
}
END_TEST

int main(void) {
  Suite *s = suite_create("reclaim");
  TCase *core = tcase_create("core"), *mt = tcase_create("concurrent");
  tcase_set_timeout(core, 60);
  tcase_set_timeout(mt, 60);
  tcase_add_loop_test(core, reclaim_drops_what_nothing_holds, 0, 2);
  tcase_add_loop_test(core, reclaim_never_takes_uncollectable, 0, 2);
  tcase_add_loop_test(core, reclaim_keeps_what_data_holds, 0, 4);
  tcase_add_test(core, reclaim_keeps_what_tls_holds);
  tcase_add_test(core, reclaim_keeps_what_the_stack_holds);
  tcase_add_loop_test(core, reclaim_keeps_what_scanned_objects_hold, 0, 2);
  tcase_add_loop_test(core, reclaim_ignores_what_noscan_objects_hold, 0, 2);
  tcase_add_test(core, reclaim_ignores_xored_pointers);
  tcase_add_test(core, reclaim_takes_cycles);
  tcase_add_test(core, reclaim_memory_is_used_again);
  tcase_add_test(core, memory_is_zeroed);
  tcase_add_test(core, realloc_keeps_kind_and_contents);
  tcase_add_test(core, base_finds_every_byte);
  tcase_add_test(core, disable_nests_and_stops_collections);
  tcase_add_test(mt, threads_keep_and_drop_as_one_does);
  suite_add_tcase(s, core);
  suite_add_tcase(s, mt);
  return gctest_run(s);
}
