/* SPDX-License-Identifier: MIT */
#include "heap/heap.h"

#include "heap/walk.h"
#include "private.h"

#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OBJECTS = 3000 };

static struct cgc_heap *heap;
static struct cgc_cache *cache;

static void set_up(void) {
  heap = private_heap((size_t)256 << 20, 0);
  cache = private_cache(heap);
}

static size_t used_pages(void) {
  return cgc_arena_pages(&heap->arena) - heap->pageheap.free_pages;
}

/* A cycle in which exactly the objects that KEEP holds survive. */
static void collect(void *const *keep, size_t n) {
  size_t live = 0;
  cgc_heap_sweep_all(heap);
  cgc_cache_flush(cache);
  cgc_heap_prepare_marks(heap);
  cgc_verify_prepared(heap);
  for (size_t i = 0; i < n; i++) {
    struct cgc_object obj = private_object(heap, keep[i]);
    private_mark(heap, &obj);
    live += obj.size;
  }
  cgc_heap_flip(heap, live);
  cgc_verify_heap(heap);
}

static void add_all_kinds(void) {
  for (int kind = CGC_KIND_DESCRIBED; kind < CGC_KIND_LIMIT; kind++)
    ck_assert_int_eq(cgc_heap_add_kind(heap), kind);
  ck_assert_int_eq(cgc_heap_add_kind(heap), -1);
  ck_assert_uint_eq(cgc_heap_kinds(heap), CGC_KIND_LIMIT);
}

START_TEST(a_span_of_each_class_and_kind) {
  add_all_kinds();
  for (int kind = 0; kind < CGC_KIND_LIMIT; kind++)
    for (unsigned class = 1; class <= CGC_CLASSES; class ++) {
      struct cgc_span *span =
          private_take_span(heap, (enum cgc_kind)kind, class);
      ck_assert_ptr_nonnull(span);
      ck_assert_uint_eq(span->class, class);
      ck_assert_uint_eq(span->kind, (unsigned)kind);
      ck_assert_uint_eq(span->where, CGC_SPAN_CACHED);
      ck_assert_uint_eq(span->nfree, span->nslots);
    }
  cgc_verify_heap(heap);
}
END_TEST

START_TEST(a_span_given_back_empty_leaves_nothing) {
  private_give_span(heap, private_take_span(heap, CGC_KIND_SCAN, 9));
  cgc_heap_sweep_all(heap);
  ck_assert_uint_eq(used_pages(), 0);
  cgc_verify_heap(heap);
}
END_TEST

START_TEST(large_objects_are_aligned_zero_and_counted) {
  bool zeroed;
  for (size_t align = 16; align <= (size_t)1 << 20; align *= 4) {
    struct cgc_span *span =
        cgc_heap_new_large(heap, 70000, align, CGC_KIND_NOSCAN, &zeroed);
    ck_assert_uint_eq(span->base % align, 0);
    ck_assert_uint_ge(span->slot_size, 70000);
    ck_assert(cgc_slot_is_live(span->slots[0]));
    ck_assert(zeroed);
    ck_assert_int_eq(((char *)span->base)[69999], 0);
  }
  cgc_verify_heap(heap);
  ck_assert_uint_eq(cgc_heap_in_use(heap), used_pages() << CGC_PAGE_SHIFT);
}
END_TEST

START_TEST(freed_large_objects_leave_nothing) {
  bool zeroed;
  struct cgc_span *span =
      cgc_heap_new_large(heap, 1 << 20, 1, CGC_KIND_SCAN, &zeroed);
  cgc_heap_free_large(heap, span);
  ck_assert_uint_eq(used_pages(), 0);
  ck_assert_uint_eq(cgc_heap_in_use(heap), 0);
  cgc_verify_heap(heap);
}
END_TEST

