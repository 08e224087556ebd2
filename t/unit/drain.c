/* SPDX-License-Identifier: MIT */
/*
 * The same is marked by every kernel, object by object or span by span, by any
 * number of markers, with and without what the options add.
 */
#include "mark/drain.h"

#include "base/option.h"
#include "heap/walk.h"
#include "mark/displacement.h"
#include "mark/worker.h"
#include "private.h"

#include <stdlib.h>

enum { FEW = 20, OBJECTS = 60000, EDGES = 3, MARKERS_MAX = 4 };

static const size_t large_enough = (size_t)1 << 40; /* in use, pretended */

static struct cgc_heap *heap;
static struct cgc_cache *cache;

static struct node {
  void **obj;
  size_t words;
  enum cgc_kind kind;
  int to[EDGES]; /* -1: a pointer that doesn't count */
  bool reached;
} nodes[OBJECTS];
static int stack[OBJECTS];

static void set_up(void) {
  heap = private_heap((size_t)2 << 30, (size_t)64 << 20);
  cache = private_cache(heap);
}

/* 0, or how far the neighbours are that most edges lead to. */
static uint64_t nearby;

static size_t random_size(struct unit_random *r) {
  static const size_t few[] = {16, 40, 48, 64, 104, 144, 1000, 4096};
  if (nearby && unit_below(r, 100))
    return few[unit_below(r, unit_below(r, 20) ? 6 : 8)] + 8;
  uint64_t n = unit_below(r, 1000);
  if (n == 0)
    return CGC_SMALL_MAX + 1 + unit_below(r, 100000);
  return n < 50 ? 32 + unit_below(r, 9000) : 32 + unit_below(r, 200);
}

/* Words that are no pointer are odd: no distance either. */
static void make_nodes(struct unit_random *r) {
  for (int i = 0; i < OBJECTS; i++) {
    struct node *n = &nodes[i];
    size_t size = random_size(r);
    n->words = size / sizeof(void *);
    n->kind = i < FEW || unit_below(r, 5) ? CGC_KIND_SCAN : CGC_KIND_NOSCAN;
    n->obj = private_alloc(cache, n->kind, size);
    for (size_t w = 0; w < n->words; w++)
      n->obj[w] = (void *)(uintptr_t)(2 * unit_below(r, 1000) + 1);
  }
}

static int target(struct unit_random *r, int from, int live) {
  int to = (int)unit_below(r, (uint64_t)live);
  if (nearby && unit_below(r, 10))
    to = (from - (int)nearby / 2 + (int)unit_below(r, nearby)) % live;
  return to < 0 ? 0 : to;
}

/* Words are numbered from the end where the last ones are to be tried. */
static void connect(struct unit_random *r, int live) {
  for (int i = 0; i < OBJECTS; i++)
    for (int e = 0; e < EDGES; e++) {
      struct node *n = &nodes[i];
      int to = target(r, i, live);
      size_t w = n->words * (size_t)(e + 1) / EDGES - 1;
      size_t offset = unit_below(r, nodes[to].words * 8);
      n->to[e] = cgc_displacement_counts(offset) ? to : -1;
      n->obj[w] = (char *)nodes[to].obj + offset;
    }
}

static int reach(int depth, int i) {
  if (i >= 0 && !nodes[i].reached) {
    nodes[i].reached = true;
    stack[depth++] = i;
  }
  return depth;
}

static void model_mark(int nroots) {
  int depth = 0;
  for (int i = 0; i < nroots; i++)
    depth = reach(depth, i);
  while (depth > 0) {
    const struct node *n = &nodes[stack[--depth]];
    for (int e = 0; e < EDGES && n->kind == CGC_KIND_SCAN; e++)
      depth = reach(depth, n->to[e]);
  }
}

/* One object that points to all that are reached: a wide front. */
static void **new_wide(void) {
  void **wide = private_alloc(cache, CGC_KIND_SCAN, OBJECTS * sizeof *wide);
  size_t n = 0;
  for (int i = 0; i < OBJECTS; i++)
    if (nodes[i].reached)
      wide[n++] = nodes[i].obj;
  return wide;
}

