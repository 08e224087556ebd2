/* SPDX-License-Identifier: MIT */
/* That what windows mark is what is reachable, is t/unit/drain's. */
#include "mark/window.h"

#include "private.h"

static struct cgc_heap *heap;
static struct cgc_cache *cache;
static struct cgc_marker m;
static struct cgc_pool pool; /* no front was wide */

static void set_up(void) {
  heap = private_heap((size_t)1 << 30, (size_t)64 << 20);
  cache = private_cache(heap);
  cgc_slot_map_open(&m.map, &heap->arena);
  m.queue.pool = &pool;
}

static struct cgc_window window_of(const void *p) {
  return cgc_window_of(&m.map, (uintptr_t)p);
}

/* Every slot of its window is of its span, and every word of marks has one. */
START_TEST(a_window_ends_with_its_word_of_marks_or_its_span) {
  for (unsigned class = 1; class <= CGC_CLASSES; class ++) {
    const struct cgc_size_class *c = &cgc_size_classes[class];
    char *p = private_alloc(cache, CGC_KIND_SCAN, c->size);
    const struct cgc_span *span = private_object(heap, p).span;
    uintptr_t end = span->base + ((uintptr_t)span->npages << CGC_PAGE_SHIFT);
    for (uint32_t i = 0; i < c->nslots; i++) {
      uintptr_t addr = cgc_span_slot_address(span, i);
      struct cgc_window w = cgc_window_of(&m.map, addr + c->size - 1);
      ck_assert_uint_eq(w.addr, addr);
      ck_assert_uint_eq(w.at, i % 64);
      ck_assert_uint_eq(w.scan.base, cgc_span_slot_address(span, i - i % 64));
      ck_assert_uint_eq(w.scan.base + w.scan.bytes,
                        cgc_min(w.scan.base + 64 * c->size, end));
      ck_assert_ptr_eq(w.word,
                       cgc_arena_mark_words(&heap->arena, span) + i / 64);
      ck_assert_uint_eq(w.row->size, c->size);
    }
  }
}
END_TEST

START_TEST(what_is_found_twice_is_to_be_scanned_once) {
  struct cgc_window w = window_of(private_alloc(cache, CGC_KIND_SCAN, 48));
  *w.word = 0xf0;
  cgc_window_read(&w);
  cgc_window_find(&w, 0x18);
  ck_assert_uint_eq(w.todo, 0x08);
  w.todo = 0;
  cgc_window_find(&w, 0x1c);
  ck_assert_uint_eq(w.todo, 0x04);
  ck_assert_uint_eq(*w.word, 0xf0);
}
END_TEST

/* What others marked meanwhile stays, and is theirs. */
START_TEST(each_object_is_counted_once) {
  struct cgc_window w = window_of(private_alloc(cache, CGC_KIND_SCAN, 48));
  unsigned class = w.row->tag & 127;
  for (int way = 0; way < 4; way++) {
    m.shared = way & 1;
    m.by_span = way >> 1;
    m.marked[class] = m.scanned_bytes = 0;
    *w.word = 0x100;
    w.word[w.row->lines] = 0;
    cgc_window_read(&w);
    cgc_window_find(&w, 0x10f);
    *w.word |= 0x203;
    ck_assert_uint_eq(cgc_window_publish(&m, &w), 4);
    ck_assert_uint_eq(*w.word, 0x30f);
    ck_assert_uint_eq(w.word[w.row->lines], m.by_span ? 0x0f : 0);
    ck_assert_uint_eq(m.marked[class], 2);
    ck_assert_uint_eq(m.scanned_bytes, 4 * 48);
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("window");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_test(core, a_window_ends_with_its_word_of_marks_or_its_span);
  tcase_add_test(core, what_is_found_twice_is_to_be_scanned_once);
  tcase_add_test(core, each_object_is_counted_once);
  suite_add_tcase(s, core);
  return unit_run(s);
}
