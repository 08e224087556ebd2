/* SPDX-License-Identifier: MIT */
#include "mark/rescan.h"

#include "private.h"

static struct cgc_heap *heap;
static struct cgc_cache *cache;
static struct cgc_pool pool;
static struct cgc_marker marker;

static void set_up(void) {
  heap = private_heap((size_t)1 << 30, (size_t)64 << 20);
  cache = private_cache(heap);
}

static void *new_object(size_t size) {
  return private_alloc(cache, CGC_KIND_SCAN, size);
}

static bool is_marked(const void *p) {
  struct cgc_object obj = private_object(heap, p);
  return cgc_object_is_marked(&heap->arena, &obj);
}

/* Everything is marked from ROOT; the program goes on from here. */
static void mark_from(void *root) {
  cgc_cache_flush(cache);
  cgc_heap_prepare_marks(heap);
  cgc_pool_open(&pool, &heap->arena, 1);
  cgc_marker_open(&marker, heap, &pool);
  cgc_marker_mark_word(&marker, (uintptr_t)root);
  cgc_marker_drain(&marker);
}

static void rescan(const void *p, size_t bytes) {
  cgc_rescan(&marker, (uintptr_t)p, (uintptr_t)p + bytes);
  cgc_marker_drain(&marker);
}

START_TEST(a_pointer_written_later_is_found) {
  for (size_t size = 16; size <= 300000; size = size * 3 / 2 + 8) {
    void **obj = new_object(size), *late = new_object(40);
    mark_from(obj);
    ck_assert(!is_marked(late));
    obj[size / sizeof(void *) - 1] = late;
    rescan(obj, size);
    ck_assert(is_marked(late));
  }
}
END_TEST

START_TEST(what_is_dead_or_free_is_not_read) {
  void **dead = new_object(64), **freed = new_object(64);
  void *a = new_object(40), *b = new_object(40);
  dead[0] = a;
  mark_from(freed);
  freed[0] = b;
  private_free(cache, freed);
  rescan(dead, 64);
  rescan(freed, 64);
  ck_assert(!is_marked(a) && !is_marked(b));
}
END_TEST

START_TEST(noscan_objects_are_not_read) {
  void **text = private_alloc(cache, CGC_KIND_NOSCAN, 64);
  void *a = new_object(40);
  mark_from(text);
  text[0] = a;
  rescan(text, 64);
  ck_assert(!is_marked(a));
}
END_TEST

START_TEST(an_object_born_black_is_read) {
  void *white = new_object(40);
  mark_from(NULL);
  void **born = new_object(64);
  ck_assert(is_marked(born));
  born[2] = white;
  rescan(born, 64);
  ck_assert(is_marked(white));
}
END_TEST

/* And waits among the spans, as many as there may be. */
START_TEST(what_the_heap_has_grown_by_is_marked) {
  enum { N = 20000 };
  static void *late[N];
  void **old = new_object(N * sizeof(void *));
  mark_from(old);
  size_t before = cgc_arena_bytes(&heap->arena);
  heap->pageheap.held = true;
  for (int i = 0; i < N; i++)
    old[i] = late[i] = new_object(4000);
  heap->pageheap.held = false;
  ck_assert_uint_gt(cgc_arena_bytes(&heap->arena), before);
  marker.queue.limit = 8;
  rescan(old, N * sizeof(void *));
  for (int i = 0; i < N; i++)
    ck_assert(is_marked(late[i]));
  ck_assert_uint_ge(marker.marked_objects, N);
}
END_TEST

START_TEST(only_what_was_written_of_a_large_object_is_read) {
  enum { BYTES = 1 << 20, WORDS = BYTES / sizeof(void *) };
  void **obj = new_object(BYTES), *in = new_object(40), *out = new_object(40);
  mark_from(obj);
  obj[WORDS / 2] = in;
  obj[10] = out;
  rescan(obj + WORDS / 2, 4096);
  ck_assert(is_marked(in) && !is_marked(out));
}
END_TEST

START_TEST(a_range_over_many_spans_is_read) {
  enum { N = 5000 };
  static void **obj[N];
  static void *late[N];
  void **all = new_object(N * sizeof(void *));
  for (int i = 0; i < N; i++) {
    all[i] = obj[i] = new_object(32 + (size_t)(i % 40) * 56);
    late[i] = new_object(24);
  }
  mark_from(all);
  for (int i = 0; i < N; i++)
    obj[i][1 + i % 3] = late[i];
  rescan((void *)heap->arena.base, cgc_arena_bytes(&heap->arena));
  for (int i = 0; i < N; i++)
    ck_assert(is_marked(late[i]));
}
END_TEST

int main(void) {
  Suite *suite = suite_create("rescan");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_test(core, a_pointer_written_later_is_found);
  tcase_add_test(core, what_is_dead_or_free_is_not_read);
  tcase_add_test(core, noscan_objects_are_not_read);
  tcase_add_test(core, an_object_born_black_is_read);
  tcase_add_test(core, what_the_heap_has_grown_by_is_marked);
  tcase_add_test(core, only_what_was_written_of_a_large_object_is_read);
  tcase_add_test(core, a_range_over_many_spans_is_read);
  suite_add_tcase(suite, core);
  return unit_run(suite);
}