/* Turns to spans when LIMIT objects wait. */
static uint64_t mark_from(void *root, unsigned markers, size_t limit) {
  static struct cgc_workers workers[MARKERS_MAX + 1];
  struct cgc_workers *ws = &workers[markers];
  if (!ws->worker)
    ck_assert(cgc_workers_init(ws, markers));
  cgc_cache_flush(cache);
  cgc_heap_prepare_marks(heap);
  struct cgc_marker *m = cgc_workers_open(ws, heap, large_enough);
  for (unsigned i = 0; i < ws->n; i++)
    ws->worker[i]->marker.queue.limit = limit;
  cgc_marker_scan_range(m, (uintptr_t)&root, (uintptr_t)(&root + 1));
  cgc_workers_finish(ws);
  return m->grey_spans;
}

static void compare(const char *how, unsigned markers) {
  for (int i = 0; i < OBJECTS; i++) {
    struct cgc_object obj = private_object(heap, nodes[i].obj);
    if (cgc_object_is_marked(&heap->arena, &obj) != nodes[i].reached)
      ck_abort_msg("object %d, %s, kernel %d, %u markers: %s", i, how,
                   (int)cgc_options.scan, markers,
                   nodes[i].reached ? "lost" : "kept without a pointer");
  }
}

static void run(struct unit_random *r) {
  make_nodes(r);
  connect(r, OBJECTS / 4 * 3);
  void **few = private_alloc(cache, CGC_KIND_SCAN, FEW * sizeof *few);
  for (int i = 0; i < FEW; i++)
    few[i] = nodes[i].obj;
  model_mark(FEW);
  void **wide = new_wide();
  for (unsigned markers = 1; markers <= MARKERS_MAX; markers++) {
    mark_from(few, markers, CGC_QUEUE_SLOTS);
    compare("from few", markers);
    mark_from(wide, markers, CGC_QUEUE_SLOTS);
    compare("from many", markers);
    ck_assert_uint_gt(mark_from(few, markers, 1), 1000);
    compare("from few by spans", markers);
    ck_assert_uint_gt(mark_from(wide, markers, 200), 0);
    compare("from many by spans", markers);
  }
}

START_TEST(every_kernel_marks_what_the_model_says) {
  struct unit_random r = unit_random();
  cgc_options.scan = _i;
  run(&r);
}
END_TEST

/* Most of what an object names stands in its window. */
START_TEST(neighbours_are_marked_as_the_model_says) {
  struct unit_random r = unit_random();
  cgc_options.scan = _i / 4;
  cgc_options.packed = cgc_options.relative = _i / 2 % 2;
  nearby = _i % 2 ? 60 : 500;
  run(&r);
}
END_TEST

START_TEST(every_thorough_kernel_marks_what_the_model_says) {
  struct unit_random r = unit_random();
  cgc_options.scan = _i;
  cgc_options.packed = cgc_options.relative = 1;
  cgc_options.tagged = _i % 2;
  run(&r);
}
END_TEST

/* Pointers to every other byte count: more than one of a node's edges. */
static void be_strict(void) {
  cgc_displacement_set_all(false);
  for (size_t offset = 0; offset < CGC_DISPLACEMENT_MAX; offset += 2)
    cgc_displacement_allow(offset);
}

START_TEST(every_strict_kernel_marks_what_the_model_says) {
  struct unit_random r = unit_random();
  cgc_options.scan = _i;
  be_strict();
  run(&r);
}
END_TEST

/* ---- Shapes that take a way of their own ------------------------------ */

static uint64_t marked_from(void *root) {
  static struct cgc_pool pool;
  static struct cgc_marker marker;
  cgc_cache_flush(cache);
  cgc_heap_prepare_marks(heap);
  cgc_pool_open(&pool, &heap->arena, 1);
  cgc_marker_open(&marker, heap, &pool);
  cgc_marker_mark_word(&marker, (uintptr_t)root);
  cgc_marker_drain(&marker);
  return marker.marked_objects;
}

/* Links stand at any word and lead to any byte; sizes and kinds change. */
START_TEST(a_list_of_many_sorts_is_followed_to_its_end) {
  struct unit_random r = unit_random();
  enum { LENGTH = 20000 };
  void **first = NULL, **last = NULL;
  cgc_options.scan = _i;
  for (int i = 0; i < LENGTH; i++) {
    bool same = i % 1000 < 900;
    size_t n = same ? 6 : 2 + unit_below(&r, 20);
    void **p = private_alloc(cache, CGC_KIND_SCAN, n * sizeof *p);
    if (last)
      last[0] = (char *)p + (same ? 0 : unit_below(&r, n * sizeof *p));
    else
      first = p;
    if (!same && unit_below(&r, 2)) /* a leaf beside the link */
      p[1] = p;
    last = p;
  }
  ck_assert_uint_eq(marked_from(first), LENGTH);
}
END_TEST

