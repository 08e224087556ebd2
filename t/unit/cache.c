/* SPDX-License-Identifier: MIT */
#include "heap/cache.h"

#include "heap/walk.h"
#include "private.h"

#include <pthread.h>
#include <sched.h>

enum { CLASS = 10, MANY = 5000, THREADS = 4, SLOTS = 2000, STEPS = 100000 };

static struct cgc_heap *heap;
static struct cgc_cache *cache;

static void set_up(void) {
  heap = private_heap((size_t)512 << 20, 0);
  cache = private_cache(heap);
}

static void *slot(void) { return private_slot(cache, CGC_KIND_SCAN, CLASS); }

START_TEST(an_empty_bin_asks_for_a_refill) {
  bool stale;
  struct cgc_bin *bin = &cache->bin[CGC_KIND_SCAN][CLASS];
  ck_assert_ptr_null(cgc_cache_pop(bin, &stale));
  ck_assert(!cgc_cache_push(bin, 0, NULL));
  ck_assert(cgc_cache_refill(cache, CGC_KIND_SCAN, CLASS, false));
  ck_assert_ptr_nonnull(cgc_cache_pop(bin, &stale));
  ck_assert(!stale);
}
END_TEST

START_TEST(every_class_gives_aligned_slots_of_its_size) {
  for (unsigned class = 1; class <= CGC_CLASSES; class ++)
    for (int i = 0; i < 600; i++) {
      void *p = private_slot(cache, CGC_KIND_NOSCAN, class);
      struct cgc_object obj = private_object(heap, p);
      ck_assert_uint_eq(obj.addr, (uintptr_t)p);
      ck_assert_uint_eq(obj.size, cgc_size_classes[class].size);
      ck_assert_uint_eq(obj.addr % CGC_GRAIN, 0);
      ck_assert(cgc_object_is_live(&obj));
    }
  cgc_cache_check(cache);
}
END_TEST

START_TEST(a_slot_freed_without_a_list_is_free) {
  void *p[2] = {slot(), slot()};
  cgc_cache_publish(cache);
  int64_t before = (int64_t)cgc_heap_in_use(heap);
  for (int i = 0; i < 2; i++) {
    struct cgc_object obj = private_object(heap, p[i]);
    struct cgc_held held = {obj.addr, &obj.span->slots[obj.index]};
    cgc_cache_free_unheld(cache, CGC_KIND_SCAN, CLASS, held);
    ck_assert_uint_eq(*held.slot, CGC_SLOT_FREE);
    if (i == 0)
      cgc_cache_flush(cache); /* once from a CACHED span, once from PARTIAL */
  }
  cgc_cache_publish(cache);
  ck_assert_int_lt((int64_t)cgc_heap_in_use(heap), before);
  ck_assert_uint_eq(cgc_heap_in_use(heap), 0);
  cgc_heap_sweep_all(heap); /* of empty spans a few are kept */
  ck_assert_uint_eq(heap->pageheap.free_pages, cgc_arena_pages(&heap->arena));
  cgc_verify_heap(heap);
}
END_TEST

START_TEST(slots_do_not_overlap) {
  static int *slots[MANY];
  for (int i = 0; i < MANY; i++) {
    slots[i] = slot();
    for (size_t w = 0; w < cgc_size_classes[CLASS].size / sizeof(int); w++)
      slots[i][w] = i;
  }
  for (int i = 0; i < MANY; i++)
    for (size_t w = 0; w < cgc_size_classes[CLASS].size / sizeof(int); w++)
      ck_assert_int_eq(slots[i][w], i);
}
END_TEST

START_TEST(what_was_freed_last_comes_first) {
  void *a = slot(), *b = slot();
  private_free(cache, a);
  private_free(cache, b);
  cgc_cache_check(cache);
  ck_assert_ptr_eq(slot(), b);
  ck_assert_ptr_eq(slot(), a);
}
END_TEST

