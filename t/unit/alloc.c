/* SPDX-License-Identifier: MIT */
/* front/alloc: what every malloc of the program comes through. */
#include "front/alloc.h"

#include "base/log.h"
#include "front/reserve.h"
#include "mark/disclaim.h"
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/time.h>

enum { THREADS = 4, BLOCKS = 3000 };

static const size_t sizes[] = {0,     1,     15,    16,    17,      100,
                               1000,  1024,  1025,  8191,  8192,    20000,
                               32767, 32768, 32769, 70000, 1 << 20, 5 << 20};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static void set_up(void) { ck_assert_ptr_nonnull(cgc_init_thread()); }

static bool is_filled(const char *block, char with, size_t size) {
  return size == 0 ||
         (block[0] == with && memcmp(block, block + 1, size - 1) == 0);
}

static struct cgc_object object(const void *ptr) {
  struct cgc_object obj;
  ck_assert(cgc_arena_find(&cgc_heap.arena, (uintptr_t)ptr, &obj));
  return obj;
}

static bool is_live(const void *ptr) {
  struct cgc_object obj;
  return cgc_arena_find(&cgc_heap.arena, (uintptr_t)ptr, &obj) &&
         cgc_object_is_live(&obj);
}

/* ---- Allocation ------------------------------------------------------- */

/* Each block of KIND is zero, though blocks of its size were dirty before. */
static void check_kind(enum cgc_kind kind) {
  for (int turn = 0; turn < 2; turn++)
    for (int i = 0; i < SIZES; i++) {
      errno = 7;
      char *block = cgc_alloc(sizes[i], kind, true);
      ck_assert_ptr_nonnull(block);
      ck_assert_int_eq(errno, 7);
      ck_assert_uint_eq((uintptr_t)block % 16, 0);
      ck_assert_uint_ge(cgc_alloc_usable(block), sizes[i]);
      ck_assert(is_filled(block, 0, cgc_alloc_usable(block)));
      ck_assert_int_eq(object(block).span->kind, kind);
      memset(block, 0xff, cgc_alloc_usable(block));
      ck_assert(cgc_alloc_free(block));
      ck_assert(!is_live(block));
      ck_assert_int_eq(errno, 7);
    }
}

START_TEST(alloc_blocks_are_zeroed_aligned_and_of_their_kind) {
  check_kind((enum cgc_kind)_i);
}
END_TEST

START_TEST(alloc_end_of_a_block_points_into_it) {
  for (int i = 0; i < SIZES; i++) {
    char *block = cgc_alloc(sizes[i], CGC_KIND_SCAN, false);
    ck_assert_uint_eq(object(block + sizes[i]).addr, (uintptr_t)block);
    ck_assert_uint_eq(object(block + cgc_alloc_usable(block)).addr,
                      (uintptr_t)block);
  }
}
END_TEST

/* By address, for the first block of an alignment may be lucky. */
START_TEST(alloc_keeps_any_alignment) {
  for (size_t align = 1; align <= 64 * CGC_MIB; align *= 2)
    for (int i = 0; i < 8; i++) {
      size_t size = sizes[(size_t)i * 2 % SIZES] + 1;
      char *block = cgc_alloc_aligned(align, size, CGC_KIND_NOSCAN, true);
      ck_assert_ptr_nonnull(block);
      ck_assert_uint_eq((uintptr_t)block & (align - 1), 0);
      ck_assert_uint_eq(object(block).addr, (uintptr_t)block);
      ck_assert(is_filled(block, 0, size));
      memset(block, i, size);
      if (i % 2)
        cgc_alloc_free(block);
    }
}
END_TEST

START_TEST(alloc_gives_blocks_of_4_mib_at_multiples_of_4_mib) {
  enum { N = 8 };
  const size_t align = 4 * CGC_MIB;
  char *blocks[N];
  for (int i = 0; i < N; i++) {
    blocks[i] = cgc_alloc_aligned(align, align, CGC_KIND_NOSCAN, false);
    ck_assert_uint_eq((uintptr_t)blocks[i] & (align - 1), 0);
    memset(blocks[i], i + 1, align);
  }
  for (int i = 0; i < N; i++)
    ck_assert(is_filled(blocks[i], (char)(i + 1), align));
}
END_TEST