static int by_address(const void *a, const void *b) {
  uintptr_t p = *(const uintptr_t *)a, q = *(const uintptr_t *)b;
  return (p > q) - (p < q);
}

/*
 * Neighbours in the order of their addresses: such a list is followed many at
 * a time.  It has an end, a way back or one that leads past the next, anywhere.
 */
START_TEST(a_list_in_order_ends_where_it_does) {
  enum { NODES = 200 };
  void **node[NODES];
  size_t n = 2 * ((size_t)_i / CGC_SCAN_KERNELS + 1), link = n - 1;
  cgc_options.scan = _i % CGC_SCAN_KERNELS;
  for (int i = 0; i < NODES; i++)
    node[i] = private_alloc(cache, CGC_KIND_SCAN, n * sizeof(void *));
  qsort(node, NODES, sizeof *node, by_address);
  for (int i = 0; i < NODES - 1; i++)
    node[i][link] = node[i + 1];
  for (int end = 1; end < NODES - 2; end++) {
    uint64_t length = (uint64_t)end + 1;
    node[end][link] = NULL;
    ck_assert_uint_eq(marked_from(node[0]), length);
    node[end][link] = node[end / 2];
    ck_assert_uint_eq(marked_from(node[0]), length);
    node[end][link] = node[end + 2];
    ck_assert_uint_eq(marked_from(node[0]), NODES - 1);
    node[end][link] = node[end + 1];
    node[end][0] = node[end / 2];
    ck_assert_uint_eq(marked_from(node[0]), NODES);
    node[end][0] = NULL;
  }
}
END_TEST

START_TEST(a_list_that_ends_in_noscan_large_or_itself_ends) {
  static const size_t sizes[] = {48, 100000};
  for (int kind = CGC_KIND_NOSCAN; kind <= CGC_KIND_SCAN; kind++)
    for (int i = 0; i < 2; i++) {
      void **a = private_alloc(cache, CGC_KIND_SCAN, 48);
      void **b = private_alloc(cache, CGC_KIND_SCAN, 48);
      void **end = private_alloc(cache, (enum cgc_kind)kind, sizes[i]);
      a[2] = b;
      b[4] = end;
      end[3] = a;
      ck_assert_uint_eq(marked_from(a), 3);
    }
}
END_TEST

START_TEST(a_list_ends_at_a_link_that_does_not_count) {
  void **a = private_alloc(cache, CGC_KIND_SCAN, 48);
  void **b = private_alloc(cache, CGC_KIND_SCAN, 48);
  void **c = private_alloc(cache, CGC_KIND_SCAN, 48);
  cgc_options.scan = _i;
  be_strict();
  a[2] = (char *)b + 8;
  b[2] = (char *)c + 7;
  ck_assert_uint_eq(marked_from(a), 2);
  cgc_displacement_set_all(true);
  ck_assert_uint_eq(marked_from(a), 3);
}
END_TEST

/*
 * Large tables of what is marked already, or waits in its span, leave nothing
 * to be scanned behind them.
 */
START_TEST(a_step_is_bounded_whatever_it_leads_to) {
  enum { WORDS = 4 << 20, STEP_BYTES = 64 << 10 };
  static struct cgc_pool pool;
  static struct cgc_marker m;
  void **table = private_alloc(cache, CGC_KIND_SCAN, WORDS * sizeof *table);
  for (size_t i = 0; i < WORDS; i++)
    table[i] = i % 64 ? table[i - 1] : private_alloc(cache, CGC_KIND_SCAN, 48);
  cgc_cache_flush(cache);
  cgc_heap_prepare_marks(heap);
  cgc_pool_open(&pool, &heap->arena, 1);
  cgc_marker_open(&m, heap, &pool);
  cgc_marker_set_bounded(&m);
  m.queue.limit = 8;
  cgc_marker_scan_words(&m, (uintptr_t)&table, (uintptr_t)(&table + 1));
  for (uint64_t before = 0; !cgc_marker_drain_some(&m, 64);) {
    ck_assert_uint_le(m.scanned_bytes - before, STEP_BYTES);
    before = m.scanned_bytes;
  }
  ck_assert_uint_gt(m.grey_spans, 0);
  ck_assert_uint_eq(m.marked_objects, 1 + WORDS / 64);
}
END_TEST

