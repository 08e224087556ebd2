/* SPDX-License-Identifier: MIT */
#include "mark/scan.h"

#include "unit.h"

#include <string.h>
#include <sys/mman.h>

enum { WORDS = CGC_SCAN_WORDS, ALIGN_MAX = 16 };

static const cgc_scan_fn words_of[CGC_SCAN_KERNELS] = {
    [CGC_SCAN_PLAIN] = cgc_scan_words_plain,
    [CGC_SCAN_AVX2] = cgc_scan_words_avx2,
    [CGC_SCAN_AVX512] = cgc_scan_words_avx512,
};
static const cgc_scan_fn places_of[CGC_SCAN_KERNELS] = {
    [CGC_SCAN_PLAIN] = cgc_scan_places_plain,
    [CGC_SCAN_AVX2] = cgc_scan_places_avx2,
    [CGC_SCAN_AVX512] = cgc_scan_places_avx512,
};
static const cgc_scan_distances_fn distances_of[CGC_SCAN_KERNELS] = {
    [CGC_SCAN_PLAIN] = cgc_scan_distances_plain,
    [CGC_SCAN_AVX2] = cgc_scan_distances_avx2,
    [CGC_SCAN_AVX512] = cgc_scan_distances_avx512,
};

static const cgc_scan_near_fn near_of[CGC_SCAN_KERNELS] = {
    [CGC_SCAN_PLAIN] = cgc_scan_near_plain,
    [CGC_SCAN_AVX2] = cgc_scan_near_avx2,
    [CGC_SCAN_AVX512] = cgc_scan_near_avx512,
};
static const cgc_scan_beside_fn beside_of[CGC_SCAN_KERNELS] = {
    [CGC_SCAN_PLAIN] = cgc_scan_beside_plain,
    [CGC_SCAN_AVX2] = cgc_scan_beside_avx2,
    [CGC_SCAN_AVX512] = cgc_scan_beside_avx2,
};

static const uintptr_t base = (uintptr_t)0x7f12 << 32;
static const size_t bytes = (size_t)5 << 30;
static struct cgc_scan_range range;
static uintptr_t words[WORDS + ALIGN_MAX];

static void set_up(void) { cgc_scan_range_set(&range, base, bytes); }

static bool is_inside(uintptr_t word) {
  return word >= base && word < base + bytes;
}

static bool has(int kernel) {
  return cgc_scan_has((enum cgc_scan_kernel)kernel);
}

static unsigned naive_words(const uintptr_t *p, size_t n) {
  unsigned mask = 0;
  for (size_t i = 0; i < n; i++)
    mask |= (unsigned)is_inside(p[i]) << i;
  return mask;
}

/* Every word at a fourth byte that lies in the range has its place. */
static unsigned naive_places(const uintptr_t *p, size_t n) {
  unsigned mask = 0;
  for (size_t i = 0; i < 2 * n; i++) {
    uint32_t upper;
    memcpy(&upper, (const char *)p + 4 * i, sizeof upper);
    mask |= (unsigned)(upper >= base >> 32 && upper <= (base + bytes - 1) >> 32)
            << i;
  }
  return mask;
}

static unsigned naive_distances(const uintptr_t *p, size_t n, uintptr_t block) {
  unsigned mask = 0;
  for (size_t i = 0; i < n; i++)
    mask |= (unsigned)(p[i] && p[i] % 16 == 0 && !is_inside(p[i]) &&
                       is_inside(block + p[i]))
            << i;
  return mask;
}

static void compare(int kernel, const uintptr_t *p, size_t n) {
  ck_assert_uint_eq(words_of[kernel](p, n, &range), naive_words(p, n));
  ck_assert_uint_eq(places_of[kernel](p, n, &range), naive_places(p, n));
}

START_TEST(pointers_are_found_at_every_place_of_every_length) {
  if (!has(_i))
    return;
  for (size_t n = 0; n <= WORDS; n++)
    for (size_t align = 0; align < 8; align++)
      for (unsigned which = 0; which < 256; which++) {
        memset(words, 0, sizeof words);
        for (unsigned i = 0; i < WORDS; i++)
          words[align + i] = which >> i & 1 ? base + i : i;
        compare(_i, words + align, n);
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
    for (size_t i = 0; i < WORDS; i++)
      words[i] = edges[(i + rotation) % N];
    compare(_i, words, WORDS);
  }
}
END_TEST

