/* SPDX-License-Identifier: MIT */
#include "heap/pageheap.h"

#include "base/log.h"
#include "unit.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum {
  STEPS = 10000,
  RUNS_MAX = 400,
  MODEL_PAGES = 64 << 10,
  BIG = CGC_GROUP_PAGES + CGC_BLOCK_PAGES /* spans blocks and groups */
};

static struct cgc_arena arena;
static struct cgc_pageheap ph;
static bool zeroed;

static void make(size_t reserve, size_t retain) {
  cgc_sizeclass_init();
  ck_assert(cgc_arena_init(&arena, reserve));
  ck_assert(cgc_pageheap_init(&ph, &arena, retain));
}

static void set_up(void) { make((size_t)MODEL_PAGES << CGC_PAGE_SHIFT, 0); }

static size_t alloc(size_t npages) {
  ptrdiff_t at = cgc_pageheap_alloc(&ph, npages, 1, true, &zeroed);
  ck_assert_int_ge(at, 0);
  return (size_t)at;
}

static char *address(size_t page) {
  return (char *)cgc_arena_page_address(&arena, page);
}

static bool is_zero(size_t page, size_t npages) {
  const uint64_t *p = (const uint64_t *)address(page);
  for (size_t i = 0; i < npages * CGC_PAGE / sizeof *p; i++)
    if (p[i])
      return false;
  return true;
}

START_TEST(runs_are_taken_from_the_lowest_address) {
  for (size_t i = 0; i < 100; i++)
    ck_assert_uint_eq(alloc(3), 3 * i);
  cgc_pageheap_check(&ph);
}
END_TEST

START_TEST(the_first_hole_that_fits_is_used) {
  for (int i = 0; i < 20; i++)
    alloc(4);
  cgc_pageheap_free(&ph, 8, 4, false);   /* 4 pages at 8 */
  cgc_pageheap_free(&ph, 40, 8, false);  /* 8 pages at 40 */
  cgc_pageheap_free(&ph, 60, 12, false); /* 12 pages at 60 */
  ck_assert_uint_eq(alloc(5), 40);
  ck_assert_uint_eq(alloc(9), 60);
  ck_assert_uint_eq(alloc(2), 8);
  ck_assert_uint_eq(alloc(2), 10);
  ck_assert_uint_eq(alloc(3), 45);
  cgc_pageheap_check(&ph);
}
END_TEST

START_TEST(neighbours_coalesce) {
  size_t a = alloc(10), b = alloc(10), c = alloc(10);
  alloc(1);
  cgc_pageheap_free(&ph, a, 10, false);
  cgc_pageheap_free(&ph, c, 10, false);
  cgc_pageheap_free(&ph, b, 10, false);
  ck_assert_uint_eq(alloc(30), a);
}
END_TEST

START_TEST(a_run_may_reach_over_blocks_and_groups) {
  size_t big = alloc(BIG);
  alloc(1);
  cgc_pageheap_free(&ph, big, BIG, false);
  cgc_pageheap_check(&ph);
  size_t low = alloc(100);
  ck_assert_uint_eq(low, big);
  ck_assert_uint_eq(alloc(BIG - 100), big + 100);
  cgc_pageheap_check(&ph);
}
END_TEST

START_TEST(aligned_runs_are_aligned_and_waste_nothing) {
  alloc(3);
  for (size_t align = 1; align <= 64; align *= 2) {
    ptrdiff_t at = cgc_pageheap_alloc(&ph, 5, align, true, &zeroed);
    ck_assert_int_ge(at, 0);
    ck_assert_uint_eq((size_t)at % align, 0);
    cgc_pageheap_check(&ph);
  }
  ck_assert_uint_eq(cgc_arena_pages(&arena) - ph.free_pages, 3 + 7 * 5);
}
END_TEST

START_TEST(without_leave_to_grow_no_page_is_fresh) {
  ck_assert_int_eq(cgc_pageheap_alloc(&ph, 1, 1, false, &zeroed), -1);
  ck_assert_uint_eq(cgc_arena_pages(&arena), 0);
  alloc(1);
  ck_assert_int_eq(cgc_pageheap_alloc(&ph, 1, 1, false, &zeroed), -1);
  cgc_pageheap_free(&ph, alloc(5), 5, true);
  ck_assert_int_eq(cgc_pageheap_alloc(&ph, 6, 1, false, &zeroed), -1);
  ck_assert_int_eq(cgc_pageheap_alloc(&ph, 5, 1, false, &zeroed), 1);
}
END_TEST