START_TEST(a_slot_served_again_is_stale) {
  bool stale;
  void *a = slot();
  private_free(cache, a);
  ck_assert_ptr_eq(cgc_cache_pop(&cache->bin[CGC_KIND_SCAN][CLASS], &stale), a);
  ck_assert(stale);
}
END_TEST

START_TEST(slots_of_a_span_used_before_are_stale) {
  bool stale;
  void *keep = slot();
  for (int i = 0; i < 10; i++)
    memset(slot(), 0xff, cgc_size_classes[CLASS].size);
  cgc_cache_flush(cache); /* the span comes back from central */
  struct cgc_bin *bin = &cache->bin[CGC_KIND_SCAN][CLASS];
  ck_assert(cgc_cache_refill(cache, CGC_KIND_SCAN, CLASS, false));
  char *p = cgc_cache_pop(bin, &stale);
  ck_assert_ptr_eq(private_object(heap, p).span,
                   private_object(heap, keep).span);
  ck_assert(stale);
}
END_TEST

/* What is said to be fresh is zero, whatever has been there. */
START_TEST(fresh_slots_are_zero) {
  static void *held[MANY];
  struct unit_random r = unit_random();
  struct cgc_bin *bin = &cache->bin[CGC_KIND_SCAN][CLASS];
  size_t size = cgc_size_classes[CLASS].size;
  for (int i = 0; i < 20 * MANY; i++) {
    size_t k = unit_below(&r, MANY);
    bool stale = true;
    if (held[k]) {
      private_free(cache, held[k]);
      held[k] = NULL;
      continue;
    }
    if (unit_below(&r, 5000) == 0)
      cgc_cache_flush(cache);
    char *p = cgc_cache_pop(bin, &stale);
    if (!p && cgc_cache_refill(cache, CGC_KIND_SCAN, CLASS, false))
      p = cgc_cache_pop(bin, &stale);
    for (size_t at = 0; !stale && at < size; at++)
      ck_assert_int_eq(p[at], 0);
    memset(p, 0xff, size);
    held[k] = p;
  }
}
END_TEST

/* All slots of a window at once, and not those in use between them. */
START_TEST(slots_are_cleared_with_their_window) {
  static char *used[MANY];
  bool stale;
  struct unit_random r = unit_random();
  struct cgc_bin *bin = &cache->bin[CGC_KIND_SCAN][CLASS];
  size_t size = cgc_size_classes[CLASS].size;
  for (int i = 0; i < MANY; i++)
    memset(used[i] = slot(), 0xff, size);
  for (int i = 0; i < MANY; i++)
    if (unit_below(&r, 3) == 0) {
      private_free(cache, used[i]);
      used[i] = NULL;
    }
  cgc_cache_flush(cache);
  for (int i = 0; i < MANY / 4; i++) {
    if (!bin->free)
      ck_assert(cgc_cache_refill(cache, CGC_KIND_SCAN, CLASS, true));
    char *p = cgc_cache_pop(bin, &stale);
    ck_assert(!stale);
    for (size_t at = 0; at < size; at++)
      ck_assert_int_eq(p[at], 0);
  }
  for (int i = 0; i < MANY; i++)
    for (size_t at = 0; used[i] && at < size; at++)
      ck_assert_int_eq(used[i][at], (char)0xff);
}
END_TEST

/* Use up all that the bin has. */
static void exhaust(struct cgc_bin *bin) {
  bool stale;
  do {
    while (cgc_cache_pop(bin, &stale))
      ;
  } while (cgc_cache_advance(cache, CGC_KIND_SCAN, CLASS, false));
}