/* ---- Resize ----------------------------------------------------------- */

START_TEST(alloc_resize_keeps_contents_and_zeroes_the_rest) {
  for (int i = 0; i < SIZES; i++)
    for (int k = 0; k < SIZES; k++) {
      size_t kept = cgc_min(sizes[i], sizes[k]);
      char *block = cgc_alloc(sizes[i], CGC_KIND_SCAN, true);
      memset(block, 0x5a, sizes[i]);
      block = cgc_alloc_resize(block, sizes[k], true);
      ck_assert_ptr_nonnull(block);
      ck_assert_uint_ge(cgc_alloc_usable(block), sizes[k]);
      ck_assert(is_filled(block, 0x5a, kept));
      ck_assert(sizes[k] == kept ||
                is_filled(block + kept, 0, sizes[k] - kept));
      ck_assert_int_eq(object(block).span->kind, CGC_KIND_SCAN);
      cgc_alloc_free(block);
    }
}
END_TEST

START_TEST(alloc_resize_stays_where_there_is_room) {
  char *small = cgc_alloc(100, CGC_KIND_SCAN, false);
  ck_assert_ptr_eq(cgc_alloc_resize(small, cgc_alloc_usable(small), false),
                   small);
  ck_assert_ptr_eq(cgc_alloc_resize(small, 90, false), small);
  ck_assert_ptr_ne(cgc_alloc_resize(small, 10, false), small);
}
END_TEST

START_TEST(alloc_resize_of_a_large_block_takes_free_pages_behind_it) {
  char *block = cgc_alloc(32 * CGC_MIB, CGC_KIND_NOSCAN, false);
  size_t full = cgc_alloc_usable(block);
  block[0] = block[CGC_MIB - 1] = 'x';
  ck_assert_ptr_eq(cgc_alloc_resize(block, CGC_MIB, false), block);
  ck_assert_uint_lt(cgc_alloc_usable(block), 2 * CGC_MIB);
  for (size_t size = CGC_MIB; size <= 32 * CGC_MIB; size += CGC_MIB)
    ck_assert_ptr_eq(cgc_alloc_resize(block, size, true), block);
  ck_assert_uint_eq(cgc_alloc_usable(block), full);
  ck_assert(block[0] == 'x' && block[CGC_MIB - 1] == 'x');
  ck_assert(is_filled(block + 2 * CGC_MIB, 0, 30 * CGC_MIB));
}
END_TEST

START_TEST(alloc_resize_frees_what_it_leaves) {
  char *old = cgc_alloc(100, CGC_KIND_SCAN, false);
  ck_assert_ptr_ne(cgc_alloc_resize(old, 5000, false), old);
  ck_assert(!is_live(old));
  ck_assert_uint_eq(cgc_alloc_usable(old), 0);
}
END_TEST

/* ---- Cycles that allocation asks for ---------------------------------- */

START_TEST(alloc_reclaims_what_is_lost) {
  for (int i = 0; i < 500; i++)
    memset(cgc_alloc(CGC_MIB, CGC_KIND_NOSCAN, false), 1, CGC_MIB);
  ck_assert_uint_gt(cgc_cycle_counters.ncycles, 3);
  ck_assert_uint_lt(cgc_heap_in_use(&cgc_heap), 100 * CGC_MIB);
}
END_TEST

/* A large block always takes the slow path. */
START_TEST(alloc_stress_collects_at_every_nth_slow_path) {
  cgc_options.stress = 7;
  cgc_cycle_set_room(CGC_GIB); /* no other reason to collect */
  uint64_t before = atomic_load(&cgc_alloc_nslow);
  for (int i = 0; i < 70; i++)
    cgc_alloc(100000, CGC_KIND_NOSCAN, false);
  ck_assert_uint_eq(atomic_load(&cgc_alloc_nslow) - before, 70);
  ck_assert_uint_eq(cgc_cycle_counters.ncycles, 10);
  cgc_options.stress = 0;
  for (int i = 0; i < 70; i++)
    cgc_alloc(100000, CGC_KIND_NOSCAN, false);
  ck_assert_uint_eq(cgc_cycle_counters.ncycles, 10);
}
END_TEST

