/* SPDX-License-Identifier: MIT */
#include "heap/walk.h"

#include "private.h"

enum { OBJECTS = 4000 };

static struct cgc_heap *heap;
static struct cgc_cache *cache;

static void set_up(void) {
  heap = private_heap((size_t)256 << 20, 0);
  cache = private_cache(heap);
}

struct seen {
  uintptr_t addrs[OBJECTS];
  size_t n;
};

static void see(const struct cgc_object *obj, void *ctx) {
  struct seen *seen = ctx;
  struct cgc_object found = private_object(heap, (void *)obj->addr);
  ck_assert_uint_eq(found.addr, obj->addr);
  ck_assert_uint_eq(found.size, obj->size);
  ck_assert_uint_eq(found.index, obj->index);
  ck_assert_ptr_eq(found.span, obj->span);
  ck_assert(cgc_object_is_live(obj));
  ck_assert_uint_lt(seen->n, OBJECTS);
  seen->addrs[seen->n++] = obj->addr;
}

static int by_address(const void *a, const void *b) {
  uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;
  return (x > y) - (x < y);
}

START_TEST(an_empty_heap_has_no_objects) {
  static struct seen seen;
  cgc_walk_objects(heap, see, &seen);
  ck_assert_uint_eq(seen.n, 0);
}
END_TEST

START_TEST(every_live_object_is_seen_once_in_address_order) {
  static struct seen seen;
  static uintptr_t expected[OBJECTS];
  struct unit_random r = unit_random();
  size_t n = 0;
  for (int i = 0; i < OBJECTS; i++) {
    size_t size = unit_below(&r, 20) ? 1 + unit_below(&r, 3000)
                                     : 1 + unit_below(&r, 100000);
    enum cgc_kind kind = (enum cgc_kind)unit_below(&r, CGC_KINDS);
    void *obj = private_alloc(cache, kind, size);
    if (unit_below(&r, 3) == 0)
      private_free(cache, obj); /* HELD or gone: not live */
    else
      expected[n++] = (uintptr_t)obj;
  }
  /* A slot that was held may have been served again. */
  qsort(expected, n, sizeof *expected, by_address);
  cgc_walk_objects(heap, see, &seen);
  ck_assert_uint_eq(seen.n, n);
  ck_assert_mem_eq(seen.addrs, expected, n * sizeof *expected);
}
END_TEST

static void kill_object(const struct cgc_object *obj, void *ctx) {
  ++*(size_t *)ctx;
  obj->span->slots[obj->index] = CGC_SLOT_FREE;
}

START_TEST(the_function_may_change_the_object) {
  size_t n = 0;
  for (int i = 0; i < OBJECTS; i++)
    private_alloc(cache, CGC_KIND_SCAN, 100);
  cgc_walk_objects(heap, kill_object, &n);
  ck_assert_uint_eq(n, OBJECTS);
  n = 0;
  cgc_walk_objects(heap, kill_object, &n);
  ck_assert_uint_eq(n, 0);
}
END_TEST

int main(void) {
  Suite *s = suite_create("walk");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_test(core, an_empty_heap_has_no_objects);
  tcase_add_test(core, every_live_object_is_seen_once_in_address_order);
  tcase_add_test(core, the_function_may_change_the_object);
  suite_add_tcase(s, core);
  return unit_run(s);
}