START_TEST(the_whole_arena_can_be_used_and_then_there_is_nothing) {
  size_t limit = arena.pages_limit;
  ck_assert_uint_eq(alloc(limit), 0);
  ck_assert_int_eq(cgc_pageheap_alloc(&ph, 1, 1, true, &zeroed), -1);
  ck_assert_uint_eq(ph.free_pages, 0);
  cgc_pageheap_free(&ph, limit - 1, 1, false);
  ck_assert_uint_eq(alloc(1), limit - 1);
}
END_TEST

START_TEST(growth_uses_the_free_pages_at_the_end) {
  alloc(1);
  size_t pages = cgc_arena_pages(&arena);
  ck_assert_uint_eq(alloc(pages), 1);
  ck_assert_uint_lt(cgc_arena_pages(&arena), 3 * pages);
  cgc_pageheap_check(&ph);
}
END_TEST

START_TEST(take_takes_all_or_nothing) {
  size_t a = alloc(4);
  alloc(4);
  cgc_pageheap_free(&ph, a, 4, false);
  size_t before = ph.free_pages;
  ck_assert(!cgc_pageheap_take(&ph, a, 5, &zeroed));
  ck_assert_uint_eq(ph.free_pages, before);
  ck_assert(cgc_pageheap_take(&ph, a + 1, 3, &zeroed));
  ck_assert(!cgc_pageheap_take(&ph, a + 1, 1, &zeroed));
  ck_assert(!cgc_pageheap_take(&ph, cgc_arena_pages(&arena), 1, &zeroed));
  ck_assert(!cgc_pageheap_take(&ph, cgc_arena_pages(&arena) - 1, 2, &zeroed));
  cgc_pageheap_check(&ph);
}
END_TEST

START_TEST(fresh_pages_are_zero_and_used_ones_say_that_they_are_not) {
  ph.retain_pages = SIZE_MAX / 2;
  size_t a = alloc(4);
  ck_assert(zeroed && is_zero(a, 4));
  memset(address(a), 1, 4 * CGC_PAGE);
  cgc_pageheap_free(&ph, a, 4, true);
  ck_assert_uint_eq(alloc(2), a);
  ck_assert(!zeroed);
  ck_assert_uint_eq(cgc_pageheap_trim(&ph, 0), 2);
  ck_assert_uint_eq(alloc(2), a + 2);
  ck_assert(zeroed && is_zero(a + 2, 2));
}
END_TEST

START_TEST(trim_returns_the_highest_pages_first) {
  ph.retain_pages = SIZE_MAX / 2;
  size_t a = alloc(100), b = alloc(100);
  memset(address(a), 1, 200 * CGC_PAGE);
  alloc(1);
  cgc_pageheap_free(&ph, a, 100, true);
  cgc_pageheap_free(&ph, b, 50, true);
  ck_assert_uint_ge(cgc_pageheap_trim(&ph, 120), 30);
  ck_assert_uint_le(ph.dirty_pages, 120);
  cgc_pageheap_check(&ph);
  ck_assert_uint_gt(ph.returned_pages, 0);
  cgc_pageheap_trim(&ph, 0);
  ck_assert(is_zero(a, 150));
  ck_assert_uint_eq(ph.dirty_pages, 0);
}
END_TEST

/* Two periods, in which next to nothing is taken. */
static void let_time_pass(void) {
  for (int i = 0; i < 2; i++) {
    size_t a = alloc(1);
    ph.period_ns = 0;
    cgc_pageheap_free(&ph, a, 1, false);
  }
}

/* N pages, written and freed one by one. */
static void use_and_free(size_t n) {
  size_t a = alloc(n);
  memset(address(a), 1, n * CGC_PAGE);
  for (size_t i = 0; i < n; i++)
    cgc_pageheap_free(&ph, a + i, 1, true);
}

START_TEST(what_was_needed_a_moment_ago_is_kept) {
  ph.retain_pages = 64;
  ph.period_ns = UINT64_MAX / 2; /* time stands still */
  use_and_free(1000);
  ck_assert_uint_eq(ph.dirty_pages, 1000);
  ck_assert_uint_eq(ph.returned_pages, 0);
  use_and_free(900);
  ck_assert_uint_eq(ph.returned_pages, 0);
  cgc_pageheap_check(&ph);
}
END_TEST

