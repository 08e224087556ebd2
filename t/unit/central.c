/* SPDX-License-Identifier: MIT */
#include "heap/central.h"

#include "heap/sweep.h"
#include "private.h"

#include <pthread.h>

enum { CLASS = 20, SPANS = 8 };

static struct cgc_heap *heap;
static struct cgc_pageheap *ph;
static struct cgc_central *central;

static void set_up(void) {
  heap = private_heap((size_t)64 << 20, (size_t)64 << 20);
  ph = &heap->pageheap;
  central = &heap->central[CGC_KIND_SCAN][CLASS];
  cgc_central_init(central);
}

/* A span that the caller owns, its first NLIVE slots LIVE. */
static struct cgc_span *span_with(uint32_t nlive) {
  bool zeroed;
  size_t npages = cgc_size_classes[CLASS].npages;
  ptrdiff_t page = cgc_pageheap_alloc(ph, npages, 1, true, &zeroed);
  struct cgc_span *span =
      cgc_span_new(cgc_arena_page_address(&heap->arena, (size_t)page), npages,
                   CLASS, CGC_KIND_SCAN);
  cgc_arena_set(&heap->arena, span);
  memset(span->slots, CGC_SLOT_LIVE, nlive);
  return span;
}

static struct cgc_span *take(void) {
  struct cgc_span *span = NULL;
  cgc_central_take(central, ph, &span, 1);
  return span;
}

static void give(struct cgc_span *span) {
  cgc_central_give(central, ph, &span, 1);
}

static void check(void) { cgc_central_check(central, &heap->arena); }

static size_t used_pages(void) {
  return cgc_arena_pages(&heap->arena) - ph->free_pages;
}

static void mark_first(struct cgc_span *span, uint32_t n) {
  uint64_t *words = cgc_arena_mark_words(&heap->arena, span);
  cgc_sweep_prepare(&heap->arena, span);
  for (uint32_t i = 0; i < n; i++)
    words[i / 64] |= 1ULL << (i % 64);
}

START_TEST(an_empty_central_has_nothing) {
  ck_assert_ptr_null(take());
  check();
}
END_TEST

START_TEST(a_span_with_free_slots_comes_back) {
  struct cgc_span *span = span_with(1);
  give(span);
  ck_assert_uint_eq(span->where, CGC_SPAN_PARTIAL);
  check();
  ck_assert_ptr_eq(take(), span);
  ck_assert_uint_eq(span->where, CGC_SPAN_CACHED);
  ck_assert(span->needs_zero);
  ck_assert_ptr_null(take());
}
END_TEST

START_TEST(a_full_span_is_not_taken) {
  struct cgc_span *span = span_with(cgc_size_classes[CLASS].nslots);
  give(span);
  ck_assert_uint_eq(span->where, CGC_SPAN_FULL);
  check();
  ck_assert_ptr_null(take());
}
END_TEST

static size_t sweep_all(void) {
  size_t spans = SIZE_MAX;
  return cgc_central_sweep(central, ph, SIZE_MAX, &spans);
}

START_TEST(a_few_empty_spans_are_kept_and_taken_again) {
  struct cgc_span *span = span_with(0);
  give(span);
  ck_assert_uint_eq(span->where, CGC_SPAN_EMPTY);
  check();
  ck_assert_ptr_eq(take(), span);
  ck_assert(span->needs_zero);
  check();
}
END_TEST

START_TEST(many_empty_spans_go_to_the_page_heap) {
  struct cgc_span *spans[100];
  for (int i = 0; i < 100; i++)
    spans[i] = span_with(0);
  for (int i = 0; i < 100; i++)
    give(spans[i]);
  ck_assert_uint_gt(used_pages(), 0);
  ck_assert_uint_le(used_pages(), 10);
  check();
}
END_TEST

START_TEST(a_sweep_gives_back_the_empty_spans) {
  give(span_with(0));
  size_t n = used_pages();
  ck_assert_uint_eq(sweep_all(), n);
  ck_assert_uint_eq(used_pages(), 0);
  ck_assert_ptr_null(take());
  check();
}
END_TEST

static void free_slot(struct cgc_span *span, uint32_t i) {
  struct cgc_held held = {cgc_span_slot_address(span, i), &span->slots[i]};
  span->slots[i] = CGC_SLOT_HELD;
  cgc_central_free(central, ph, &held, 1);
}