static size_t scan_few(uintptr_t lo, uintptr_t hi) {
  static struct cgc_pool pool;
  static struct cgc_marker marker;
  cgc_heap_prepare_marks(heap);
  cgc_pool_open(&pool, &heap->arena, 1);
  cgc_marker_open(&marker, heap, &pool);
  cgc_marker_scan_range(&marker, lo, hi);
  return marker.marked_objects;
}

/* Each word of a range counts, and none outside it. */
START_TEST(a_range_of_any_length_is_scanned_to_its_ends) {
  static uintptr_t words[64];
  cgc_options.scan = _i;
  uintptr_t p = (uintptr_t)private_alloc(cache, CGC_KIND_SCAN, 48);
  cgc_cache_flush(cache);
  for (size_t n = 1; n <= 40; n++)
    for (size_t at = 0; at < n + 2; at++) {
      memset(words, 0, sizeof words);
      words[at] = p;
      ck_assert_uint_eq(
          scan_few((uintptr_t)&words[1], (uintptr_t)&words[n + 1]),
          at >= 1 && at <= n);
    }
}
END_TEST

/* Large objects and roots are scanned in pieces. */
START_TEST(a_packed_word_is_found_across_pieces) {
  enum { BYTES = 50 * 4096 };
  cgc_options.scan = _i;
  cgc_options.packed = 1;
  char *large = private_alloc(cache, CGC_KIND_SCAN, BYTES);
  static char roots[BYTES] __attribute__((aligned(16)));
  uintptr_t p = (uintptr_t)private_alloc(cache, CGC_KIND_SCAN, 48);
  for (size_t i = 0; i < 3 * (BYTES / 4096 - 1); i++) {
    size_t at = 4096 * (i / 3 + 1) - 4 * (i % 3);
    memset(large, 0, BYTES);
    memset(roots, 0, BYTES);
    memcpy(large + at, &p, sizeof p);
    ck_assert_uint_eq(marked_from(large), 2);
    memcpy(roots + at, &p, sizeof p);
    cgc_heap_prepare_marks(heap);
    ck_assert_uint_eq(scan_few((uintptr_t)roots, (uintptr_t)roots + BYTES), 1);
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("drain");
  TCase *core = tcase_create("core");
  TCase *shapes = tcase_create("shapes");
  int lo = CGC_SCAN_AUTO, hi = CGC_SCAN_KERNELS;
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_loop_test(core, every_kernel_marks_what_the_model_says, lo, hi);
  tcase_add_loop_test(core, every_thorough_kernel_marks_what_the_model_says, lo,
                      hi);
  tcase_add_loop_test(core, every_strict_kernel_marks_what_the_model_says, lo,
                      hi);
  tcase_add_loop_test(core, neighbours_are_marked_as_the_model_says, 0,
                      4 * CGC_SCAN_KERNELS);
  tcase_set_timeout(core, 60);
  tcase_add_checked_fixture(shapes, set_up, NULL);
  tcase_add_loop_test(shapes, a_list_of_many_sorts_is_followed_to_its_end, lo,
                      hi);
  tcase_add_loop_test(shapes, a_list_in_order_ends_where_it_does, 0,
                      4 * CGC_SCAN_KERNELS);
  tcase_add_test(shapes, a_step_is_bounded_whatever_it_leads_to);
  tcase_add_test(shapes, a_list_that_ends_in_noscan_large_or_itself_ends);
  tcase_add_loop_test(shapes, a_list_ends_at_a_link_that_does_not_count, lo,
                      hi);
  tcase_add_loop_test(shapes, a_range_of_any_length_is_scanned_to_its_ends, lo,
                      hi);
  tcase_add_loop_test(shapes, a_packed_word_is_found_across_pieces, lo, hi);
  tcase_set_timeout(shapes, 60);
  suite_add_tcase(s, core);
  suite_add_tcase(s, shapes);
  return unit_run(s);
}