START_TEST(a_large_object_grows_and_shrinks_in_place) {
  bool zeroed;
  struct cgc_span *span =
      cgc_heap_new_large(heap, 10 * CGC_PAGE, 1, CGC_KIND_SCAN, &zeroed);
  uintptr_t base = span->base;
  ((char *)base)[10 * CGC_PAGE - 1] = 7;
  ck_assert(cgc_heap_resize_large(heap, span, 40 * CGC_PAGE));
  ck_assert_uint_eq(private_object(heap, (char *)base + 39 * CGC_PAGE).addr,
                    base);
  cgc_verify_heap(heap);
  ck_assert(cgc_heap_resize_large(heap, span, 10 * CGC_PAGE));
  ck_assert_int_eq(((char *)base)[10 * CGC_PAGE - 1], 7);
  ck_assert_uint_eq(used_pages(), 10);
  ck_assert_uint_eq(cgc_heap_in_use(heap), 10 * CGC_PAGE);
  struct cgc_object obj;
  ck_assert(!cgc_arena_find(&heap->arena, base + 10 * CGC_PAGE, &obj));
  cgc_verify_heap(heap);
}
END_TEST

START_TEST(a_large_object_does_not_grow_into_another) {
  bool zeroed;
  struct cgc_span *a =
      cgc_heap_new_large(heap, 10 * CGC_PAGE, 1, CGC_KIND_SCAN, &zeroed);
  struct cgc_span *b =
      cgc_heap_new_large(heap, 10 * CGC_PAGE, 1, CGC_KIND_SCAN, &zeroed);
  ck_assert_uint_eq(b->base, a->base + a->slot_size);
  ck_assert(!cgc_heap_resize_large(heap, a, 11 * CGC_PAGE));
  ck_assert_uint_eq(a->slot_size, 10 * CGC_PAGE);
  cgc_verify_heap(heap);
}
END_TEST

START_TEST(a_cycle_keeps_the_marked_and_reclaims_the_rest) {
  static void *objects[OBJECTS];
  struct unit_random r = unit_random();
  for (int round = 0; round < 10; round++) {
    void *keep[OBJECTS];
    size_t n = 0;
    for (int i = 0; i < OBJECTS; i++)
      if (!objects[i]) {
        size_t size = unit_below(&r, 10) ? 1 + unit_below(&r, 2000)
                                         : 1 + unit_below(&r, 80000);
        objects[i] = private_alloc(cache, CGC_KIND_SCAN, size);
        *(int *)objects[i] = i;
      }
    for (int i = 0; i < OBJECTS; i++)
      if (unit_below(&r, 2))
        keep[n++] = objects[i];
      else
        objects[i] = NULL;
    collect(keep, n);
    cgc_heap_sweep_all(heap);
    cgc_verify_heap(heap);
    for (int i = 0; i < OBJECTS; i++)
      if (objects[i]) {
        struct cgc_object obj = private_object(heap, objects[i]);
        ck_assert(cgc_object_is_live(&obj));
        ck_assert_int_eq(*(int *)objects[i], i);
      }
  }
  collect(NULL, 0);
  cgc_heap_sweep_all(heap);
  ck_assert_uint_eq(used_pages(), 0);
  ck_assert_uint_eq(cgc_heap_in_use(heap), 0);
}
END_TEST

START_TEST(every_kind_is_flushed_swept_and_checked) {
  void *keep[CGC_KIND_LIMIT * 2];
  size_t n = 0;
  add_all_kinds();
  for (int kind = 0; kind < CGC_KIND_LIMIT; kind++)
    if (!cgc_kind_is_pinned((enum cgc_kind)kind))
      for (size_t size = 100; size <= 100000; size *= 1000) {
        private_alloc(cache, (enum cgc_kind)kind, size);
        keep[n++] = private_alloc(cache, (enum cgc_kind)kind, size);
      }
  collect(keep, n);
  cgc_heap_sweep_all(heap);
  cgc_verify_heap(heap);
  for (size_t i = 0; i < n; i++) {
    struct cgc_object obj = private_object(heap, keep[i]);
    ck_assert(cgc_object_is_live(&obj));
  }
  collect(NULL, 0);
  cgc_heap_sweep_all(heap);
  ck_assert_uint_eq(used_pages(), 0);
}
END_TEST

START_TEST(what_is_in_use_is_what_stands_there) {
  struct unit_random r = unit_random();
  size_t bytes = 0;
  for (int i = 0; i < OBJECTS; i++) {
    size_t size = 1 + unit_below(&r, 50000);
    bytes +=
        private_object(heap, private_alloc(cache, CGC_KIND_SCAN, size)).size;
  }
  cgc_cache_flush(cache);
  ck_assert_uint_eq(cgc_heap_in_use(heap), bytes);
}
END_TEST

