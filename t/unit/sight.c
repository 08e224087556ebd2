/* SPDX-License-Identifier: MIT */
/* That a drain follows what is seen is t/unit/drain's. */
#include "mark/sight.h"

#include "mark/displacement.h"
#include "mark/marker.h"
#include "private.h"

enum { WORDS = CGC_SCAN_WORDS };

static struct cgc_heap *heap;
static struct cgc_cache *cache;
static struct cgc_pool pool;
static struct cgc_marker m;
static uintptr_t obj;

static const struct cgc_sight addresses = {.way = CGC_SIGHT_ADDRESSES,
                                           .hits = cgc_scan_words_plain};
static const struct cgc_sight careful = {.way = CGC_SIGHT_CAREFUL,
                                         .hits = cgc_scan_words_plain};
static const struct cgc_sight strict = {.way = CGC_SIGHT_STRICT,
                                        .hits = cgc_scan_words_plain};
static const struct cgc_sight thorough = {.way = CGC_SIGHT_THOROUGH,
                                          .hits = cgc_scan_places_plain,
                                          .distances =
                                              cgc_scan_distances_plain};

static void set_up(void) {
  heap = private_heap((size_t)1 << 30, (size_t)64 << 20);
  cache = private_cache(heap);
  obj = (uintptr_t)private_alloc(cache, CGC_KIND_SCAN, 64);
  cgc_cache_flush(cache);
  cgc_heap_prepare_marks(heap);
  cgc_pool_open(&pool, &heap->arena, 1);
  cgc_marker_open(&m, heap, &pool);
}

static size_t collect(const uintptr_t *words, uintptr_t *found,
                      struct cgc_sight look) {
  struct cgc_sight_group g =
      cgc_sight_look(&m, &m.range, words, WORDS, 0, true, look);
  return (size_t)(cgc_sight_collect(&m, &g, found, look) - found);
}

START_TEST(words_of_the_heap_are_collected_in_order) {
  uintptr_t words[WORDS] = {0, obj, 1, obj + 8, 2, 3, 4, obj + 63};
  uintptr_t found[CGC_SIGHT_HITS];
  ck_assert_uint_eq(collect(words, found, addresses), 3);
  ck_assert_uint_eq(found[0], obj);
  ck_assert_uint_eq(found[1], obj + 8);
  ck_assert_uint_eq(found[2], obj + 63);
  ck_assert_uint_eq(collect(words, found, careful), 3);
}
END_TEST

START_TEST(a_word_that_changed_meanwhile_is_left_out) {
  uintptr_t words[WORDS] = {obj, obj};
  uintptr_t found[CGC_SIGHT_HITS];
  struct cgc_sight_group g =
      cgc_sight_look(&m, &m.range, words, WORDS, 0, true, careful);
  words[0] = 1;
  ck_assert_ptr_eq(cgc_sight_collect(&m, &g, found, careful), found + 1);
}
END_TEST

START_TEST(a_byte_that_does_not_count_is_left_out) {
  uintptr_t words[WORDS] = {obj, obj + 8, obj + 16};
  uintptr_t found[CGC_SIGHT_HITS];
  cgc_displacement_set_all(false);
  cgc_displacement_allow(16);
  m.strict = true;
  ck_assert_uint_eq(collect(words, found, strict), 2);
  ck_assert_uint_eq(found[1], obj + 16);
  ck_assert_uint_eq(collect(words, found, thorough), 2);
  ck_assert_uint_eq(collect(words, found, addresses), 3);
}
END_TEST

/* Most places of a packed array: none is lost, and there is room for all. */
START_TEST(packed_words_are_collected_at_every_fourth_byte) {
  char bytes[WORDS * sizeof(uintptr_t)] = {0};
  uintptr_t found[CGC_SIGHT_HITS];
  m.places = 0xffff;
  for (size_t at = 0; at + sizeof obj <= sizeof bytes; at += 4) {
    uintptr_t words[WORDS];
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes + at, &obj, sizeof obj);
    memcpy(words, bytes, sizeof words);
    ck_assert_uint_eq(collect(words, found, thorough), 1);
    ck_assert_uint_eq(found[0], obj);
  }
}
END_TEST

START_TEST(distances_are_no_words) {
  uintptr_t words[WORDS] = {obj, 1024};
  uintptr_t found[CGC_SIGHT_HITS];
  m.relative = true;
  m.places = 0xaaaa;
  struct cgc_sight_group g =
      cgc_sight_look(&m, &m.range, words, WORDS, obj, false, thorough);
  ck_assert_uint_eq(g.distant, 2);
  ck_assert_ptr_eq(cgc_sight_collect(&m, &g, found, thorough), found + 1);
  cgc_sight_leave_out(&g, 1, thorough);
  ck_assert_uint_eq(g.hits, 0);
}
END_TEST

int main(void) {
  Suite *s = suite_create("sight");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_test(core, words_of_the_heap_are_collected_in_order);
  tcase_add_test(core, a_word_that_changed_meanwhile_is_left_out);
  tcase_add_test(core, a_byte_that_does_not_count_is_left_out);
  tcase_add_test(core, packed_words_are_collected_at_every_fourth_byte);
  tcase_add_test(core, distances_are_no_words);
  suite_add_tcase(s, core);
  return unit_run(s);
}
