/* SPDX-License-Identifier: MIT */
#include "mark/worker.h"

#include "heap/walk.h"
#include "os/thread.h"
#include "private.h"

#include <dirent.h>

enum { OBJECTS = 200000, MARKERS_MAX = 6 };

static const size_t large_enough = (size_t)1 << 40; /* in use, pretended */

static struct cgc_heap *heap;
static struct cgc_cache *cache;
static void **objects[OBJECTS];

static void set_up(void) {
  heap = private_heap((size_t)2 << 30, (size_t)64 << 20);
  cache = private_cache(heap);
}

static void make_objects(struct unit_random *r) {
  for (int i = 0; i < OBJECTS; i++) {
    size_t size = unit_below(r, 500) ? 32 + unit_below(r, 200)
                                     : 32 + unit_below(r, 100000);
    objects[i] = private_alloc(cache, CGC_KIND_SCAN, size);
  }
}

/* A long chain, a wide array, and random edges; the last tenth is garbage. */
static void connect(struct unit_random *r) {
  int live = OBJECTS / 10 * 9;
  for (int i = 0; i < OBJECTS; i++) {
    objects[i][0] = objects[unit_below(r, (uint64_t)live)];
    objects[i][1] = objects[unit_below(r, (uint64_t)live)];
    objects[i][2] = i < live / 3 ? objects[i + 1] : NULL;
  }
}

static void **wide_array(void) {
  void **wide = private_alloc(cache, CGC_KIND_SCAN, OBJECTS * sizeof *wide);
  for (int i = OBJECTS / 3; i < OBJECTS / 2; i++)
    wide[i] = objects[i];
  return wide;
}

/* What is marked, as a sum over addresses, so that runs can be compared. */
struct result {
  uint64_t objects;
  uint64_t bytes;
  uint64_t sum;
};

static void add_marked(const struct cgc_object *obj, void *ctx) {
  struct result *r = ctx;
  if (!cgc_object_is_marked(&heap->arena, obj))
    return;
  r->objects++;
  r->bytes += obj->size;
  r->sum += obj->addr * 0x9e3779b97f4a7c15ULL;
}

static struct result mark_with(unsigned markers, void **const *roots,
                               size_t n) {
  static struct cgc_workers workers[MARKERS_MAX + 1];
  struct cgc_workers *ws = &workers[markers];
  struct result result = {0, 0, 0};
  if (!ws->worker)
    ck_assert(cgc_workers_init(ws, markers));
  cgc_cache_flush(cache);
  cgc_heap_prepare_marks(heap);
  struct cgc_marker *m = cgc_workers_open(ws, heap, large_enough);
  cgc_marker_scan_range(m, (uintptr_t)roots, (uintptr_t)(roots + n));
  cgc_workers_finish(ws);
  cgc_walk_objects(heap, add_marked, &result);
  ck_assert_uint_eq(m->marked_objects, result.objects);
  ck_assert_uint_eq(m->marked_bytes, result.bytes);
  return result;
}

START_TEST(any_number_of_markers_marks_the_same) {
  struct unit_random r = unit_random();
  make_objects(&r);
  connect(&r);
  void **roots[2] = {objects[0], wide_array()};
  struct result one = mark_with(1, roots, 2);
  ck_assert_uint_gt(one.objects, OBJECTS / 2);
  for (int round = 0; round < 5; round++)
    for (unsigned n = 2; n <= MARKERS_MAX; n++) {
      struct result many = mark_with(n, roots, 2);
      ck_assert_uint_eq(many.objects, one.objects);
      ck_assert_uint_eq(many.sum, one.sum);
    }
}
END_TEST

static size_t threads(void) {
  DIR *tasks = opendir("/proc/self/task");
  size_t n = 0;
  while (readdir(tasks))
    n++;
  closedir(tasks);
  return n - 2;
}

START_TEST(workers_are_gone_after_the_cycle) {
  void **roots[1] = {NULL};
  for (int round = 0; round < 50; round++)
    mark_with(4, roots, 1);
  while (threads() > 1) /* the kernel may still take the last one away */
    ;
}
END_TEST

START_TEST(a_small_heap_is_marked_alone) {
  struct cgc_workers ws = {.n = 0};
  ck_assert(cgc_workers_init(&ws, 8));
  cgc_heap_prepare_marks(heap);
  cgc_workers_open(&ws, heap, 8 << 20);
  ck_assert_uint_eq(ws.n, 1);
  ck_assert_uint_eq(threads(), 1);
  cgc_workers_finish(&ws);
}
END_TEST

START_TEST(the_default_is_one_marker_for_each_processor) {
  struct cgc_workers ws = {.n = 0};
  ck_assert(cgc_workers_init(&ws, 0));
  ck_assert_uint_eq(ws.max, cgc_thread_processors());
}
END_TEST

int main(void) {
  Suite *s = suite_create("worker");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_test(core, any_number_of_markers_marks_the_same);
  tcase_add_test(core, workers_are_gone_after_the_cycle);
  tcase_add_test(core, a_small_heap_is_marked_alone);
  tcase_add_test(core, the_default_is_one_marker_for_each_processor);
  tcase_set_timeout(core, 60);
  suite_add_tcase(s, core);
  return unit_run(s);
}