START_TEST(a_dead_heap_is_used_again_before_it_grows) {
  for (int i = 0; i < OBJECTS; i++)
    private_alloc(cache, CGC_KIND_SCAN, 1000);
  collect(NULL, 0);
  size_t before = heap->pageheap.used_end;
  ck_assert_uint_lt(before, cgc_arena_pages(&heap->arena));
  for (int i = 0; i < OBJECTS; i++)
    private_alloc(cache, CGC_KIND_NOSCAN, 700); /* another class and kind */
  ck_assert_uint_eq(heap->pageheap.used_end, before);
}
END_TEST

/* Small objects that live are swept first, and bring nothing. */
START_TEST(dead_large_objects_are_used_again_before_it_grows) {
  enum { LARGE = 200, BYTES = 100000 };
  static void *keep[OBJECTS];
  for (int i = 0; i < OBJECTS; i++) {
    keep[i] = private_alloc(cache, CGC_KIND_NOSCAN, CGC_PAGE / 2);
    if (i < LARGE)
      private_alloc(cache, CGC_KIND_SCAN, BYTES);
  }
  collect(keep, OBJECTS);
  size_t pages = heap->pageheap.used_end;
  for (int i = 0; i < LARGE; i++)
    private_alloc(cache, CGC_KIND_SCAN, BYTES);
  ck_assert_uint_eq(heap->pageheap.used_end, pages);
  cgc_verify_heap(heap);
}
END_TEST

START_TEST(a_full_heap_gives_null_and_serves_again_after_a_free) {
  size_t n = 0;
  void *last = NULL, *obj;
  while ((obj = private_alloc(cache, CGC_KIND_SCAN, 1 << 20))) {
    last = obj;
    n++;
  }
  ck_assert_uint_ge(n, 200);
  cgc_verify_heap(heap);
  private_free(cache, last);
  ck_assert_ptr_nonnull(private_alloc(cache, CGC_KIND_SCAN, 1 << 20));
  while (private_alloc(cache, CGC_KIND_SCAN, 16))
    ;
  cgc_verify_heap(heap);
}
END_TEST

/* ---- Held ---------------------------------------------------------------- */

/* One dead slot at the far end of a heap that cannot grow. */
START_TEST(a_full_heap_is_swept_to_its_end_for_a_slot) {
  static void *keep[300000];
  size_t n = 0;
  void *obj;
  while ((obj = private_slot(cache, CGC_KIND_SCAN, cgc_sizeclass_of(1024))))
    keep[n++] = obj;
  ck_assert_uint_gt(n, 100000);
  collect(keep, n - 1);
  ck_assert_ptr_eq(private_slot(cache, CGC_KIND_SCAN, cgc_sizeclass_of(1024)),
                   keep[n - 1]);
}
END_TEST

START_TEST(while_held_no_page_loses_its_span) {
  bool zeroed;
  void *small[OBJECTS];
  struct cgc_span *large =
      cgc_heap_new_large(heap, 300000, 1, CGC_KIND_SCAN, &zeroed);
  for (int i = 0; i < OBJECTS; i++)
    small[i] = private_alloc(cache, CGC_KIND_SCAN, 200);
  size_t before = used_pages();
  cgc_heap_hold(heap);
  *(char *)large->base = 1;
  cgc_heap_free_large(heap, large);
  for (int i = 0; i < OBJECTS; i++)
    private_free(cache, small[i]);
  cgc_cache_flush(cache);
  ck_assert_uint_eq(used_pages(), before);
  ck_assert_int_eq(*(char *)large->base, 0); /* its memory is given back */
  cgc_verify_heap(heap);
  cgc_heap_release(heap);
  cgc_verify_heap(heap);
  collect(NULL, 0);
  cgc_heap_sweep_all(heap);
  ck_assert_uint_eq(used_pages(), 0);
}
END_TEST

START_TEST(while_held_large_objects_keep_their_size) {
  bool zeroed;
  struct cgc_span *span =
      cgc_heap_new_large(heap, 300000, 1, CGC_KIND_SCAN, &zeroed);
  size_t size = span->slot_size;
  cgc_heap_hold(heap);
  ck_assert(!cgc_heap_resize_large(heap, span, 400000));
  ck_assert(cgc_heap_resize_large(heap, span, 100000));
  ck_assert_uint_eq(span->slot_size, size);
  cgc_heap_release(heap);
  ck_assert(cgc_heap_resize_large(heap, span, 400000));
  cgc_verify_heap(heap);
}
END_TEST