START_TEST(who_comes_back_for_spans_gets_more_at_once) {
  static const int expected[] = {1, 2, 4, CGC_STOCK_MAX, CGC_STOCK_MAX};
  struct cgc_bin *bin = &cache->bin[CGC_KIND_SCAN][CLASS];
  struct cgc_stock *stock = &cache->stock[CGC_KIND_SCAN][CLASS];
  for (int i = 0; i < MANY; i++)
    slot();
  cgc_cache_flush(cache);
  cgc_heap_prepare_marks(heap);
  cgc_heap_flip(heap, 0); /* all of it is dead */
  for (int i = 0; i < 5; i++) {
    ck_assert(cgc_cache_refill(cache, CGC_KIND_SCAN, CLASS, false));
    ck_assert_uint_eq(stock->n, expected[i]);
    for (int k = 1; k < expected[i]; k++) {
      exhaust(bin);
      ck_assert(cgc_cache_refill(cache, CGC_KIND_SCAN, CLASS, false));
      cgc_cache_check(cache);
    }
    ck_assert_uint_eq(stock->begun, stock->n);
    exhaust(bin);
  }
  cgc_cache_flush(cache);
  ck_assert_uint_eq(stock->n, 0);
  ck_assert(cgc_cache_refill(cache, CGC_KIND_SCAN, CLASS, false));
  ck_assert_uint_eq(stock->n, 1);
  cgc_cache_flush(cache);
  cgc_verify_heap(heap);
}
END_TEST

START_TEST(a_full_list_of_held_slots_makes_room) {
  static void *slots[MANY];
  for (int i = 0; i < MANY; i++)
    slots[i] = slot();
  for (int i = 0; i < MANY; i++) {
    private_free(cache, slots[i]);
    if (i % 100 == 0)
      cgc_cache_check(cache);
  }
  struct cgc_bin *bin = &cache->bin[CGC_KIND_SCAN][CLASS];
  ck_assert(bin->top <= bin->end);
  cgc_verify_heap(heap);
}
END_TEST

START_TEST(flushing_all_leaves_an_empty_heap) {
  static void *slots[MANY];
  for (int i = 0; i < MANY; i++)
    slots[i] = private_slot(cache, CGC_KIND_SCAN, 1 + (unsigned)i % 60);
  for (int i = 0; i < MANY; i++)
    private_free(cache, slots[i]);
  cgc_cache_flush(cache);
  cgc_heap_sweep_all(heap); /* of empty spans a few are kept */
  ck_assert_uint_eq(heap->pageheap.free_pages, cgc_arena_pages(&heap->arena));
  ck_assert_uint_eq(cgc_heap_in_use(heap), 0);
  cgc_verify_heap(heap);
  cgc_cache_destroy(cache);
}
END_TEST

START_TEST(a_flushed_cache_serves_again) {
  void *a = slot();
  cgc_cache_flush(cache);
  cgc_cache_flush(cache);
  void *b = slot();
  ck_assert_ptr_ne(a, b);
  cgc_cache_check(cache);
  cgc_verify_heap(heap);
}
END_TEST

/* ---- Against a model: who holds which slot ---------------------------- */

static void count_object(const struct cgc_object *obj, void *ctx) {
  (void)obj;
  ++*(size_t *)ctx;
}

START_TEST(a_random_program_never_gets_a_slot_twice) {
  static int *held[SLOTS];
  struct unit_random r = unit_random();
  size_t nheld = 0, n = 0;
  for (int step = 0; step < STEPS; step++) {
    size_t k = unit_below(&r, SLOTS);
    if (held[k]) {
      ck_assert_int_eq(*held[k], (int)k);
      private_free(cache, held[k]);
      held[k] = NULL;
      nheld--;
    } else {
      held[k] = private_slot(cache, CGC_KIND_SCAN,
                             1 + (unsigned)unit_below(&r, CGC_CLASSES));
      *held[k] = (int)k;
      nheld++;
    }
    if (unit_below(&r, 3000) == 0)
      cgc_cache_flush(cache);
    if (step % 2000 == 0)
      cgc_cache_check(cache);
  }
  cgc_walk_objects(heap, count_object, &n);
  ck_assert_uint_eq(n, nheld);
  cgc_cache_flush(cache);
  cgc_verify_heap(heap);
}
END_TEST