START_TEST(free_pages_go_back_when_they_were_not_needed) {
  ph.retain_pages = 64;
  use_and_free(1000);
  let_time_pass();
  ck_assert_uint_le(ph.dirty_pages, 64);
  ck_assert_uint_ge(ph.returned_pages, 900);
  ck_assert_uint_eq(ph.free_pages, cgc_arena_pages(&arena));
  cgc_pageheap_check(&ph);
}
END_TEST

START_TEST(decay_returns_them_without_a_free_and_says_what_is_left) {
  ph.retain_pages = 64;
  ph.period_ns = UINT64_MAX / 2;
  use_and_free(1000);
  ck_assert_uint_eq(cgc_pageheap_decay(&ph), 1000 - 64);
  let_time_pass();
  ck_assert_uint_eq(cgc_pageheap_decay(&ph), 0);
  ck_assert_uint_le(ph.dirty_pages, 64);
  cgc_pageheap_check(&ph);
}
END_TEST

/* Holes of all sizes; each answer is compared with a walk over the bits. */
START_TEST(summaries_hold_after_every_change) {
  enum { N = 3 * CGC_BLOCK_PAGES };
  struct unit_random r = unit_random();
  size_t a = alloc(N);
  for (int i = 0; i < 2000; i++) {
    size_t lo = a + unit_below(&r, N - 600);
    size_t len = 1 + unit_below(&r, i % 2 ? 600 : 5);
    bool clean;
    if (cgc_pageheap_take(&ph, lo, len, &clean))
      cgc_pageheap_check(&ph);
    for (size_t p = lo; p < lo + len; p++)
      if (!(ph.free[p / 64] >> (p % 64) & 1))
        cgc_pageheap_free(&ph, p, 1, false);
    cgc_pageheap_check(&ph);
    cgc_pageheap_alloc(&ph, 1 + unit_below(&r, 40), 1, false, &clean);
    cgc_pageheap_check(&ph);
  }
}
END_TEST

/* ---- Against a model that looks at every page ------------------------- */

static unsigned char taken[MODEL_PAGES];   /* 1: in a run */
static unsigned char written[MODEL_PAGES]; /* 1: has contents */

static size_t model_first_fit(size_t npages, size_t limit) {
  size_t len = 0;
  for (size_t p = 0; p < limit; p++) {
    len = taken[p] ? 0 : len + 1;
    if (len == npages)
      return p + 1 - npages;
  }
  return limit;
}

struct run {
  size_t at;
  size_t n;
};

static size_t random_length(struct unit_random *r) {
  switch (unit_below(r, 10)) {
  case 0:
    return 1 + unit_below(r, 3000);
  case 1:
  case 2:
    return 1 + unit_below(r, 200);
  default:
    return 1 + unit_below(r, 8);
  }
}

static void model_alloc(struct unit_random *r, struct run *run) {
  run->n = random_length(r);
  size_t expected = model_first_fit(run->n, MODEL_PAGES);
  ptrdiff_t at = cgc_pageheap_alloc(&ph, run->n, 1, true, &zeroed);
  if (at < 0) {
    ck_assert_uint_eq(expected, MODEL_PAGES);
    run->n = 0;
    return;
  }
  ck_assert_uint_eq((size_t)at, expected);
  run->at = (size_t)at;
  for (size_t p = run->at; p < run->at + run->n; p++) {
    ck_assert(!taken[p]);
    ck_assert(!(zeroed && written[p] && *address(p)));
    taken[p] = 1;
    *address(p) = 1;
    written[p] = 1;
  }
}

static void model_free(struct run *run) {
  for (size_t p = run->at; p < run->at + run->n; p++) {
    ck_assert(taken[p]);
    taken[p] = 0;
  }
  cgc_pageheap_free(&ph, run->at, run->n, true);
  run->n = 0;
}

static void model_compare(void) {
  size_t nfree = 0;
  for (size_t p = 0; p < cgc_arena_pages(&arena); p++)
    nfree += !taken[p];
  ck_assert_uint_eq(nfree, ph.free_pages);
  cgc_pageheap_check(&ph);
}

