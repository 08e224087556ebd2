/* SPDX-License-Identifier: MIT */
#include "cycle/trimmer.h"

#include "base/lock.h"
#include "os/thread.h"
#include "private.h"

enum { PIECES = 64, TURNS = 20, WAIT_NS = 10 * 1000 * 1000 };

static struct cgc_heap *heap;
static struct cgc_trimmer trimmer;

static void set_up(void) { heap = private_heap(CGC_GIB, CGC_MIB); }

static size_t dirty_pages(void) { return heap->pageheap.dirty_pages; }

/* 64 MiB in PIECES, written. */
static void fill(struct cgc_span **spans) {
  bool zeroed;
  for (int i = 0; i < PIECES; i++) {
    spans[i] = cgc_heap_new_large(heap, CGC_MIB, 1, CGC_KIND_NOSCAN, &zeroed);
    memset((void *)spans[i]->base, 1, CGC_MIB);
  }
}

static void wait_until_it_is_over(void) {
  _Atomic uint32_t never = 0;
  while (cgc_background_runs(&trimmer.background))
    cgc_thread_futex_wait(&never, 0, WAIT_NS);
}

START_TEST(what_was_freed_goes_back_while_nobody_does_anything) {
  struct cgc_span *spans[PIECES];
  fill(spans);
  for (int i = 0; i < PIECES; i++)
    cgc_heap_free_large(heap, spans[i]);
  ck_assert_uint_ge(dirty_pages(), PIECES * CGC_MIB / CGC_PAGE);
  ck_assert(heap->pageheap.excess);
  cgc_trimmer_start(&trimmer, heap);
  wait_until_it_is_over();
  if (cgc_lock_is_checked())
    return;
  ck_assert_uint_le(dirty_pages(), cgc_pages(CGC_MIB));
  ck_assert(!heap->pageheap.excess);
  cgc_verify_heap(heap);
}
END_TEST

START_TEST(garbage_is_swept_and_goes_back) {
  struct cgc_span *spans[PIECES];
  fill(spans);
  cgc_heap_prepare_marks(heap); /* nothing is marked */
  cgc_heap_flip(heap, 0);
  cgc_trimmer_start(&trimmer, heap);
  wait_until_it_is_over();
  if (cgc_lock_is_checked())
    return;
  ck_assert_uint_eq(heap->pageheap.free_pages, cgc_arena_pages(&heap->arena));
  ck_assert_uint_le(dirty_pages(), cgc_pages(CGC_MIB));
}
END_TEST

/* One slot of 4 KiB of each span stays. */
START_TEST(free_slots_between_others_go_back_when_the_program_rests) {
  enum { SLOTS = 2000 };
  static void *slots[SLOTS];
  unsigned class = cgc_sizeclass_of(CGC_OS_PAGE);
  struct cgc_cache *cache = private_cache(heap);
  struct cgc_central *central = &heap->central[CGC_KIND_SCAN][class];
  for (int i = 0; i < SLOTS; i++)
    slots[i] = private_slot(cache, CGC_KIND_SCAN, class);
  for (int i = 0; i < SLOTS; i++)
    if (i % 8 != 0)
      private_free(cache, slots[i]);
  cgc_cache_flush(cache);
  ck_assert(!cgc_list_empty(&central->partial));
  cgc_trimmer_start(&trimmer, heap);
  wait_until_it_is_over();
  if (cgc_lock_is_checked())
    return;
  ck_assert(cgc_list_empty(&central->partial));
  ck_assert(!cgc_list_empty(&central->lean));
  cgc_verify_heap(heap);
}
END_TEST

START_TEST(it_ends_at_once_when_it_is_asked_to) {
  struct cgc_span *spans[PIECES];
  uint64_t began = cgc_thread_now_ns();
  for (int turn = 0; turn < TURNS; turn++) {
    fill(spans);
    for (int i = 0; i < PIECES; i++)
      cgc_heap_free_large(heap, spans[i]);
    cgc_trimmer_start(&trimmer, heap);
    cgc_trimmer_end(&trimmer);
    cgc_trimmer_end(&trimmer);
    ck_assert(!cgc_background_runs(&trimmer.background));
    if (turn % 10 == 0)
      cgc_verify_heap(heap);
  }
  /* not a quarter of a second each */
  ck_assert_uint_lt(cgc_thread_now_ns() - began, TURNS * 200000000ULL);
}
END_TEST

int main(void) {
  Suite *s = suite_create("trimmer");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_test(core, what_was_freed_goes_back_while_nobody_does_anything);
  tcase_add_test(core, garbage_is_swept_and_goes_back);
  tcase_add_test(core,
                 free_slots_between_others_go_back_when_the_program_rests);
  tcase_add_test(core, it_ends_at_once_when_it_is_asked_to);
  tcase_set_timeout(core, 60);
  suite_add_tcase(s, core);
  return unit_run(s);
}
