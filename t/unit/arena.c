/* SPDX-License-Identifier: MIT */
#include "heap/arena.h"

#include "base/option.h"
#include "os/page.h"
#include "unit.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MANY_PAGES = 4 * CGC_ARENA_STEP };

static struct cgc_arena arena;

static void set_up(void) {
  cgc_sizeclass_init();
  ck_assert(cgc_arena_init(&arena, (size_t)64 << 20));
  ck_assert(cgc_arena_grow(&arena, MANY_PAGES));
}

static struct cgc_span *enter(size_t page, unsigned class, size_t npages) {
  if (class != CGC_CLASS_LARGE)
    npages = cgc_size_classes[class].npages;
  struct cgc_span *span = cgc_span_new(cgc_arena_page_address(&arena, page),
                                       npages, class, CGC_KIND_SCAN);
  cgc_arena_set(&arena, span);
  cgc_arena_check_span(&arena, span);
  return span;
}

START_TEST(a_word_outside_is_no_pointer) {
  struct cgc_object obj;
  enter(0, 1, 0);
  ck_assert(!cgc_arena_find(&arena, arena.base - 1, &obj));
  ck_assert(!cgc_arena_find(&arena, 0, &obj));
  ck_assert(!cgc_arena_find(&arena, UINTPTR_MAX, &obj));
  uintptr_t end = arena.base + cgc_arena_bytes(&arena);
  ck_assert(!cgc_arena_find(&arena, end, &obj));
  ck_assert(!cgc_arena_find(&arena, end - 1, &obj)); /* a free page */
  ck_assert(cgc_arena_find(&arena, arena.base, &obj));
}
END_TEST

/* Every byte of the span against division by the slot's size. */
static void check_all_words(const struct cgc_span *span) {
  size_t bytes = (size_t)span->npages << CGC_PAGE_SHIFT;
  struct cgc_object obj;
  for (size_t offset = 0; offset < bytes; offset++) {
    size_t index = offset / span->slot_size;
    bool found = cgc_arena_find(&arena, span->base + offset, &obj);
    if (found != (index < span->nslots))
      ck_abort_msg("class %u offset %zu", span->class, offset);
    if (found && (obj.span != span || obj.index != index ||
                  obj.size != span->slot_size ||
                  obj.addr != span->base + index * span->slot_size))
      ck_abort_msg("class %u offset %zu", span->class, offset);
  }
}

START_TEST(every_byte_of_every_class_finds_its_slot) {
  for (unsigned class = 1; class <= CGC_CLASSES; class ++) {
    struct cgc_span *span = enter(7, class, 0);
    check_all_words(span);
    cgc_arena_clear(&arena, span);
    cgc_span_delete(span);
  }
}
END_TEST

START_TEST(every_byte_of_a_large_object_finds_it) {
  struct cgc_span *span = enter(3, CGC_CLASS_LARGE, 40);
  check_all_words(span);
  struct cgc_object obj;
  ck_assert(!cgc_arena_find(&arena, span->base - 1, &obj));
  ck_assert(!cgc_arena_find(&arena, span->base + span->slot_size, &obj));
}
END_TEST

START_TEST(cleared_pages_hold_nothing) {
  struct cgc_span *span = enter(5, 20, 0);
  struct cgc_object obj;
  cgc_arena_clear(&arena, span);
  for (size_t page = 0; page < cgc_arena_pages(&arena); page++)
    ck_assert(
        !cgc_arena_find(&arena, cgc_arena_page_address(&arena, page), &obj));
}
END_TEST

START_TEST(spans_have_mark_words_of_their_own) {
  struct cgc_span *a = enter(0, 1, 0);
  struct cgc_span *b = enter(a->npages, 1, 0);
  size_t words = (size_t)a->npages * CGC_MARK_WORDS;
  uint64_t *marks_a = cgc_arena_mark_words(&arena, a);
  uint64_t *marks_b = cgc_arena_mark_words(&arena, b);
  ck_assert_uint_ge(words, cgc_span_words(a));
  ck_assert_ptr_eq(marks_a + words, marks_b);
  memset(marks_a, 0xff, words * sizeof *marks_a);
  struct cgc_object obj;
  for (uint32_t i = 0; i < a->nslots; i++) {
    ck_assert(cgc_arena_find(&arena, cgc_span_slot_address(a, i), &obj));
    ck_assert(cgc_object_is_marked(&arena, &obj));
    ck_assert(cgc_arena_find(&arena, cgc_span_slot_address(b, i), &obj));
    ck_assert(!cgc_object_is_marked(&arena, &obj));
  }
}
END_TEST

