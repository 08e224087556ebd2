/* SPDX-License-Identifier: MIT */
/*
 * t/gc/heap.c - the heap from outside: the walk agrees with the statistics, and
 * roots that are added, removed and excluded do what they say.
 */
#include "gctest.h"
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

struct seen {
  unsigned long n, bytes;
  uintptr_t last;
  int nunordered;
};

static int look(void *obj, size_t size_bytes, void *data) {
  struct seen *seen = data;
  seen->nunordered += (uintptr_t)obj <= seen->last;
  seen->last = (uintptr_t)obj;
  seen->n++;
  seen->bytes += size_bytes;
  return 0;
}

static struct seen walk(void) {
  struct seen seen = {0, 0, 0, 0};
  ck_assert_int_eq(GC_walk_heap(look, &seen), 0);
  ck_assert_int_eq(seen.nunordered, 0);
  return seen;
}

static void *volatile held[GCTEST_MANY];

GCTEST_FN void hold(size_t step) {
  for (size_t i = 0; i < GCTEST_MANY; i++)
    held[i] = GC_malloc(16 + i * step % 20000);
}

START_TEST(walk_sees_what_was_allocated) {
  gctest_collect();
  struct seen before = walk();
  hold(37);
  struct seen after = walk();
  ck_assert_uint_eq(after.n - before.n, GCTEST_MANY);
  for (int i = 0; i < GCTEST_MANY; i++) {
    GC_free(held[i]);
    held[i] = NULL;
  }
  ck_assert_uint_eq(walk().n, before.n);
}
END_TEST

START_TEST(walk_agrees_with_the_statistics) {
  hold(41);
  gctest_collect();
  GC_disable();
  struct seen seen = walk();
  unsigned long used = gctest_stats().in_use_bytes;
  ck_assert_msg(seen.bytes >= used - used / 8 && seen.bytes <= used + used / 8,
                "walk %lu bytes, statistics %lu", seen.bytes, used);
  ck_assert_uint_le(seen.bytes, gctest_stats().heap_bytes);
  GC_enable();
}
END_TEST

static int stop_third(void *obj, size_t size_bytes, void *data) {
  (void)obj;
  (void)size_bytes;
  return ++*(int *)data == 3 ? 42 : 0;
}

START_TEST(walk_ends_when_told) {
  int n = 0;
  hold(1);
  ck_assert_int_eq(GC_walk_heap(stop_third, &n), 42);
  ck_assert_int_eq(n, 3);
}
END_TEST

START_TEST(stats_count_what_happens) {
  GC_disable();
  struct GC_stats a = gctest_stats();
  hold(3);
  struct GC_stats b = gctest_stats();
  ck_assert_uint_ge(b.allocated_bytes - a.allocated_bytes, 16 * GCTEST_MANY);
  for (int i = 0; i < GCTEST_MANY; i++) {
    GC_free(held[i]);
    held[i] = NULL;
  }
  struct GC_stats c = gctest_stats();
  ck_assert_uint_lt(c.in_use_bytes, b.in_use_bytes);
  GC_enable();
  gctest_collect();
  struct GC_stats d = gctest_stats();
  ck_assert_uint_gt(d.collections, c.collections);
  ck_assert_uint_gt(d.pause_total_ns, c.pause_total_ns);
  ck_assert_uint_ge(d.pause_max_ns, d.pause_last_ns);
  ck_assert_uint_ge(d.pause_last_ns, d.stop_last_ns);
  ck_assert_uint_gt(d.root_bytes, 0);
}
END_TEST

START_TEST(stats_keep_to_the_size_given) {
  struct {
    struct GC_stats s;
    unsigned char guard[64];
  } room;
  memset(&room, 0x6b, sizeof room);
  room.s.size = sizeof(size_t) + sizeof(unsigned long);
  ck_assert_int_eq(GC_get_stats(&room.s), 0);
  ck_assert_uint_eq(((unsigned char *)&room.s)[2 * sizeof(size_t)], 0x6b);
  room.s.size = 0;
  ck_assert_int_eq(GC_get_stats(&room.s), -1);
  ck_assert_int_eq(errno, EINVAL);
}
END_TEST

/* Memory that the API library doesn't see by itself: a shared mapping. */
static void **area_make(void) {
  void *area = mmap(NULL, GCTEST_MANY * sizeof(void *), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ck_assert_ptr_ne(area, MAP_FAILED);
  return area;
}

static uintptr_t *links;

GCTEST_FN void fill(void **area) {
  links = GC_malloc_noscan_uncollectable(GCTEST_MANY * sizeof *links);
  for (int i = 0; i < GCTEST_MANY; i++) {
    void *obj = GC_malloc(48);
    area[i] = obj;
    links[i] = (uintptr_t)obj;
    GC_general_register_disappearing_link((void **)&links[i], obj);
  }
}

static int ngone(void) {
  int n = 0;
  for (int i = 0; i < GCTEST_MANY; i++)
    n += !links[i];
  return n;
}

START_TEST(roots_added_keep_and_removed_drop) {
  void **area = area_make(), **end = area + GCTEST_MANY;
  GC_add_roots(area, end);
  fill(area);
  gctest_collect();
  ck_assert_int_eq(ngone(), 0);
  GC_remove_roots(area, end);
  gctest_collect();
  gctest_most(ngone(), GCTEST_MANY);
}
END_TEST

START_TEST(roots_are_all_forgotten_by_clear) {
  void **area = area_make();
  GC_add_roots(area, area + GCTEST_MANY);
  fill(area);
  GC_clear_roots();
  gctest_collect();
  gctest_most(ngone(), GCTEST_MANY);
}
END_TEST

static void *excluded[GCTEST_MANY];

START_TEST(roots_excluded_are_not_scanned) {
  fill(excluded);
  gctest_collect();
  ck_assert_int_eq(ngone(), 0);
  GC_exclude_roots(excluded, excluded + GCTEST_MANY);
  gctest_collect();
  gctest_most(ngone(), GCTEST_MANY);
}
END_TEST

static unsigned long resident_bytes(void) {
  unsigned long total = 0, resident = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  ck_assert_int_eq(fscanf(f, "%lu %lu", &total, &resident), 2);
  fclose(f);
  return resident * 4096;
}

START_TEST(release_gives_memory_back) {
  for (int i = 0; i < 1000; i++)
    held[i] = memset(GC_malloc(100000), 1, 100000);
  ck_assert_uint_gt(resident_bytes(), 90u << 20);
  for (int i = 0; i < 1000; i++) {
    GC_free(held[i]);
    held[i] = NULL;
  }
  gctest_collect();
  GC_release_memory();
  ck_assert_uint_lt(resident_bytes(), 50u << 20);
  ck_assert_uint_gt(gctest_stats().released_bytes, 50u << 20);
}
END_TEST

int main(void) {
  Suite *s = suite_create("heap");
  TCase *core = tcase_create("core");
  tcase_set_timeout(core, 60);
  tcase_add_test(core, walk_sees_what_was_allocated);
  tcase_add_test(core, walk_agrees_with_the_statistics);
  tcase_add_test(core, walk_ends_when_told);
  tcase_add_test(core, stats_count_what_happens);
  tcase_add_test(core, stats_keep_to_the_size_given);
  tcase_add_test(core, roots_added_keep_and_removed_drop);
  tcase_add_test(core, roots_are_all_forgotten_by_clear);
  tcase_add_test(core, roots_excluded_are_not_scanned);
  tcase_add_test(core, release_gives_memory_back);
  suite_add_tcase(s, core);
  return gctest_run(s);
}