START_TEST(any_mixture_gives_the_same) {
  struct unit_random r = unit_random();
  if (!has(_i))
    return;
  for (int round = 0; round < 100000; round++) {
    size_t n = unit_below(&r, WORDS + 1);
    size_t align = unit_below(&r, ALIGN_MAX);
    uint64_t share = 1 + unit_below(&r, 10);
    for (size_t i = 0; i < n; i++)
      words[align + i] = unit_below(&r, share) ? unit_below(&r, 1ULL << 47)
                                               : base + unit_below(&r, bytes);
    compare(_i, words + align, n);
  }
}
END_TEST

/* The words end, and begin, where the next page must not be touched. */
START_TEST(nothing_beyond_the_words_is_read) {
  char *pages = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  uintptr_t *lo = (uintptr_t *)(pages + 4096);
  uintptr_t *hi = (uintptr_t *)(pages + 2 * 4096);
  const struct cgc_scan_window window = {base, 4096, 1u << 26};
  ck_assert_ptr_ne(pages, MAP_FAILED);
  ck_assert_int_eq(mprotect(pages, 4096, PROT_NONE), 0);
  ck_assert_int_eq(mprotect(hi, 4096, PROT_NONE), 0);
  if (!has(_i))
    return;
  for (size_t n = 0; n <= WORDS; n++) {
    compare(_i, lo, n);
    compare(_i, hi - n, n);
    distances_of[_i](lo, n, &range, base);
    distances_of[_i](hi - n, n, &range, base);
    near_of[_i](lo, n, &window);
    near_of[_i](hi - n, n, &window);
    beside_of[_i](lo, n, base);
    beside_of[_i](hi - n, n, base);
  }
}
END_TEST

START_TEST(an_empty_range_holds_nothing) {
  if (!has(_i))
    return;
  words[0] = base;
  cgc_scan_range_set(&range, base, 0);
  ck_assert_uint_eq(words_of[_i](words, WORDS, &range), 0);
}
END_TEST

START_TEST(a_word_is_read_where_its_upper_half_stands) {
  const uintptr_t address = base + 48;
  if (!has(_i))
    return;
  for (size_t at = 0; at + 8 <= CGC_SCAN_BYTES; at += 4) {
    memset(words, 0, sizeof words);
    memcpy((char *)words + at, &address, sizeof address);
    unsigned hits = places_of[_i](words, WORDS, &range);
    ck_assert_uint_eq(hits, 1u << (at / 4 + 1));
    ck_assert_uint_eq(
        cgc_scan_word_at((const char *)words, (unsigned)__builtin_ctz(hits)),
        address);
  }
}
END_TEST

START_TEST(a_distance_is_found_forward_and_backward) {
  const uintptr_t block = base + bytes / 2;
  const intptr_t distances[] = {16, -16, 1 << 20, -(1 << 20), 8, 0};
  if (!has(_i))
    return;
  for (size_t d = 0; d < sizeof distances / sizeof *distances; d++)
    for (size_t at = 0; at < WORDS; at++) {
      memset(words, 0, sizeof words);
      words[at] = (uintptr_t)distances[d];
      ck_assert_uint_eq(distances_of[_i](words, WORDS, &range, block),
                        d < 4 ? 1u << at : 0);
    }
}
END_TEST

/* Addresses, distances and plain numbers at random places of any length. */
START_TEST(any_memory_has_the_same_distances) {
  struct unit_random r = unit_random();
  if (!has(_i))
    return;
  for (int round = 0; round < 50000; round++) {
    size_t n = unit_below(&r, WORDS + 1);
    uintptr_t block = base + 16 * unit_below(&r, bytes / 16);
    for (size_t i = 0; i < WORDS; i++) {
      uint64_t kind = unit_below(&r, 4);
      words[i] = kind == 0   ? base + unit_below(&r, bytes)
                 : kind == 1 ? 16 * unit_below(&r, bytes / 16) - bytes / 2
                 : kind == 2 ? unit_below(&r, 1000)
                             : 0;
    }
    ck_assert_uint_eq(distances_of[_i](words, n, &range, block),
                      naive_distances(words, n, block));
  }
}
END_TEST