/* ---- read from outside --------------------------------------------------- */

enum { SEEN_PAGES = 128 };

static void read_child(pid_t pid, const void *from, void *to, size_t n) {
  struct iovec local = {to, n}, remote = {(void *)from, n};
  ck_assert_int_eq(process_vm_readv(pid, &local, 1, &remote, 1, 0), n);
}

/* Span I5, of the child as it stands. */
static void look_from_outside(pid_t pid) {
  uint32_t desc[SEEN_PAGES];
  struct cgc_span *spans[SEEN_PAGES], span;
  read_child(pid, heap->arena.desc, desc, sizeof desc);
  read_child(pid, heap->arena.spans, spans, sizeof spans);
  for (size_t page = 0; page < SEEN_PAGES; page++) {
    if (!desc[page])
      continue;
    read_child(pid, spans[page], &span, sizeof span);
    size_t first = cgc_arena_page_of(&heap->arena, span.base);
    bool agrees = span.class == cgc_desc_class(desc[page]) &&
                  span.slot_size * span.nslots <= (size_t)span.npages
                                                      << CGC_PAGE_SHIFT &&
                  first <= page && page < first + span.npages;
    for (size_t i = first; agrees && i < first + span.npages; i++)
      agrees = desc[i] != 0;
    ck_assert_msg(agrees || span.changing, "page %zu", page);
  }
}

static void change_spans(void) {
  bool zeroed;
  struct cgc_span *small = private_take_span(heap, CGC_KIND_SCAN, CGC_CLASSES);
  struct cgc_span *large =
      cgc_heap_new_large(heap, 200000, 1, CGC_KIND_SCAN, &zeroed);
  cgc_heap_resize_large(heap, large, 400000);
  cgc_heap_resize_large(heap, large, 100000);
  cgc_heap_free_large(heap, large);
  private_give_span(heap, small);
}

START_TEST(at_every_instruction_a_span_is_whole_or_says_that_it_changes) {
  bool zeroed;
  int status;
  cgc_heap_new_large(heap, 10000, 1, CGC_KIND_SCAN, &zeroed);
  change_spans(); /* so that the tables are there */
  pid_t pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    change_spans();
    _exit(0);
  }
  while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
    look_from_outside(pid);
    ck_assert_int_eq(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
  }
  ck_assert(WIFEXITED(status));
}
END_TEST

int main(void) {
  Suite *s = suite_create("heap");
  TCase *core = tcase_create("core");
  TCase *cycles = tcase_create("cycles");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_test(core, a_span_of_each_class_and_kind);
  tcase_add_test(core, a_span_given_back_empty_leaves_nothing);
  tcase_add_test(core, large_objects_are_aligned_zero_and_counted);
  tcase_add_test(core, freed_large_objects_leave_nothing);
  tcase_add_test(core, a_large_object_grows_and_shrinks_in_place);
  tcase_add_test(core, a_large_object_does_not_grow_into_another);
  tcase_add_test(core, a_full_heap_is_swept_to_its_end_for_a_slot);
  tcase_add_test(core, while_held_no_page_loses_its_span);
  tcase_add_test(core, while_held_large_objects_keep_their_size);
  tcase_add_test(core,
                 at_every_instruction_a_span_is_whole_or_says_that_it_changes);
  tcase_add_checked_fixture(cycles, set_up, NULL);
  tcase_add_test(cycles, a_cycle_keeps_the_marked_and_reclaims_the_rest);
  tcase_add_test(cycles, every_kind_is_flushed_swept_and_checked);
  tcase_add_test(cycles, what_is_in_use_is_what_stands_there);
  tcase_add_test(cycles, a_dead_heap_is_used_again_before_it_grows);
  tcase_add_test(cycles, dead_large_objects_are_used_again_before_it_grows);
  tcase_add_test(cycles, a_full_heap_gives_null_and_serves_again_after_a_free);
  tcase_set_timeout(cycles, 60);
  suite_add_tcase(s, core);
  suite_add_tcase(s, cycles);
  return unit_run(s);
}