START_TEST(freeing_makes_a_full_span_partial_and_then_empty) {
  uint32_t n = cgc_size_classes[CLASS].nslots;
  struct cgc_span *span = span_with(n);
  give(span);
  for (uint32_t i = 0; i < n - 1; i++) {
    free_slot(span, i);
    ck_assert_uint_eq(span->where, CGC_SPAN_PARTIAL);
    ck_assert_uint_eq(span->nfree, i + 1);
    check();
  }
  free_slot(span, n - 1);
  ck_assert_uint_eq(span->where, CGC_SPAN_EMPTY);
  check();
}
END_TEST

START_TEST(slots_of_a_cached_span_count_when_it_comes_back) {
  struct cgc_span *span = span_with(3);
  span->where = CGC_SPAN_CACHED;
  free_slot(span, 1);
  ck_assert_uint_eq(span->slots[1], CGC_SLOT_FREE);
  give(span);
  ck_assert_uint_eq(span->nfree, span->nslots - 2);
  check();
}
END_TEST

START_TEST(after_a_flip_spans_are_swept_before_they_are_taken) {
  struct cgc_span *spans[SPANS];
  uint32_t n = cgc_size_classes[CLASS].nslots;
  for (uint32_t i = 0; i < SPANS; i++) {
    spans[i] = span_with(n);
    give(spans[i]);
    mark_first(spans[i], i == 5 ? n - 3 : n); /* only one has dead slots */
  }
  cgc_central_flip(central);
  check();
  ck_assert_ptr_eq(take(), spans[5]);
  ck_assert_uint_eq(spans[5]->nfree, 3);
  check();
  ck_assert_ptr_null(take());
  for (uint32_t i = 0; i < SPANS; i++)
    if (i != 5)
      ck_assert_uint_eq(spans[i]->where, CGC_SPAN_FULL);
}
END_TEST

/* Many spans without a dead slot, and then one that has some. */
START_TEST(who_waits_for_a_slot_sweeps_some_spans_only) {
  enum { MANY = 1000 };
  struct cgc_span *last = NULL, *found = NULL;
  uint32_t n = cgc_size_classes[CLASS].nslots;
  for (uint32_t i = 0; i < MANY; i++) {
    last = span_with(n);
    give(last);
    mark_first(last, i == MANY - 1 ? n - 3 : n);
  }
  cgc_central_flip(central);
  ck_assert_ptr_null(take());
  ck_assert_uint_ge(cgc_list_length(&central->unswept), MANY / 2);
  for (uint32_t i = 0; i < MANY && !found; i++)
    found = take();
  ck_assert_ptr_eq(found, last);
  check();
}
END_TEST

START_TEST(spans_that_had_to_be_swept_are_taken_several_at_a_time) {
  struct cgc_span *spans[SPANS], *taken[SPANS];
  for (uint32_t i = 0; i < SPANS; i++) {
    give(spans[i] = span_with(cgc_size_classes[CLASS].nslots));
    mark_first(spans[i], 1);
  }
  cgc_central_flip(central);
  ck_assert_uint_eq(cgc_central_take(central, ph, taken, SPANS - 2), SPANS - 2);
  check();
  for (uint32_t i = 0; i < SPANS - 2; i++) {
    ck_assert_ptr_eq(taken[i], spans[i]);
    ck_assert_uint_eq(taken[i]->where, CGC_SPAN_CACHED);
  }
  cgc_central_give(central, ph, taken, SPANS - 2);
  check();
  ck_assert_uint_eq(cgc_list_length(&central->partial), SPANS - 2);
}
END_TEST

START_TEST(spans_that_threads_freed_slots_of_are_taken_one_by_one) {
  struct cgc_span *taken[2];
  for (int i = 0; i < 2; i++)
    give(span_with(1));
  ck_assert_uint_eq(cgc_central_take(central, ph, taken, 2), 1);
  check();
}
END_TEST

START_TEST(a_slot_freed_before_the_sweep_is_counted_once) {
  struct cgc_span *span = span_with(5);
  give(span);
  mark_first(span, 5);
  cgc_central_flip(central);
  free_slot(span, 2);
  size_t left = SPANS;
  cgc_central_sweep(central, ph, 1, &left);
  ck_assert_uint_eq(span->nfree, span->nslots - 4);
  ck_assert_uint_eq(left, SPANS - 1);
  check();
}
END_TEST