static struct cgc_scan_near naive_near(const uintptr_t *p, size_t n,
                                       const struct cgc_scan_window *w,
                                       size_t size) {
  struct cgc_scan_near near = {0, 0};
  for (size_t i = 0; i < n; i++)
    if (p[i] >= w->base && p[i] < w->base + w->bytes) {
      near.words |= 1u << i;
      near.slots |= 1ULL << (p[i] - w->base) / size;
    }
  return near;
}

static bool naive_beside(const uintptr_t *p, size_t n, uintptr_t addr) {
  for (size_t i = 0; i < n; i++)
    if (p[i] / CGC_PAGE == addr / CGC_PAGE)
      return true;
  return false;
}

/* A window anywhere, also one at the end of its span; words around its ends. */
START_TEST(the_slots_of_a_window_are_found) {
  struct unit_random r = unit_random();
  if (!has(_i))
    return;
  cgc_sizeclass_init();
  for (int round = 0; round < 100000; round++) {
    const struct cgc_size_class *c =
        &cgc_size_classes[1 + unit_below(&r, CGC_CLASSES)];
    size_t size = c->size, nslots = 1 + unit_below(&r, cgc_min(c->nslots, 64));
    struct cgc_scan_window w = {base + CGC_PAGE * unit_below(&r, 1 << 18),
                                nslots * size, c->magic};
    size_t n = unit_below(&r, WORDS + 1);
    for (size_t i = 0; i < WORDS; i++) {
      uint64_t kind = unit_below(&r, 4);
      words[i] = kind == 0   ? w.base + unit_below(&r, w.bytes)
                 : kind == 1 ? w.base + unit_below(&r, 4 * w.bytes) - w.bytes
                 : kind == 2
                     ? w.base + w.bytes * unit_below(&r, 2) - unit_below(&r, 2)
                     : unit_below(&r, 1000);
    }
    struct cgc_scan_near want = naive_near(words, n, &w, size);
    struct cgc_scan_near got = near_of[_i](words, n, &w);
    ck_assert_uint_eq(got.words, want.words);
    ck_assert_uint_eq(got.slots, want.slots);
    ck_assert_int_eq(beside_of[_i](words, n, w.base),
                     naive_beside(words, n, w.base));
  }
}
END_TEST

START_TEST(the_places_of_words_are_those_of_their_upper_halves) {
  for (unsigned which = 0; which < 256; which++) {
    unsigned places = 0;
    for (unsigned i = 0; i < WORDS; i++)
      places |= (which >> i & 1) << (2 * i + 1);
    ck_assert_uint_eq(cgc_scan_places_of(which), places);
  }
}
END_TEST

START_TEST(there_is_always_a_kernel) {
  ck_assert(cgc_scan_has(CGC_SCAN_PLAIN));
  ck_assert(!cgc_scan_has(CGC_SCAN_AUTO));
  ck_assert_int_eq(cgc_scan_choose(CGC_SCAN_PLAIN), CGC_SCAN_PLAIN);
  for (int k = 0; k < CGC_SCAN_KERNELS; k++)
    ck_assert(cgc_scan_has(cgc_scan_choose((enum cgc_scan_kernel)k)));
}
END_TEST

int main(void) {
  Suite *s = suite_create("scan");
  TCase *core = tcase_create("core");
  int lo = CGC_SCAN_PLAIN, hi = CGC_SCAN_KERNELS;
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_loop_test(core, pointers_are_found_at_every_place_of_every_length,
                      lo, hi);
  tcase_add_loop_test(core, the_ends_of_the_range_are_exact, lo, hi);
  tcase_add_loop_test(core, any_mixture_gives_the_same, lo, hi);
  tcase_add_loop_test(core, nothing_beyond_the_words_is_read, lo, hi);
  tcase_add_loop_test(core, an_empty_range_holds_nothing, lo, hi);
  tcase_add_loop_test(core, a_word_is_read_where_its_upper_half_stands, lo, hi);
  tcase_add_loop_test(core, a_distance_is_found_forward_and_backward, lo, hi);
  tcase_add_loop_test(core, any_memory_has_the_same_distances, lo, hi);
  tcase_add_loop_test(core, the_slots_of_a_window_are_found, lo, hi);
  tcase_add_test(core, the_places_of_words_are_those_of_their_upper_halves);
  tcase_add_test(core, there_is_always_a_kernel);
  tcase_set_timeout(core, 30);
  suite_add_tcase(s, core);
  return unit_run(s);
}