/* ---- No memory -------------------------------------------------------- */

START_TEST(alloc_refuses_sizes_that_cannot_be) {
  static const size_t absurd[] = {SIZE_MAX, (size_t)PTRDIFF_MAX + 1,
                                  PTRDIFF_MAX, (size_t)1 << 47};
  char *block = cgc_alloc(100000, CGC_KIND_SCAN, true);
  for (int i = 0; i < 4; i++) {
    errno = 0;
    ck_assert_ptr_null(cgc_alloc(absurd[i], CGC_KIND_SCAN, true));
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
    ck_assert_ptr_null(cgc_alloc_aligned(64, absurd[i], CGC_KIND_SCAN, true));
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
    ck_assert_ptr_null(cgc_alloc_resize(block, absurd[i], true));
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert(is_live(block));
  }
}
END_TEST

/* Blocks of SIZE until there are no more; kept[] ends with a NULL. */
static size_t exhaust(char **kept, size_t max, size_t size) {
  size_t n = 0;
  errno = 0;
  while (n < max && (kept[n] = cgc_alloc(size, CGC_KIND_NOSCAN, false))) {
    kept[n][0] = kept[n][size - 1] = (char)n;
    n++;
  }
  ck_assert_uint_lt(n, max);
  ck_assert_int_eq(errno, ENOMEM);
  return n;
}

static char *kept[100000];

START_TEST(alloc_fails_at_the_limit_and_works_after_a_free) {
  if (CGC_SANITIZED)
    return; /* no room for the sanitizer's shadow */
  static const size_t each[] = {5000, 300000, 4 << 20};
  struct rlimit limit = {300 * CGC_MIB, 300 * CGC_MIB};
  ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
  set_up();
  for (int turn = 0; turn < 3; turn++) {
    size_t size = each[(turn + _i) % 3];
    size_t n = exhaust(kept, 100000, size);
    ck_assert_uint_gt(n * size, 100 * CGC_MIB);
    char *block = kept[n / 2];
    ck_assert_ptr_null(cgc_alloc_resize(block, 250 * CGC_MIB, false));
    ck_assert_int_eq(block[0], (char)(n / 2));
    for (size_t i = 0; i < n; i++) {
      ck_assert_int_eq(kept[i][0], (char)i);
      cgc_alloc_free(kept[i]);
    }
  }
  ck_assert_ptr_nonnull(cgc_alloc(50 * CGC_MIB, CGC_KIND_NOSCAN, false));
}
END_TEST

/* ---- In a signal handler ---------------------------------------------- */

START_TEST(alloc_inside_the_allocator_is_served_by_the_reserve) {
  char *mine = cgc_alloc(100, CGC_KIND_SCAN, true);
  ck_assert(cgc_mutator_enter(cgc_self));
  char *block = cgc_alloc(1000, CGC_KIND_SCAN, true);
  char *aligned = cgc_alloc_aligned(4096, 100, CGC_KIND_SCAN, true);
  bool freed = cgc_alloc_free(mine);
  cgc_mutator_leave(cgc_self);
  ck_assert(cgc_reserve_owns(block) && cgc_reserve_owns(aligned));
  ck_assert_uint_eq((uintptr_t)aligned % 4096, 0);
  ck_assert_uint_eq(cgc_alloc_usable(block), 1000);
  ck_assert(is_filled(block, 0, 1000));
  ck_assert(freed && is_live(mine)); /* left to the collector */
  memset(block, 0x5a, 1000);
  char *moved = cgc_alloc_resize(block, 2000, true);
  ck_assert(!cgc_reserve_owns(moved) && is_filled(moved, 0x5a, 1000));
  ck_assert(cgc_alloc_free(block));
}
END_TEST

static volatile sig_atomic_t nsignals, ndamaged;

static void on_alarm(int number) {
  static char *last[16];
  (void)number;
  char **place = &last[nsignals++ % 16];
  if (*place && !is_filled(*place, 0x33, 500))
    ndamaged++;
  cgc_alloc_free(*place);
  *place = cgc_alloc(500, CGC_KIND_SCAN, true);
  if (!*place || !is_filled(*place, 0, 500))
    ndamaged++;
  else
    memset(*place, 0x33, 500);
}