START_TEST(sweeping_gives_dead_spans_back) {
  struct cgc_span *spans[SPANS];
  for (uint32_t i = 0; i < SPANS; i++) {
    spans[i] = span_with(4);
    give(spans[i]);
    mark_first(spans[i], i % 2);
  }
  size_t npages = spans[0]->npages;
  size_t before = used_pages();
  cgc_central_flip(central);
  size_t left = 100;
  ck_assert_uint_eq(cgc_central_sweep(central, ph, SIZE_MAX, &left),
                    SPANS / 2 * npages);
  ck_assert_uint_eq(left, 100 - SPANS);
  ck_assert_uint_eq(used_pages(), before - SPANS / 2 * npages);
  check();
}
END_TEST

START_TEST(sweeping_stops_where_it_is_told) {
  for (uint32_t i = 0; i < SPANS; i++) {
    struct cgc_span *span = span_with(4);
    give(span);
    mark_first(span, 0);
  }
  cgc_central_flip(central);
  size_t npages = cgc_size_classes[CLASS].npages;
  size_t left = 3;
  ck_assert_uint_eq(cgc_central_sweep(central, ph, SIZE_MAX, &left),
                    3 * npages);
  left = 100;
  ck_assert_uint_eq(cgc_central_sweep(central, ph, 1, &left), npages);
  ck_assert_uint_eq(left, 99);
  check();
}
END_TEST

/* ---- Memory of spans that are partly used ------------------------------- */

static size_t thin(void) {
  size_t spans = SIZE_MAX;
  return cgc_central_thin(central, ph, &spans);
}

/* Whether a slot that is not free begins or ends in the OS page at PAGE. */
static bool is_used(const struct cgc_span *span, uintptr_t page) {
  for (uint32_t i = 0; i < span->nslots; i++) {
    uintptr_t slot = cgc_span_slot_address(span, i);
    if (span->slots[i] != CGC_SLOT_FREE && slot < page + CGC_OS_PAGE &&
        slot + span->slot_size > page)
      return true;
  }
  return false;
}

START_TEST(memory_without_a_slot_in_use_goes_back) {
  struct unit_random r = unit_random();
  size_t gone = 0, kept = 0, bytes = 0;
  for (int n = 0; n < 200; n++) {
    struct cgc_span *span = span_with(0);
    uintptr_t end = span->base + span->npages * CGC_PAGE;
    memset((void *)span->base, 0xff, end - span->base);
    span->slots[unit_below(&r, span->nslots)] = CGC_SLOT_LIVE;
    for (uint32_t i = 0; i < span->nslots; i++)
      if (unit_below(&r, 20) == 0)
        span->slots[i] = unit_below(&r, 2) ? CGC_SLOT_LIVE : CGC_SLOT_HELD;
    give(span);
    bytes += thin();
    for (uintptr_t page = span->base; page < end; page += CGC_OS_PAGE) {
      bool used = is_used(span, page);
      ck_assert_uint_eq(*(const char *)page != 0, used);
      ck_assert_uint_eq(*((const char *)page + CGC_OS_PAGE - 1) != 0, used);
      gone += !used;
      kept += used;
    }
    check();
  }
  ck_assert_uint_eq(bytes, gone * CGC_OS_PAGE);
  ck_assert_uint_gt(gone, 20);
  ck_assert_uint_gt(kept, 20);
  ck_assert_uint_eq(cgc_list_length(&central->lean), 200);
}
END_TEST

START_TEST(a_lean_span_is_taken_when_there_is_no_other) {
  struct cgc_span *span = span_with(2), *other = span_with(2);
  give(span);
  thin();
  ck_assert_uint_eq(span->where, CGC_SPAN_LEAN);
  ck_assert_uint_eq(thin(), 0); /* it has been */
  give(other);
  ck_assert_ptr_eq(take(), other);
  ck_assert_ptr_eq(take(), span);
  ck_assert_ptr_null(take());
  give(span);
  thin();
  free_slot(span, 0);
  ck_assert_uint_eq(span->where, CGC_SPAN_PARTIAL);
  check();
  thin();
  cgc_central_flip(central);
  check();
}
END_TEST

