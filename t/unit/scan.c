/* SPDX-License-Identifier: MIT */
#include "mark/scan.h"

#include "unit.h"

#include <string.h>
#include <sys/mman.h>

enum { WORDS_MAX = 300, ALIGN_MAX = 16 };

static const uintptr_t base = (uintptr_t)0x7f12 << 32;
static const size_t bytes = (size_t)1 << 30;

static uintptr_t words[WORDS_MAX + ALIGN_MAX];
static uintptr_t kept[WORDS_MAX];
static uintptr_t expected[WORDS_MAX];

static size_t naive(const uintptr_t *p, size_t n) {
  size_t k = 0;
  for (size_t i = 0; i < n; i++)
    if (p[i] >= base && p[i] < base + bytes)
      expected[k++] = p[i];
  return k;
}

static void compare(cgc_scan_fn scan, const uintptr_t *p, size_t n) {
  size_t k = naive(p, n);
  memset(kept, 0, sizeof kept);
  ck_assert_uint_eq(scan(p, n, base, bytes, kept), k);
  ck_assert_mem_eq(kept, expected, k * sizeof *kept);
}

static bool has(int kernel) {
  return cgc_scan_has((enum cgc_scan_kernel)kernel);
}

static cgc_scan_fn chosen(int kernel) {
  return cgc_scan_choose((enum cgc_scan_kernel)kernel);
}

START_TEST(one_pointer_is_found_at_every_place_of_every_length) {
  if (!has(_i))
    return;
  for (size_t n = 0; n <= 70; n++)
    for (size_t align = 0; align < 8; align++)
      for (size_t at = 0; at < n; at++) {
        memset(words, 0, sizeof words);
        words[align + at] = base + at;
        compare(chosen(_i), words + align, n);
      }
}
END_TEST

START_TEST(the_ends_of_the_range_are_exact) {
  static const uintptr_t edges[] = {0,
                                    1,
                                    base - 1,
                                    base,
                                    base + 1,
                                    base + bytes - 1,
                                    base + bytes,
                                    base + bytes + 1,
                                    ~(uintptr_t)0,
                                    (uintptr_t)1 << 63,
                                    ((uintptr_t)1 << 63) - 1,
                                    ((uintptr_t)1 << 63) + base};
  enum { N = sizeof edges / sizeof *edges };
  if (!has(_i))
    return;
  for (size_t rotation = 0; rotation < N; rotation++) {
    for (size_t i = 0; i < 2 * N; i++)
      words[i] = edges[(i + rotation) % N];
    compare(chosen(_i), words, 2 * N);
  }
}
END_TEST

START_TEST(any_mixture_gives_the_same_words_in_the_same_order) {
  struct unit_random r = unit_random();
  if (!has(_i))
    return;
  for (int round = 0; round < 20000; round++) {
    size_t n = unit_below(&r, WORDS_MAX);
    size_t align = unit_below(&r, ALIGN_MAX);
    uint64_t share = 1 + unit_below(&r, 20);
    for (size_t i = 0; i < n; i++)
      words[align + i] = unit_below(&r, share) ? unit_below(&r, 1ULL << 47)
                                               : base + unit_below(&r, bytes);
    compare(chosen(_i), words + align, n);
  }
}
END_TEST

START_TEST(all_words_may_be_pointers) {
  if (!has(_i))
    return;
  for (size_t i = 0; i < WORDS_MAX; i++)
    words[i] = base + i;
  for (size_t n = 0; n <= WORDS_MAX; n++)
    compare(chosen(_i), words, n);
}
END_TEST

/* The words end where the next page must not be touched. */
START_TEST(nothing_beyond_the_words_is_read) {
  char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ck_assert_ptr_ne(pages, MAP_FAILED);
  ck_assert_int_eq(mprotect(pages + 4096, 4096, PROT_NONE), 0);
  if (!has(_i))
    return;
  for (size_t n = 0; n <= 64; n++)
    compare(chosen(_i), (uintptr_t *)(pages + 4096) - n, n);
}
END_TEST

START_TEST(an_empty_range_holds_nothing) {
  if (!has(_i))
    return;
  words[0] = base;
  ck_assert_uint_eq(chosen(_i)(words, 16, base, 0, kept), 0);
}
END_TEST

START_TEST(there_is_always_a_kernel) {
  ck_assert(cgc_scan_has(CGC_SCAN_PLAIN));
  for (int k = 0; k < CGC_SCAN_KERNELS; k++)
    ck_assert(chosen(k) != NULL);
}
END_TEST

/* ---- Thorough kernels ---------------------------------------------------- */

static char memory[CGC_SCAN_PIECE] __attribute__((aligned(64)));
static struct cgc_scan_found found, wanted;