START_TEST(a_random_program_gets_what_the_model_gives) {
  static struct run runs[RUNS_MAX];
  struct unit_random r = unit_random();
  for (int step = 0; step < STEPS; step++) {
    struct run *run = &runs[unit_below(&r, RUNS_MAX)];
    if (run->n)
      model_free(run);
    else
      model_alloc(&r, run);
    if (unit_below(&r, 500) == 0)
      cgc_pageheap_trim(&ph, unit_below(&r, 1000));
    if (step % 500 == 0)
      model_compare();
  }
  for (int i = 0; i < RUNS_MAX; i++)
    if (runs[i].n)
      model_free(&runs[i]);
  model_compare();
  ck_assert_uint_eq(ph.free_pages, cgc_arena_pages(&arena));
  ck_assert_uint_eq(alloc(cgc_arena_pages(&arena)), 0);
}
END_TEST

START_TEST(a_dirty_page_in_use_is_noticed) {
  cgc_log_set_fd(-1);
  size_t a = alloc(4);
  ph.dirty[a / 64] |= 1ULL << (a % 64);
  cgc_pageheap_check(&ph);
}
END_TEST

START_TEST(a_wrong_summary_is_noticed) {
  cgc_log_set_fd(-1);
  alloc(4);
  ph.blocks[0].start++;
  cgc_pageheap_check(&ph);
}
END_TEST

/* ---- A claimed arena -------------------------------------------------- */

enum { MIB_PAGES = CGC_MIB / CGC_PAGE, LIMIT_MIB = 256 };

static size_t address_space(void) {
  size_t npages = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  ck_assert_int_eq(fscanf(f, "%zu", &npages), 1);
  fclose(f);
  return npages * 4096;
}

static void limit_address_space(void) {
  struct rlimit limit = {LIMIT_MIB * CGC_MIB, LIMIT_MIB * CGC_MIB};
  ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
}

static void set_up_claimed(void) {
  limit_address_space();
  make((size_t)1 << 40, 64 * CGC_MIB);
  ck_assert(arena.claimed);
}

START_TEST(claimed_memory_that_is_freed_is_unmapped) {
  size_t before = address_space();
  for (int i = 0; i < 5; i++) {
    size_t at = alloc(100 * MIB_PAGES);
    ck_assert(zeroed && is_zero(at, 100 * MIB_PAGES));
    memset(address(at), 1, 100 * CGC_MIB);
    cgc_pageheap_free(&ph, at, 100 * MIB_PAGES, true);
    ck_assert_uint_lt(address_space(), before + 16 * CGC_MIB);
    cgc_pageheap_check(&ph);
  }
}
END_TEST

START_TEST(claimed_memory_ends_at_the_limit) {
  size_t n = 0;
  while (cgc_pageheap_alloc(&ph, MIB_PAGES, 1, true, &zeroed) >= 0)
    n++;
  ck_assert_uint_gt(n, LIMIT_MIB * 3 / 4);
  ck_assert_uint_lt(n, LIMIT_MIB);
  cgc_pageheap_check(&ph);
  for (size_t i = 0; i < n; i += 2)
    cgc_pageheap_free(&ph, i * MIB_PAGES, MIB_PAGES, true);
  cgc_pageheap_check(&ph);
  for (size_t i = 0; i < n; i += 2)
    ck_assert_uint_eq(alloc(MIB_PAGES), i * MIB_PAGES);
  cgc_pageheap_check(&ph);
}
END_TEST

START_TEST(claimed_memory_that_is_kept_makes_room) {
  while (cgc_pageheap_alloc(&ph, MIB_PAGES, 1, true, &zeroed) >= 0)
    ;
  cgc_pageheap_free(&ph, 0, MIB_PAGES, true);
  cgc_pageheap_free(&ph, 4 * MIB_PAGES, MIB_PAGES, true);
  ck_assert_uint_eq(ph.dirty_pages, 2 * MIB_PAGES);
  alloc(MIB_PAGES * 3 / 2);
  ck_assert(zeroed);
  cgc_pageheap_check(&ph);
}
END_TEST