/* ---- Threads ---------------------------------------------------------- */

static int *_Atomic shared[SLOTS]; /* objects on their way between threads */

/* Swaps its objects into the shared places and frees what it gets: so most
   are freed by another thread than allocated them. */
static void *trade(void *ctx) {
  struct unit_random r = {(uintptr_t)ctx * 2 + 1};
  struct cgc_cache *mine = private_cache(heap);
  for (int step = 0; step < STEPS; step++) {
    size_t k = unit_below(&r, SLOTS);
    unsigned class = 1 + (unsigned)unit_below(&r, 20);
    int *p = private_slot(mine, CGC_KIND_SCAN, class);
    size_t words = cgc_size_classes[class].size / sizeof *p;
    for (size_t w = 0; w < words; w++)
      p[w] = (int)k;
    p = atomic_exchange(&shared[k], p);
    if (!p)
      continue;
    words = private_object(heap, p).size / sizeof *p;
    for (size_t w = 0; w < words; w++)
      if (p[w] != (int)k)
        return "an object was written over";
    private_free(mine, p);
    if (unit_below(&r, 5000) == 0)
      cgc_cache_flush(mine);
  }
  cgc_cache_check(mine);
  cgc_cache_destroy(mine);
  return NULL;
}

START_TEST(threads_free_each_others_slots) {
  pthread_t threads[THREADS];
  void *error;
  size_t n = 0, nshared = 0;
  for (uintptr_t i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, trade, (void *)(i + 1));
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], &error);
    ck_assert_msg(!error, "%s", (char *)error);
  }
  cgc_verify_heap(heap);
  cgc_walk_objects(heap, count_object, &n);
  for (int i = 0; i < SLOTS; i++)
    if (shared[i]) {
      private_free(cache, shared[i]);
      nshared++;
    }
  ck_assert_uint_eq(n, nshared);
  cgc_cache_flush(cache);
  cgc_heap_sweep_all(heap); /* of empty spans a few are kept */
  ck_assert_uint_eq(heap->pageheap.free_pages, cgc_arena_pages(&heap->arena));
  ck_assert_uint_eq(cgc_heap_in_use(heap), 0);
}
END_TEST

int main(void) {
  Suite *s = suite_create("cache");
  TCase *core = tcase_create("core");
  TCase *model = tcase_create("model");
  TCase *concurrent = tcase_create("concurrent");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_test(core, an_empty_bin_asks_for_a_refill);
  tcase_add_test(core, every_class_gives_aligned_slots_of_its_size);
  tcase_add_test(core, a_slot_freed_without_a_list_is_free);
  tcase_add_test(core, slots_do_not_overlap);
  tcase_add_test(core, what_was_freed_last_comes_first);
  tcase_add_test(core, a_slot_served_again_is_stale);
  tcase_add_test(core, slots_of_a_span_used_before_are_stale);
  tcase_add_test(core, fresh_slots_are_zero);
  tcase_add_test(core, slots_are_cleared_with_their_window);
  tcase_add_test(core, who_comes_back_for_spans_gets_more_at_once);
  tcase_add_test(core, a_full_list_of_held_slots_makes_room);
  tcase_add_test(core, flushing_all_leaves_an_empty_heap);
  tcase_add_test(core, a_flushed_cache_serves_again);
  tcase_set_timeout(core, 30);
  tcase_add_checked_fixture(model, set_up, NULL);
  tcase_add_test(model, a_random_program_never_gets_a_slot_twice);
  tcase_set_timeout(model, 60);
  tcase_add_checked_fixture(concurrent, set_up, NULL);
  tcase_add_test(concurrent, threads_free_each_others_slots);
  tcase_set_timeout(concurrent, 60);
  suite_add_tcase(s, core);
  suite_add_tcase(s, model);
  suite_add_tcase(s, concurrent);
  return unit_run(s);
}