START_TEST(a_small_spans_mark_words_name_its_first_page) {
  for (unsigned class = 1; class <= CGC_CLASSES; class ++)
    ck_assert_uint_le((cgc_size_classes[class].nslots - 1u) / 64,
                      CGC_MARK_WORDS - 1);
}
END_TEST

START_TEST(the_arena_is_ours_and_reads_as_zero) {
  uintptr_t lo, hi;
  for (size_t page = 0; page < cgc_arena_pages(&arena); page += 61) {
    uintptr_t addr = cgc_arena_page_address(&arena, page);
    ck_assert(cgc_page_is_own(addr, addr + CGC_PAGE, &lo, &hi));
    ck_assert_int_eq(*(volatile char *)(addr + CGC_PAGE - 1), 0);
    *(volatile char *)addr = 1;
  }
}
END_TEST

START_TEST(growth_ends_at_the_limit) {
  size_t left = arena.pages_limit - cgc_arena_pages(&arena);
  ck_assert(!cgc_arena_grow(&arena, left + 1));
  ck_assert(cgc_arena_grow(&arena, left));
  ck_assert_uint_eq(cgc_arena_pages(&arena), arena.pages_limit);
  ck_assert(!cgc_arena_grow(&arena, 1));
  memset((void *)cgc_arena_page_address(&arena, arena.pages_limit - 1), 1,
         CGC_PAGE);
}
END_TEST

static size_t address_space(void) {
  size_t npages = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  ck_assert_int_eq(fscanf(f, "%zu", &npages), 1);
  fclose(f);
  return npages * CGC_OS_PAGE;
}

/* 400 MiB of heap, of which the tables are claimed. */
static void grow_without_heap(struct cgc_arena *a, size_t before) {
  for (int i = 0; i < 100; i++)
    ck_assert(cgc_arena_grow(a, CGC_ARENA_STEP));
  ck_assert_uint_lt(address_space() - before, 24 * CGC_MIB);
  size_t last = cgc_arena_pages(a) - 1;
  a->desc[last] = 0;
  a->marks[last * CGC_MARK_WORDS + CGC_MARK_WORDS - 1] = 0;
  ck_assert_int_eq(
      cgc_page_claim((void *)cgc_arena_page_address(a, last), CGC_PAGE), 0);
}

START_TEST(a_limited_address_space_is_claimed_step_by_step) {
  if (CGC_SANITIZED)
    return; /* no room for the sanitizer's shadow */
  static struct cgc_arena small;
  struct rlimit limit = {(rlim_t)512 << 20, (rlim_t)512 << 20};
  ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
  size_t before = address_space();
  ck_assert(cgc_arena_init(&small, (size_t)1 << 40));
  ck_assert(small.claimed);
  ck_assert_uint_ge(cgc_arena_pages(&small), CGC_ARENA_STEP);
  grow_without_heap(&small, before);
}
END_TEST

START_TEST(an_arena_without_its_reservation_grows_on) {
  if (CGC_SANITIZED)
    return; /* no room for the sanitizer's shadow */
  static struct cgc_arena big;
  uintptr_t lo, hi;
  size_t before = address_space();
  ck_assert(cgc_arena_init(&big, (size_t)1 << 40));
  ck_assert(cgc_arena_grow(&big, CGC_ARENA_STEP));
  memset((void *)big.base, 7, CGC_PAGE);
  cgc_arena_unreserve(&big);
  cgc_arena_unreserve(&big);
  ck_assert_uint_lt(address_space() - before, 8 * CGC_MIB);
  uintptr_t end = big.base + cgc_arena_bytes(&big);
  ck_assert(!cgc_page_is_own(end, end + CGC_GIB, &lo, &hi));
  struct rlimit limit = {(rlim_t)512 << 20, (rlim_t)512 << 20};
  ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
  grow_without_heap(&big, before);
  ck_assert_int_eq(*(char *)big.base, 7);
  cgc_arena_destroy(&big);
}
END_TEST