/* A stop is asked for, and a handler interrupts the call before it leaves. */
START_TEST(alloc_inside_the_allocator_leaves_a_stop_to_the_outer_call) {
  void *obj = cgc_alloc(40, CGC_KIND_SCAN, false);
  struct cgc_mutator *self = cgc_self;
  ck_assert(cgc_mutator_enter(self));
  self->stop_asked = 1;
  cgc_alloc(40, CGC_KIND_SCAN, false);
  cgc_alloc_free(obj);
  ck_assert_uint_eq(self->stop_asked, 1);
  cgc_mutator_leave(self);
  ck_assert_uint_eq(self->stop_asked, 0);
}
END_TEST

START_TEST(alloc_serves_signal_handlers_at_any_moment) {
  struct itimerval often = {{0, 100}, {0, 100}}, never = {{0, 0}, {0, 0}};
  cgc_options.trigger = CGC_MIB;
  signal(SIGALRM, on_alarm);
  setitimer(ITIMER_REAL, &often, NULL);
  for (int i = 0; i < 10000000 && nsignals < 3000; i++) {
    char *block = cgc_alloc((size_t)i * 7 % 3000, CGC_KIND_SCAN, true);
    if (i % 3)
      cgc_alloc_free(block);
  }
  setitimer(ITIMER_REAL, &never, NULL);
  ck_assert_int_eq(ndamaged, 0);
  ck_assert_int_gt(nsignals, 100);
}
END_TEST

/* ---- Misuse ----------------------------------------------------------- */

static char *small_block(void) { return cgc_alloc(100, CGC_KIND_SCAN, true); }
static char *large_block(void) {
  return cgc_alloc(100000, CGC_KIND_SCAN, true);
}

static void free_twice(char *(*make)(void)) {
  char *block = make();
  cgc_alloc_free(block);
  cgc_alloc_free(block);
}

static void free_interior(char *(*make)(void)) { cgc_alloc_free(make() + 16); }

static void resize_freed(char *(*make)(void)) {
  char *block = make();
  cgc_alloc_free(block);
  errno = 0;
  ck_assert_ptr_null(cgc_alloc_resize(block, 200, false));
  ck_assert_int_eq(errno, EINVAL);
}

static const struct {
  void (*act)(char *(*make)(void));
  char *(*make)(void);
} misuses[] = {{free_twice, small_block},    {free_twice, large_block},
               {free_interior, small_block}, {free_interior, large_block},
               {resize_freed, small_block},  {resize_freed, large_block}};
enum { MISUSES = sizeof misuses / sizeof misuses[0] };

START_TEST(alloc_misuse_aborts) {
  cgc_log_set_fd(-1);
  misuses[_i].act(misuses[_i].make);
}
END_TEST

START_TEST(alloc_misuse_does_no_harm) {
  cgc_log_set_fd(-1);
  cgc_options.bad_free = _i % 2 ? CGC_BAD_FREE_WARN : CGC_BAD_FREE_IGNORE;
  for (int i = 0; i < 5; i++)
    misuses[_i / 2].act(misuses[_i / 2].make);
  char *a = small_block(), *b = small_block();
  ck_assert_ptr_ne(a, b);
  ck_assert_ptr_ne(large_block(), large_block());
  cgc_alloc_collect(CGC_CYCLE_ASKED);
  ck_assert(is_live(a) && is_live(b));
}
END_TEST

START_TEST(alloc_free_of_foreign_memory_is_refused) {
  int local;
  ck_assert(!cgc_alloc_free(&local));
  ck_assert(!cgc_alloc_free((void *)16));
  ck_assert(cgc_alloc_free(NULL));
  ck_assert_uint_eq(cgc_alloc_usable(&local), 0);
}
END_TEST

START_TEST(alloc_ignored_free_leaves_the_block) {
  cgc_options.free = CGC_FREE_IGNORE;
  for (int i = 0; i < 2; i++) {
    char *block = i ? large_block() : small_block();
    memset(block, 0x5a, 100);
    ck_assert(cgc_alloc_free(block) && cgc_alloc_free(block));
    ck_assert(cgc_alloc_free(block + 16));
    ck_assert(is_live(block) && is_filled(block, 0x5a, 100));
  }
}
END_TEST

