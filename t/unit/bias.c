/* SPDX-License-Identifier: MIT */
/* mark/bias: blocks that are known by where they would begin. */
#include "mark/bias.h"

#include "mark/worker.h"
#include "private.h"

enum { NLARGE = 200 };

static struct cgc_heap *heap;
static struct cgc_cache *cache;
static struct cgc_workers workers;

static void set_up(void) {
  heap = private_process_heap();
  cache = private_cache(heap);
  cgc_check(cgc_workers_init(&workers, 1));
}

static void collect(const uintptr_t *words, size_t n) {
  cgc_cache_flush(cache);
  cgc_heap_prepare_marks(heap);
  struct cgc_marker *m = cgc_workers_open(&workers, heap, 0);
  ck_assert_int_eq(cgc_bias_open(heap), 0);
  cgc_bias_scan(m, (uintptr_t)words, (uintptr_t)(words + n));
  cgc_workers_finish(&workers);
}

static bool is_marked(const void *p) {
  struct cgc_object obj = private_object(heap, p);
  return cgc_object_is_marked(&heap->arena, &obj);
}

/* The word between two others, and these in the midst of the data. */
static bool keeps_among(const void *block, uintptr_t before, uintptr_t word,
                        uintptr_t after) {
  uintptr_t words[] = {0, before, word, after, 0};
  collect(words, 5);
  return is_marked(block);
}

static bool keeps(const void *block, uintptr_t word) {
  return keeps_among(block, 0, word, 0);
}

/* All lengths that end up in the class, with the byte behind them. */
START_TEST(a_small_block_is_kept_by_its_address_less_its_length) {
  unsigned class = (unsigned)_i;
  uint32_t size = cgc_size_classes[class].size;
  uint32_t least = cgc_size_classes[class - 1].size;
  private_alloc(cache, CGC_KIND_SCAN, size);
  uintptr_t block = (uintptr_t)private_alloc(cache, CGC_KIND_SCAN, size);
  for (uint32_t length = least ? least : 1; length < size; length++)
    ck_assert(keeps((void *)block, block - length));
  ck_assert(!keeps((void *)block, block - size - 1));
  ck_assert(least == 0 || !keeps((void *)block, block - least + 1));
}
END_TEST

/* It is the address of the block before it. */
START_TEST(another_blocks_address_keeps_it_in_a_table_only) {
  unsigned class = (unsigned)_i;
  uint32_t size = cgc_size_classes[class].size;
  private_alloc(cache, CGC_KIND_SCAN, size);
  uintptr_t block = (uintptr_t)private_alloc(cache, CGC_KIND_SCAN, size);
  uintptr_t twice = (uintptr_t)private_alloc(cache, CGC_KIND_SCAN, 2 * size);
  uintptr_t half = (uintptr_t)private_alloc(cache, CGC_KIND_SCAN, size / 2);
  void *b = (void *)block;
  ck_assert(!keeps(b, block - size));
  ck_assert(!keeps_among(b, block - size, block - size, block - size));
  ck_assert(keeps_among(b, half - size / 2, block - size, 0));
  ck_assert(keeps_among(b, 0, block - size, twice - 2 * size));
}
END_TEST

START_TEST(so_is_a_large_one) {
  size_t pages = (size_t)_i + 1 + CGC_SMALL_MAX / CGC_PAGE;
  size_t size = pages * CGC_PAGE, least = size - CGC_PAGE;
  uintptr_t block = (uintptr_t)private_alloc(cache, CGC_KIND_SCAN, size);
  for (size_t length = least; length <= size; length += 8)
    ck_assert(keeps((void *)block, block - length));
  ck_assert(!keeps((void *)block, block - size - 1));
  ck_assert(!keeps((void *)block, block - least + 1));
}
END_TEST

/* The first blocks are kept by words below the arena. */
START_TEST(many_large_ones_are_told_apart) {
  void *blocks[NLARGE];
  uintptr_t words[NLARGE];
  for (size_t i = 0; i < NLARGE; i++) {
    size_t size = CGC_SMALL_MAX + (1 + i * 7 % 50) * CGC_PAGE;
    blocks[i] = private_alloc(cache, CGC_KIND_SCAN, size);
    words[i] = (uintptr_t)blocks[i] - size + 8;
  }
  collect(words, NLARGE);
  for (size_t i = 0; i < NLARGE; i++)
    ck_assert(is_marked(blocks[i]));
  collect(words, NLARGE / 2);
  size_t nkept = 0;
  for (size_t i = 0; i < NLARGE; i++)
    nkept += is_marked(blocks[i]);
  ck_assert_uint_ge(nkept, NLARGE / 2);
  ck_assert_uint_lt(nkept, NLARGE);
}
END_TEST

START_TEST(what_hangs_on_a_kept_block_is_marked) {
  void **block = private_alloc(cache, CGC_KIND_SCAN, 1024);
  void *other = private_alloc(cache, CGC_KIND_SCAN, 48);
  block[127] = other;
  ck_assert(keeps(other, (uintptr_t)block - 1016));
}
END_TEST

int main(void) {
  Suite *s = suite_create("bias");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_loop_test(core,
                      a_small_block_is_kept_by_its_address_less_its_length, 1,
                      CGC_CLASSES + 1);
  tcase_add_loop_test(core, another_blocks_address_keeps_it_in_a_table_only, 2,
                      65);
  tcase_add_loop_test(core, so_is_a_large_one, 0, 3);
  tcase_add_test(core, many_large_ones_are_told_apart);
  tcase_add_test(core, what_hangs_on_a_kept_block_is_marked);
  suite_add_tcase(s, core);
  return unit_run(s);
}