static void naive_thorough(const char *p, size_t n, uintptr_t block) {
  wanted.naddresses = wanted.ndistances = 0;
  for (size_t at = 0; at + sizeof(uintptr_t) <= n; at += 4) {
    uintptr_t word;
    memcpy(&word, p + at, sizeof word);
    if (word >= base && word < base + bytes)
      wanted.addresses[wanted.naddresses++] = word;
    else if (block && (uintptr_t)(p + at) % 8 == 0 && word && word % 16 == 0 &&
             block + word >= base && block + word < base + bytes)
      wanted.distances[wanted.ndistances++] = block + word;
  }
}

static void compare_thorough(int kernel, const char *p, size_t n,
                             uintptr_t block) {
  struct cgc_scan_range range;
  cgc_scan_range_set(&range, base, bytes);
  naive_thorough(p, n, block);
  cgc_scan_choose_thorough((enum cgc_scan_kernel)kernel)(p, n, &range, block,
                                                         &found);
  ck_assert_uint_eq(found.naddresses, wanted.naddresses);
  ck_assert_uint_eq(found.ndistances, wanted.ndistances);
  ck_assert_mem_eq(found.addresses, wanted.addresses,
                   wanted.naddresses * sizeof(uintptr_t));
  ck_assert_mem_eq(found.distances, wanted.distances,
                   wanted.ndistances * sizeof(uintptr_t));
}

START_TEST(an_address_is_found_at_every_fourth_byte) {
  const uintptr_t address = base + 48;
  if (!has(_i))
    return;
  for (size_t n = 8; n <= 200; n += 4)
    for (size_t align = 0; align < 32; align += 8)
      for (size_t at = 0; at + 8 <= n; at += 4) {
        memset(memory, 0, sizeof memory);
        memcpy(memory + align + at, &address, sizeof address);
        compare_thorough(_i, memory + align, n, 0);
        ck_assert_uint_eq(found.naddresses, 1);
      }
}
END_TEST

START_TEST(a_distance_is_found_forward_and_backward) {
  const uintptr_t block = base + bytes / 2;
  const intptr_t distances[] = {16, -16,     1 << 20,    -(1 << 20),     8,
                                0,  1 << 29, -(1 << 29), -16 - (1 << 29)};
  if (!has(_i))
    return;
  for (size_t d = 0; d < sizeof distances / sizeof *distances; d++)
    for (size_t at = 0; at < 256; at += 8) {
      memset(memory, 0, sizeof memory);
      memcpy(memory + at, &distances[d], sizeof distances[d]);
      compare_thorough(_i, memory, 256, block);
      ck_assert_uint_eq(found.ndistances, d < 4 || d == 7);
    }
}
END_TEST

/* Addresses, distances and plain numbers at random places of any length. */
START_TEST(any_memory_gives_the_same_to_every_thorough_kernel) {
  struct unit_random r = unit_random();
  if (!has(_i))
    return;
  for (int round = 0; round < 5000; round++) {
    size_t align = 8 * unit_below(&r, 8);
    size_t n = unit_below(&r, sizeof memory - align + 1);
    uintptr_t block = base + 16 * unit_below(&r, bytes / 16);
    for (size_t at = 0; at + 8 <= sizeof memory; at += 4) {
      uint64_t kind = unit_below(&r, 40);
      uint64_t word = kind == 0   ? base + unit_below(&r, bytes)
                      : kind == 1 ? 16 * unit_below(&r, bytes / 16) - bytes / 2
                      : kind < 20 ? unit_below(&r, 1000)
                                  : 0;
      memcpy(memory + at, &word, kind < 20 ? sizeof word : 4);
    }
    compare_thorough(_i, memory + align, n, unit_below(&r, 4) ? block : 0);
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("scan");
  TCase *core = tcase_create("core");
  int lo = CGC_SCAN_PLAIN, hi = CGC_SCAN_KERNELS;
  tcase_add_loop_test(core, one_pointer_is_found_at_every_place_of_every_length,
                      lo, hi);
  tcase_add_loop_test(core, the_ends_of_the_range_are_exact, lo, hi);
  tcase_add_loop_test(core, any_mixture_gives_the_same_words_in_the_same_order,
                      lo, hi);
  tcase_add_loop_test(core, all_words_may_be_pointers, lo, hi);
  tcase_add_loop_test(core, nothing_beyond_the_words_is_read, lo, hi);
  tcase_add_loop_test(core, an_empty_range_holds_nothing, lo, hi);
  tcase_add_test(core, there_is_always_a_kernel);
  tcase_add_loop_test(core, an_address_is_found_at_every_fourth_byte, lo, hi);
  tcase_add_loop_test(core, a_distance_is_found_forward_and_backward, lo, hi);
  tcase_add_loop_test(core, any_memory_gives_the_same_to_every_thorough_kernel,
                      lo, hi);
  tcase_set_timeout(core, 30);
  suite_add_tcase(s, core);
  return unit_run(s);
}