/* ---- Threads ---------------------------------------------------------- */

static _Atomic(char *) shared[THREADS * 16];

/* A block is filled with its own number; who takes it out, frees it. */
static void *exchange(void *arg) {
  unsigned seed = (unsigned)(uintptr_t)arg;
  for (int i = 0; i < BLOCKS * 10; i++) {
    size_t size = 16 + (size_t)rand_r(&seed) % (i % 50 ? 500 : 50000);
    char *block = cgc_alloc(size, CGC_KIND_NOSCAN, false);
    if (!block)
      return "no memory";
    memset(block, (char)size, size);
    memcpy(block, &size, sizeof size);
    block = atomic_exchange(&shared[rand_r(&seed) % (THREADS * 16)], block);
    if (!block)
      continue;
    memcpy(&size, block, sizeof size);
    if (!is_filled(block + sizeof size, (char)size, size - sizeof size))
      return "a block was overwritten";
    if (!cgc_alloc_free(block))
      return "a block was not known";
  }
  return NULL;
}

START_TEST(alloc_threads_free_each_others_blocks) {
  pthread_t threads[THREADS];
  void *error;
  cgc_options.stress = _i ? 20 : 0;
  cgc_options.verify = _i;
  for (uintptr_t i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, exchange, (void *)(i + 1));
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], &error);
    ck_assert_msg(!error, "%s", (char *)error);
  }
}
END_TEST

/* ---- Kinds that are made ---------------------------------------------- */

enum { MADE = 2000 };

static long nseen, nasked[MADE];

static enum cgc_kind make_kind(cgc_kind_scan_fn scan) {
  int kind = cgc_heap_add_kind(&cgc_heap);
  ck_assert_int_ge(kind, CGC_KIND_DESCRIBED);
  cgc_kind_set((enum cgc_kind)kind, &(struct cgc_kind_ops){.scan = scan});
  return (enum cgc_kind)kind;
}

/* An object says in its first word where its pointer is, or that it is new. */
static void scan_made(struct cgc_marker *marker, uintptr_t lo, uintptr_t hi) {
  const uintptr_t *p = (const uintptr_t *)lo;
  cgc_check(p[0] < 8 && ((const uintptr_t *)hi)[-1] == 0);
  nseen++;
  if (p[0])
    cgc_marker_mark_word(marker, p[p[0]]);
}

/* Stale contents would name a word behind the object. */
START_TEST(alloc_of_a_made_kind_is_never_scanned_with_old_contents) {
  static const size_t each[] = {100, 30000, 50000, 2 << 20};
  enum cgc_kind kind = make_kind(scan_made);
  cgc_options.stress = 1;
  cgc_options.verify = 1;
  for (int i = 0; i < 400; i++) {
    size_t size = each[i % 4];
    size_t usable;
    uintptr_t **volatile p = cgc_alloc(size, kind, true);
    usable = cgc_alloc_usable((void *)p);
    ck_assert(is_filled((char *)p, 0, usable));
    p[1] = cgc_alloc(size, kind, true);
    p[0] = (uintptr_t *)1;
    ck_assert(is_live(p[1]));
    char *dirty = cgc_alloc(size, CGC_KIND_SCAN, false);
    memset(dirty, 0xee, size);
    cgc_alloc_free(dirty);
  }
  ck_assert_int_gt(nseen, 100);
}
END_TEST

static int count_asked(void *obj) {
  long *p = obj;
  cgc_check(is_live(p));
  cgc_check(cgc_alloc(50, CGC_KIND_SCAN, true)); /* may do what it likes */
  return ++nasked[*p] <= *p % 3;                 /* kept as often as that */
}