START_TEST(large_spans_are_swept_too) {
  bool zeroed;
  struct cgc_central *c = &heap->central[CGC_KIND_SCAN][CGC_CLASS_LARGE];
  struct cgc_span *spans[2];
  for (int i = 0; i < 2; i++) {
    spans[i] = cgc_heap_new_large(heap, 50000, 1, CGC_KIND_SCAN, &zeroed);
    mark_first(spans[i], (uint32_t)i);
  }
  cgc_central_flip(c);
  cgc_central_check(c, &heap->arena);
  size_t left = 9;
  ck_assert_uint_eq(cgc_central_sweep(c, ph, SIZE_MAX, &left),
                    cgc_pages(50000));
  cgc_central_check(c, &heap->arena);
  ck_assert_uint_eq(spans[1]->where, CGC_SPAN_LARGE);
  ck_assert_uint_eq(used_pages(), cgc_pages(50000));
}
END_TEST

/* ---- The first use --------------------------------------------------------
 */

enum { ROUNDS = 100, RACERS = 4 };

static pthread_barrier_t start;

/* All centrals of the heap, each for the first time, as the others do. */
static void *use_all(void *arg) {
  struct cgc_heap *h = arg;
  pthread_barrier_wait(&start);
  for (int kind = 0; kind < CGC_KIND_DESCRIBED; kind++)
    for (unsigned class = 1; class <= CGC_CLASSES; class ++)
      private_give_span(h, private_take_span(h, (enum cgc_kind)kind, class));
  return NULL;
}

/* What another thread sees that comes in the middle of the init. */
START_TEST(a_central_without_lists_is_not_ready) {
  static struct cgc_central half_made;
  half_made.lock.rank = CGC_RANK_CENTRAL;
  cgc_lock_register(&half_made.lock);
  ck_assert(!cgc_central_is_ready(&half_made));
  cgc_central_init(&half_made);
  ck_assert(cgc_central_is_ready(&half_made));
}
END_TEST

START_TEST(threads_may_meet_at_the_first_use) {
  pthread_t threads[RACERS];
  pthread_barrier_init(&start, NULL, RACERS);
  for (int round = 0; round < ROUNDS; round++) {
    struct cgc_heap *h = private_heap((size_t)32 << 20, 0);
    for (int i = 0; i < RACERS; i++)
      pthread_create(&threads[i], NULL, use_all, h);
    for (int i = 0; i < RACERS; i++)
      pthread_join(threads[i], NULL);
    cgc_verify_heap(h);
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("central");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_test(core, an_empty_central_has_nothing);
  tcase_add_test(core, a_span_with_free_slots_comes_back);
  tcase_add_test(core, a_full_span_is_not_taken);
  tcase_add_test(core, a_few_empty_spans_are_kept_and_taken_again);
  tcase_add_test(core, many_empty_spans_go_to_the_page_heap);
  tcase_add_test(core, a_sweep_gives_back_the_empty_spans);
  tcase_add_test(core, freeing_makes_a_full_span_partial_and_then_empty);
  tcase_add_test(core, slots_of_a_cached_span_count_when_it_comes_back);
  tcase_add_test(core, after_a_flip_spans_are_swept_before_they_are_taken);
  tcase_add_test(core, who_waits_for_a_slot_sweeps_some_spans_only);
  tcase_add_test(core, spans_that_had_to_be_swept_are_taken_several_at_a_time);
  tcase_add_test(core, spans_that_threads_freed_slots_of_are_taken_one_by_one);
  tcase_add_test(core, a_slot_freed_before_the_sweep_is_counted_once);
  tcase_add_test(core, sweeping_gives_dead_spans_back);
  tcase_add_test(core, sweeping_stops_where_it_is_told);
  tcase_add_test(core, memory_without_a_slot_in_use_goes_back);
  tcase_add_test(core, a_lean_span_is_taken_when_there_is_no_other);
  tcase_add_test(core, large_spans_are_swept_too);
  suite_add_tcase(s, core);
  TCase *concurrent = tcase_create("concurrent");
  tcase_add_test(concurrent, a_central_without_lists_is_not_ready);
  tcase_add_test(concurrent, threads_may_meet_at_the_first_use);
  suite_add_tcase(s, concurrent);
  return unit_run(s);
}