START_TEST(two_claimed_arenas_do_not_meet) {
  if (CGC_SANITIZED)
    return; /* no room for the sanitizer's shadow */
  static struct cgc_arena a, b;
  struct rlimit limit = {(rlim_t)512 << 20, (rlim_t)512 << 20};
  ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
  ck_assert(cgc_arena_init(&a, (size_t)1 << 40));
  ck_assert(cgc_arena_init(&b, (size_t)1 << 40));
  ck_assert_int_eq(cgc_page_claim((void *)a.base, CGC_PAGE), 0);
  ck_assert_int_eq(cgc_page_claim((void *)b.base, CGC_PAGE), 0);
}
END_TEST

/* Whether the mapping at ADDR has FLAG in its VmFlags. */
static bool has_flag(uintptr_t addr, const char *flag) {
  FILE *file = fopen("/proc/self/smaps", "r");
  char line[4096];
  bool here = false, found = false;
  while (file && fgets(line, sizeof line, file)) {
    uintptr_t lo, hi;
    if (sscanf(line, "%lx-%lx ", &lo, &hi) == 2)
      here = addr >= lo && addr < hi;
    else if (here && strncmp(line, "VmFlags:", 8) == 0)
      found = strstr(line, flag) != NULL;
  }
  fclose(file);
  return found;
}

static uintptr_t last_page(const struct cgc_arena *a) {
  return a->base + cgc_arena_bytes(a) - CGC_PAGE;
}

START_TEST(huge_pages_are_asked_for_where_a_heap_is_large) {
  static struct cgc_arena a;
  const int64_t modes[] = {CGC_HUGEPAGES_AUTO, CGC_HUGEPAGES_ALWAYS,
                           CGC_HUGEPAGES_NEVER};
  if (access("/sys/kernel/mm/transparent_hugepage/enabled", R_OK) != 0)
    return;
  cgc_options.hugepages = modes[_i];
  ck_assert(cgc_arena_init(&a, (size_t)256 << 20));
  ck_assert(cgc_arena_grow(&a, CGC_ARENA_STEP));
  ck_assert(has_flag(last_page(&a), " hg ") == (_i == 1));
  ck_assert(has_flag(last_page(&a), " nh ") == (_i == 2));
  ck_assert(cgc_arena_grow(&a, 31 * CGC_ARENA_STEP));
  ck_assert(has_flag(last_page(&a), " hg ") == (_i != 2));
  ck_assert(has_flag(a.base, " hg ") == (_i == 1));
  /* Its mark bits fill whole ones. */
  ck_assert_uint_eq(a.part[CGC_TABLE_MARKS].committed % ((size_t)2 << 20), 0);
  cgc_arena_destroy(&a);
}
END_TEST

int main(void) {
  Suite *s = suite_create("arena");
  TCase *core = tcase_create("core");
  TCase *limits = tcase_create("limits");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_test(core, a_word_outside_is_no_pointer);
  tcase_add_loop_test(core, huge_pages_are_asked_for_where_a_heap_is_large, 0,
                      3);
  tcase_add_test(core, every_byte_of_every_class_finds_its_slot);
  tcase_add_test(core, every_byte_of_a_large_object_finds_it);
  tcase_add_test(core, cleared_pages_hold_nothing);
  tcase_add_test(core, spans_have_mark_words_of_their_own);
  tcase_add_test(core, a_small_spans_mark_words_name_its_first_page);
  tcase_add_test(core, the_arena_is_ours_and_reads_as_zero);
  tcase_set_timeout(core, 60);
  tcase_add_checked_fixture(limits, set_up, NULL);
  tcase_add_test(limits, growth_ends_at_the_limit);
  tcase_add_test(limits, a_limited_address_space_is_claimed_step_by_step);
  tcase_add_test(limits, an_arena_without_its_reservation_grows_on);
  tcase_add_test(limits, two_claimed_arenas_do_not_meet);
  suite_add_tcase(s, core);
  suite_add_tcase(s, limits);
  return unit_run(s);
}