/* No pointer to them is left: counted is what the ratio allows. */
START_TEST(alloc_asks_for_dead_objects_and_frees_them) {
  enum cgc_kind kind = make_kind(NULL);
  cgc_disclaim_set(kind, count_asked, false);
  cgc_options.free = _i ? CGC_FREE_IGNORE : CGC_FREE_HONOUR;
  for (long i = 0; i < MADE; i++) {
    long *p = cgc_alloc(i % 10 ? 100 : 50000, kind, true);
    *p = i;
  }
  for (int i = 0; i < 6; i++)
    ck_assert_int_eq(cgc_alloc_collect(CGC_CYCLE_ASKED), 0);
  size_t done = 0;
  for (long i = 0; i < MADE; i++) {
    ck_assert_int_le(nasked[i], i % 3 + 1);
    done += nasked[i] == i % 3 + 1;
  }
  ck_assert_uint_ge(done, MADE * 95 / 100);
  ck_assert_uint_eq(cgc_disclaim_waiting(), 0);
}
END_TEST

START_TEST(alloc_free_of_an_object_that_waits_ends_its_waiting) {
  struct cgc_disclaim_call call;
  enum cgc_kind kind = make_kind(NULL);
  cgc_disclaim_set(kind, count_asked, false);
  uintptr_t hidden = ~(uintptr_t)cgc_alloc(100, kind, true);
  ck_assert_int_eq(cgc_cycle_collect(CGC_CYCLE_ASKED), 0);
  if (cgc_disclaim_waiting() == 1) { /* else the stack has it still */
    cgc_alloc_free((void *)~hidden);
    ck_assert(!is_live((void *)~hidden));
    ck_assert(!cgc_disclaim_take(&call));
  }
}
END_TEST

static TCase *make_case(Suite *s, const char *name) {
  TCase *tcase = tcase_create(name);
  tcase_add_checked_fixture(tcase, set_up, NULL);
  suite_add_tcase(s, tcase);
  return tcase;
}

static void add_errors(Suite *s) {
  TCase *errors = make_case(s, "errors");
  tcase_add_loop_test_raise_signal(errors, alloc_misuse_aborts, SIGABRT, 0,
                                   MISUSES);
  tcase_add_loop_test(errors, alloc_misuse_does_no_harm, 0, 2 * MISUSES);
  tcase_add_test(errors, alloc_free_of_foreign_memory_is_refused);
  tcase_add_test(errors, alloc_ignored_free_leaves_the_block);
  tcase_add_test(errors, alloc_refuses_sizes_that_cannot_be);
}

int main(void) {
  Suite *s = suite_create("alloc");
  TCase *core = make_case(s, "core");
  tcase_add_loop_test(core, alloc_blocks_are_zeroed_aligned_and_of_their_kind,
                      0, CGC_KINDS);
  tcase_add_test(core, alloc_end_of_a_block_points_into_it);
  tcase_add_test(core, alloc_keeps_any_alignment);
  tcase_add_test(core, alloc_gives_blocks_of_4_mib_at_multiples_of_4_mib);
  tcase_add_test(core, alloc_resize_keeps_contents_and_zeroes_the_rest);
  tcase_add_test(core, alloc_resize_stays_where_there_is_room);
  tcase_add_test(core,
                 alloc_resize_of_a_large_block_takes_free_pages_behind_it);
  tcase_add_test(core, alloc_resize_frees_what_it_leaves);
  tcase_add_test(core, alloc_reclaims_what_is_lost);
  tcase_add_test(core, alloc_stress_collects_at_every_nth_slow_path);
  TCase *made = make_case(s, "made");
  tcase_add_test(made, alloc_of_a_made_kind_is_never_scanned_with_old_contents);
  tcase_add_loop_test(made, alloc_asks_for_dead_objects_and_frees_them, 0, 2);
  tcase_add_test(made, alloc_free_of_an_object_that_waits_ends_its_waiting);
  add_errors(s);
  TCase *limits = tcase_create("limits"); /* the limit comes before the heap */
  tcase_add_loop_test(limits, alloc_fails_at_the_limit_and_works_after_a_free,
                      0, 3);
  suite_add_tcase(s, limits);
  TCase *concurrent = make_case(s, "concurrent");
  tcase_add_test(concurrent,
                 alloc_inside_the_allocator_is_served_by_the_reserve);
  tcase_add_test(concurrent,
                 alloc_inside_the_allocator_leaves_a_stop_to_the_outer_call);
  tcase_add_test(concurrent, alloc_serves_signal_handlers_at_any_moment);
  tcase_add_loop_test(concurrent, alloc_threads_free_each_others_blocks, 0, 2);
  return unit_run(s);
}