START_TEST(claimed_memory_leaves_what_others_have_mapped) {
  size_t a = alloc(8 * MIB_PAGES), b = alloc(1);
  cgc_pageheap_free(&ph, a, 8 * MIB_PAGES, true);
  cgc_pageheap_trim(&ph, 0);
  ck_assert_uint_eq(ph.dirty_pages, 0);
  char *theirs = mmap(address(a + 100), 4096, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  ck_assert_ptr_eq(theirs, address(a + 100));
  *theirs = 42;
  ck_assert_uint_gt(alloc(8 * MIB_PAGES), b);
  ck_assert_uint_eq(alloc(100), a);
  ck_assert_uint_eq(alloc(8 * MIB_PAGES - 101), a + 101);
  memset(address(a + 101), 1, (8 * MIB_PAGES - 101) << CGC_PAGE_SHIFT);
  cgc_pageheap_check(&ph);
  ck_assert_int_eq(*theirs, 42);
}
END_TEST

START_TEST(a_limit_that_comes_later_gives_free_memory_back) {
  set_up();
  size_t keep = alloc(MIB_PAGES), at = alloc(200 * MIB_PAGES);
  memset(address(keep), 7, CGC_MIB);
  memset(address(at), 1, 200 * CGC_MIB);
  cgc_pageheap_free(&ph, at, 200 * MIB_PAGES, true);
  cgc_pageheap_unreserve(&ph);
  cgc_pageheap_unreserve(&ph);
  limit_address_space();
  cgc_pageheap_check(&ph);
  at = alloc(100 * MIB_PAGES);
  ck_assert(zeroed && is_zero(at, 100 * MIB_PAGES));
  ck_assert_int_eq(*address(keep), 7);
}
END_TEST

int main(void) {
  Suite *s = suite_create("pageheap");
  TCase *core = tcase_create("core");
  TCase *limits = tcase_create("limits");
  TCase *model = tcase_create("model");
  TCase *errors = tcase_create("errors");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_test(core, runs_are_taken_from_the_lowest_address);
  tcase_add_test(core, the_first_hole_that_fits_is_used);
  tcase_add_test(core, neighbours_coalesce);
  tcase_add_test(core, a_run_may_reach_over_blocks_and_groups);
  tcase_add_test(core, aligned_runs_are_aligned_and_waste_nothing);
  tcase_add_test(core, take_takes_all_or_nothing);
  tcase_add_test(core,
                 fresh_pages_are_zero_and_used_ones_say_that_they_are_not);
  tcase_add_test(core, trim_returns_the_highest_pages_first);
  tcase_add_test(core, what_was_needed_a_moment_ago_is_kept);
  tcase_add_test(core, free_pages_go_back_when_they_were_not_needed);
  tcase_add_test(core, decay_returns_them_without_a_free_and_says_what_is_left);
  tcase_add_test(core, summaries_hold_after_every_change);
  tcase_add_checked_fixture(limits, set_up, NULL);
  tcase_add_test(limits, without_leave_to_grow_no_page_is_fresh);
  tcase_add_test(limits, the_whole_arena_can_be_used_and_then_there_is_nothing);
  tcase_add_test(limits, growth_uses_the_free_pages_at_the_end);
  tcase_add_checked_fixture(model, set_up, NULL);
  tcase_add_test(model, a_random_program_gets_what_the_model_gives);
  tcase_set_timeout(model, 100);
  tcase_add_checked_fixture(errors, set_up, NULL);
  tcase_add_test_raise_signal(errors, a_dirty_page_in_use_is_noticed, SIGABRT);
  tcase_add_test_raise_signal(errors, a_wrong_summary_is_noticed, SIGABRT);
  TCase *claimed = tcase_create("claimed");
  TCase *late = tcase_create("late");
  tcase_add_checked_fixture(claimed, set_up_claimed, NULL);
  tcase_add_test(claimed, claimed_memory_that_is_freed_is_unmapped);
  tcase_add_test(claimed, claimed_memory_ends_at_the_limit);
  tcase_add_test(claimed, claimed_memory_that_is_kept_makes_room);
  tcase_add_test(claimed, claimed_memory_leaves_what_others_have_mapped);
  tcase_add_test(late, a_limit_that_comes_later_gives_free_memory_back);
  suite_add_tcase(s, core);
  suite_add_tcase(s, limits);
  if (!CGC_SANITIZED) { /* no room for the sanitizer's shadow */
    suite_add_tcase(s, claimed);
    suite_add_tcase(s, late);
  }
  suite_add_tcase(s, model);
  suite_add_tcase(s, errors);
  return unit_run(s);
}
