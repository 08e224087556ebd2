/* SPDX-License-Identifier: MIT */
#include "mark/marker.h"

#include "base/option.h"
#include "heap/walk.h"
#include "private.h"

#include <sys/mman.h>

enum { LIMIT = 1000, OBJECTS = 40000, EDGES = 4, ROOTS = 64 };

static struct cgc_heap *heap;
static struct cgc_cache *cache;
static struct cgc_pool pool;
static struct cgc_marker marker;

static void set_up(void) {
  heap = private_heap((size_t)2 << 30, (size_t)64 << 20);
  cache = private_cache(heap);
}

static void *new_object(size_t size) {
  return private_alloc(cache, CGC_KIND_SCAN, size);
}

static void begin(void) {
  cgc_heap_sweep_all(heap);
  cgc_cache_flush(cache);
  cgc_heap_prepare_marks(heap);
  cgc_verify_prepared(heap);
  cgc_pool_open(&pool, &heap->arena, 1);
  cgc_marker_open(&marker, heap, &pool);
}

static unsigned step; /* not 0: pieces drained at a time */

static void mark_in_steps(void *const *roots, size_t n) {
  for (size_t i = 0; i < n; i++)
    cgc_marker_mark_word(&marker, (uintptr_t)roots[i]);
  while (!cgc_marker_drain_some(&marker, step))
    ;
}

static void mark_from(void *const *roots, size_t n) {
  if (step) {
    mark_in_steps(roots, n);
    return;
  }
  cgc_marker_scan_range(&marker, (uintptr_t)roots, (uintptr_t)(roots + n));
  cgc_marker_drain(&marker);
}

static bool is_marked(const void *p) {
  struct cgc_object obj = private_object(heap, p);
  return cgc_object_is_marked(&heap->arena, &obj);
}

START_TEST(nothing_is_marked_without_a_root) {
  void *p = new_object(100);
  begin();
  cgc_marker_drain(&marker);
  ck_assert(!is_marked(p));
  ck_assert_uint_eq(marker.marked_objects, 0);
}
END_TEST

START_TEST(every_byte_of_an_object_marks_it_and_no_other) {
  for (unsigned class = 1; class <= CGC_CLASSES; class ++) {
    size_t size = cgc_size_classes[class].size;
    char *before = new_object(size), *p = new_object(size);
    char *after = new_object(size);
    for (size_t at = 0; at < size; at += 1 + at / 64) {
      begin();
      cgc_marker_mark_word(&marker, (uintptr_t)p + at);
      cgc_marker_drain(&marker);
      ck_assert(is_marked(p));
      ck_assert(!is_marked(before) && !is_marked(after));
      ck_assert_uint_eq(marker.marked_objects, 1);
      ck_assert_uint_eq(marker.marked_bytes, size);
    }
    cgc_heap_flip(heap, 0); /* all of them die */
  }
}
END_TEST

START_TEST(a_word_behind_the_last_slot_marks_nothing) {
  for (unsigned class = 1; class <= CGC_CLASSES; class ++) {
    const struct cgc_size_class *c = &cgc_size_classes[class];
    char *first = new_object(c->size);
    uintptr_t base = private_object(heap, first).span->base;
    size_t bytes = (size_t)c->npages << CGC_PAGE_SHIFT;
    begin();
    for (size_t at = (size_t)c->nslots * c->size; at < bytes; at++)
      cgc_marker_mark_word(&marker, base + at);
    cgc_marker_drain(&marker);
    ck_assert_uint_eq(marker.marked_objects, 0);
  }
}
END_TEST

START_TEST(noscan_objects_are_marked_and_not_read) {
  void **text = private_alloc(cache, CGC_KIND_NOSCAN, 100);
  void **big = private_alloc(cache, CGC_KIND_NOSCAN, 100000);
  void *a = new_object(50), *b = new_object(50);
  void *roots[] = {text, big};
  text[0] = a;
  big[0] = b;
  begin();
  mark_from(roots, 2);
  ck_assert(is_marked(text) && is_marked(big));
  ck_assert(!is_marked(a) && !is_marked(b));
}
END_TEST

START_TEST(pinned_objects_are_roots_while_they_live) {
  void **pinned = private_alloc(cache, CGC_KIND_PINNED, 100);
  void **big = private_alloc(cache, CGC_KIND_PINNED, 100000);
  void **blind = private_alloc(cache, CGC_KIND_PINNED_NOSCAN, 100);
  void **freed = private_alloc(cache, CGC_KIND_PINNED, 100);
  void *objects[4];
  for (int i = 0; i < 4; i++)
    objects[i] = new_object(64);
  pinned[3] = objects[0];
  big[9999] = objects[1];
  blind[0] = objects[2];
  freed[0] = objects[3];
  private_free(cache, freed);
  begin();
  cgc_marker_scan_pinned(&marker);
  cgc_marker_drain(&marker);
  ck_assert(is_marked(objects[0]) && is_marked(objects[1]));
  ck_assert(!is_marked(objects[2]) && !is_marked(objects[3]));
}
END_TEST

START_TEST(pinned_objects_may_be_queued_page_by_page) {
  void **small = private_alloc(cache, CGC_KIND_PINNED, 100);
  void **big = private_alloc(cache, CGC_KIND_PINNED, 1000000);
  small[3] = new_object(64), big[99999] = new_object(64);
  begin();
  for (size_t page = 0; page < cgc_arena_pages(&heap->arena); page++)
    cgc_marker_queue_pinned(&marker, page, page + 1);
  cgc_marker_drain(&marker);
  ck_assert(is_marked(small[3]) && is_marked(big[99999]));
  ck_assert_uint_eq(marker.marked_objects, 4);
}
END_TEST

START_TEST(pinned_objects_count_as_live) {
  void *a = private_alloc(cache, CGC_KIND_PINNED, 100);
  void *b = private_alloc(cache, CGC_KIND_PINNED_NOSCAN, 200000);
  size_t size = private_object(heap, a).size + private_object(heap, b).size;
  begin();
  cgc_marker_scan_pinned(&marker);
  cgc_marker_drain(&marker);
  ck_assert_uint_eq(marker.marked_bytes, size);
  ck_assert_uint_eq(marker.marked_objects, 2);
}
END_TEST

/* ---- Objects that describe themselves --------------------------------- */

/* A described object holds one pointer, in its last word but one. */
static void scan_last_but_one(struct cgc_marker *m, uintptr_t lo,
                              uintptr_t hi) {
  ck_assert_uint_eq(lo % 16, 0);
  cgc_marker_mark_word(m, ((uintptr_t *)hi)[-2]);
  cgc_marker_scan_words(m, hi - 16, hi - 8);
}

/* Its whole span becomes of KIND while nobody but the marker uses it. */
static void describe(void **p, enum cgc_kind kind) {
  struct cgc_object obj = private_object(heap, p);
  obj.span->kind = (uint8_t)kind;
  cgc_arena_set(&heap->arena, obj.span);
}

static void begin_described(void **objects, size_t n, enum cgc_kind kind,
                            cgc_kind_scan_fn fn) {
  const struct cgc_kind_ops ops = {.scan = fn};
  cgc_kind_set(kind, &ops);
  begin();
  for (size_t i = 0; i < n; i++)
    describe(objects[i], kind);
  cgc_heap_prepare_marks(heap);
}

static void **next_of(void **p) {
  return (void **)((char *)p + private_object(heap, p).size - 16);
}

static void mark_described(size_t size, bool has_function) {
  void **pair[2] = {new_object(size), new_object(size)};
  void *hidden = new_object(3000), *seen = new_object(3000);
  pair[0][0] = hidden;
  *next_of(pair[0]) = pair[1];
  *next_of(pair[1]) = seen;
  begin_described((void **)pair, 2, CGC_KIND_DESCRIBED,
                  has_function ? scan_last_but_one : NULL);
  mark_from((void **)pair, 1);
  ck_assert(is_marked(pair[0]) && is_marked(pair[1]) && is_marked(seen));
  ck_assert(is_marked(hidden) == !has_function);
  describe(pair[0], CGC_KIND_SCAN);
  describe(pair[1], CGC_KIND_SCAN);
}

START_TEST(a_described_object_is_scanned_by_its_kind) {
  static const size_t sizes[] = {32, 256, 4000, 32768, 100000, 900000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    mark_described(sizes[i], true);
}
END_TEST

START_TEST(a_kind_without_a_function_is_scanned_word_by_word) {
  static const size_t sizes[] = {32, 256, 4000, 32768, 100000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    mark_described(sizes[i], false);
}
END_TEST

/* So many that the queue runs full, and they wait in their spans. */
START_TEST(described_objects_are_scanned_by_their_kind_in_grey_spans) {
  enum { N = 2 * LIMIT };
  void **wide = new_object(N * sizeof *wide);
  void *root = wide, *hidden = new_object(3000);
  for (size_t i = 0; i < N; i++) {
    void **p = wide[i] = new_object(48);
    p[0] = hidden;
    *next_of(p) = new_object(3000);
  }
  begin_described(wide, N, CGC_KIND_DESCRIBED, scan_last_but_one);
  marker.queue.limit = LIMIT;
  mark_from(&root, 1);
  ck_assert(!is_marked(hidden));
  ck_assert_uint_gt(marker.grey_spans, 0);
  ck_assert_uint_eq(marker.marked_objects, 1 + 2 * N);
}
END_TEST

START_TEST(a_long_list_is_followed_to_its_end) {
  void **head = NULL, **first;
  for (int i = 0; i < OBJECTS; i++) {
    void **next = new_object(48);
    next[i % 6] = head;
    head = next;
  }
  first = head;
  begin();
  mark_from((void **)&first, 1);
  ck_assert_uint_eq(marker.marked_objects, OBJECTS);
}
END_TEST

START_TEST(a_cycle_ends) {
  void **a = new_object(32), **b = new_object(32);
  void *root = a;
  a[0] = b;
  b[0] = a;
  b[1] = b;
  begin();
  mark_from(&root, 1);
  ck_assert_uint_eq(marker.marked_objects, 2);
}
END_TEST

START_TEST(every_word_of_a_large_object_is_read) {
  size_t n = (size_t)700 << 10 >> 3; /* several pieces, the last one short */
  void **large = new_object(n * sizeof *large);
  void *root = (char *)large + 12345;
  static const size_t edges[] = {0, 1, 16383, 16384, 16385, 32767, 32768};
  struct unit_random r = unit_random();
  for (int round = 0; round < 60; round++) {
    size_t at = round < 7 ? edges[round]
                          : unit_below(&r, n); /* around the pieces' ends */
    if (round == 7)
      at = n - 1;
    large[at] = new_object(32);
    begin();
    mark_from(&root, 1);
    ck_assert(is_marked(large[at]));
    ck_assert_uint_eq(marker.marked_objects, 2);
    large[at] = NULL;
  }
}
END_TEST

/*
 * The queue of pieces runs full at one object: whichever it is, small or
 * large, what it points to must be found.
 */
static void fill_the_queue(size_t before, size_t size) {
  void **wide = new_object(4000 * sizeof *wide);
  void **leaf_holder, *root = wide;
  for (size_t i = 0; i < 4000; i++)
    wide[i] = i == before ? new_object(size) : new_object(16);
  leaf_holder = wide[before];
  leaf_holder[1] = new_object(16);
  begin();
  marker.queue.limit = LIMIT;
  mark_from(&root, 1);
  ck_assert_uint_gt(marker.grey_spans, 0);
  ck_assert(is_marked(leaf_holder));
  ck_assert_msg(is_marked(leaf_holder[1]), "lost at %zu", before);
  ck_assert_uint_eq(marker.marked_objects, 4002);
  cgc_heap_flip(heap, 0);
}

START_TEST(nothing_is_lost_where_the_queue_runs_full_at_a_small_object) {
  for (size_t i = LIMIT - 40; i < LIMIT + 60; i++)
    fill_the_queue(i, 64);
}
END_TEST

START_TEST(nothing_is_lost_where_the_queue_runs_full_at_a_large_object) {
  for (size_t i = LIMIT - 40; i < LIMIT + 60; i++)
    fill_the_queue(i, 40000);
}
END_TEST

/* So many large ones that some of them wait in their spans. */
START_TEST(nothing_is_lost_where_the_queue_runs_full_of_large_objects) {
  enum { N = CGC_QUEUE_PIECES + 200 };
  void **wide = new_object(N * sizeof *wide);
  void *root = wide;
  for (int i = 0; i < N; i++) {
    void **large = wide[i] = new_object(CGC_SMALL_MAX + 1);
    large[i] = new_object(16);
  }
  begin();
  mark_from(&root, 1);
  ck_assert_uint_gt(marker.grey_spans, 0);
  ck_assert_uint_eq(marker.marked_objects, 1 + 2 * N);
}
END_TEST

START_TEST(many_large_objects_at_once) {
  enum { N = 600 };
  void **wide = new_object(N * sizeof *wide);
  void *root = wide;
  for (int i = 0; i < N; i++) {
    void **large = wide[i] = new_object(300000);
    large[i * 37000 / N] = new_object(16);
  }
  begin();
  mark_from(&root, 1);
  ck_assert_uint_eq(marker.marked_objects, 1 + 2 * N);
}
END_TEST

static size_t pages_present(const void *p, size_t bytes) {
  static unsigned char present[4096];
  size_t n = 0;
  ck_assert_uint_le(bytes / 4096, sizeof present);
  ck_assert_int_eq(mincore((void *)(uintptr_t)p, bytes, present), 0);
  for (size_t i = 0; i < bytes / 4096; i++)
    n += present[i] & 1;
  return n;
}

START_TEST(what_was_never_touched_of_a_large_object_stays_so) {
  enum { BYTES = 13 << 20, PAGES = BYTES / 4096 };
  bool zeroed;
  struct cgc_span *span =
      cgc_heap_new_large(heap, BYTES, 1, CGC_KIND_SCAN, &zeroed);
  void **large = (void **)span->base;
  void *targets[3] = {new_object(48), new_object(48), new_object(48)};
  large[0] = targets[0];
  large[BYTES / 2 / sizeof *large] = targets[1];
  large[BYTES / sizeof *large - 1] = targets[2];
  size_t before = pages_present(large, BYTES);
  begin();
  mark_from((void *const *)&large, 1);
  for (int i = 0; i < 3; i++)
    ck_assert(is_marked(targets[i]));
  ck_assert_uint_le(pages_present(large, BYTES), before + PAGES / 20);
}
END_TEST

START_TEST(unaligned_words_count_where_they_are_asked_for) {
  static char packed[10000];
  for (size_t at = 0; at <= sizeof packed - sizeof(void *);
       at += at % 4096 < 40 || at % 4096 > 4070 ? 1 : 11) {
    void *p = new_object(32);
    memset(packed, 0, sizeof packed);
    memcpy(packed + at, &p, sizeof p);
    begin();
    cgc_marker_scan_unaligned(&marker, (uintptr_t)packed,
                              (uintptr_t)packed + sizeof packed);
    cgc_marker_drain(&marker);
    ck_assert(is_marked(p));
  }
}
END_TEST

START_TEST(tags_and_pointers_before_the_start_count_by_option) {
  char *a = new_object(64), *between = new_object(64), *b = new_object(64);
  ck_assert_ptr_eq(between, b - 64);
  void *roots[] = {(void *)((uintptr_t)a | (uintptr_t)0xabcd << 48), b - 8};
  begin();
  mark_from(roots, 2);
  ck_assert(!is_marked(a));
  cgc_options.tagged = cgc_options.before_start = 1;
  begin();
  mark_from(roots, 2);
  ck_assert(is_marked(a) && is_marked(b));
}
END_TEST

/* ---- Against a model of what is reachable ----------------------------- */

struct node {
  void **obj;
  size_t words;
  enum cgc_kind kind;
  bool reached;
  bool live;
  int to[EDGES];
};

static struct node nodes[OBJECTS];
static int stack[OBJECTS];

static size_t random_size(struct unit_random *r) {
  uint64_t n = unit_below(r, 1000);
  if (n == 0)
    return CGC_SMALL_MAX + 1 + unit_below(r, 300000);
  return n < 50 ? 32 + unit_below(r, 9000) : 32 + unit_below(r, 300);
}

static void make_nodes(struct unit_random *r) {
  for (int i = 0; i < OBJECTS; i++) {
    struct node *n = &nodes[i];
    size_t size = random_size(r);
    *n = (struct node){.words = size / sizeof(void *), .live = true};
    n->kind = unit_below(r, 5)
                  ? CGC_KIND_SCAN
                  : (enum cgc_kind)unit_below(r, CGC_KIND_DESCRIBED);
    n->obj = private_alloc(cache, n->kind, size);
    for (size_t w = 0; w < n->words; w++) /* words that are no pointers */
      n->obj[w] = (void *)(uintptr_t)unit_below(r, 1000);
  }
}

/* Pointers to anywhere in the object, at any word of the node. */
static void connect(struct unit_random *r, int near) {
  for (int i = 0; i < OBJECTS; i++)
    for (int e = 0; e < EDGES; e++) {
      bool none = unit_below(r, 3) == 0;
      int to = near ? (i + 1 + (int)unit_below(r, (uint64_t)near)) % OBJECTS
                    : (int)unit_below(r, OBJECTS);
      size_t w = nodes[i].words * (size_t)e / EDGES;
      nodes[i].to[e] = none ? -1 : to;
      if (!none)
        nodes[i].obj[w] =
            (char *)nodes[to].obj + unit_below(r, nodes[to].words * 8);
    }
}

static void kill_some(struct unit_random *r) {
  for (int i = 0; i < OBJECTS; i++)
    if (unit_below(r, 10) == 0) {
      private_free(cache, nodes[i].obj);
      nodes[i].live = false;
    }
}

static int reach(int depth, int i) {
  if (i >= 0 && nodes[i].live && !nodes[i].reached) {
    nodes[i].reached = true;
    stack[depth++] = i;
  }
  return depth;
}

static void model_mark(const int *roots, size_t nroots) {
  int depth = 0;
  for (size_t i = 0; i < nroots; i++)
    depth = reach(depth, roots[i]);
  for (int i = 0; i < OBJECTS; i++)
    if (cgc_kind_is_pinned(nodes[i].kind))
      depth = reach(depth, i);
  while (depth > 0) {
    const struct node *n = &nodes[stack[--depth]];
    for (int e = 0; e < EDGES && !cgc_kind_is_noscan(n->kind); e++)
      depth = reach(depth, n->to[e]);
  }
}

static void compare(void) {
  size_t n = 0;
  for (int i = 0; i < OBJECTS; i++) {
    if (!nodes[i].live)
      continue;
    if (is_marked(nodes[i].obj) != nodes[i].reached)
      ck_abort_msg("object %d, kind %d: %s", i, nodes[i].kind,
                   nodes[i].reached ? "lost" : "kept without a pointer");
    n += nodes[i].reached;
  }
  ck_assert_uint_eq(marker.marked_objects, n);
}

static void run_model(int near, size_t nroots) {
  struct unit_random r = unit_random();
  static void *roots[OBJECTS];
  static int indices[OBJECTS];
  make_nodes(&r);
  connect(&r, near);
  kill_some(&r);
  for (size_t i = 0; i < nroots; i++) {
    indices[i] = (int)unit_below(&r, OBJECTS);
    roots[i] = nodes[indices[i]].obj + 1;
  }
  model_mark(indices, nroots);
  begin();
  cgc_marker_scan_pinned(&marker);
  mark_from(roots, nroots);
  compare();
}

START_TEST(a_random_graph_is_marked_as_the_model_says) { run_model(0, ROOTS); }
END_TEST

START_TEST(a_graph_of_neighbours_is_marked_as_the_model_says) {
  run_model(30, ROOTS);
}
END_TEST

START_TEST(a_graph_with_many_roots_is_marked_as_the_model_says) {
  run_model(0, OBJECTS / 2);
}
END_TEST

START_TEST(a_graph_drained_in_steps_is_marked_as_the_model_says) {
  step = 1 + (unsigned)_i * 20;
  run_model(0, OBJECTS / 2);
}
END_TEST

START_TEST(marking_twice_gives_the_same) {
  run_model(0, ROOTS);
  size_t first = marker.marked_objects;
  void *roots[ROOTS];
  for (int i = 0; i < ROOTS; i++)
    roots[i] = nodes[i].obj;
  begin();
  mark_from(roots, ROOTS);
  begin();
  mark_from(roots, ROOTS);
  ck_assert_uint_gt(first, 0);
  cgc_verify_heap(heap);
}
END_TEST

int main(void) {
  Suite *s = suite_create("marker");
  TCase *core = tcase_create("core");
  TCase *wide = tcase_create("wide");
  TCase *model = tcase_create("model");
  tcase_add_checked_fixture(core, set_up, NULL);
  tcase_add_checked_fixture(wide, set_up, NULL);
  tcase_add_test(core, nothing_is_marked_without_a_root);
  tcase_add_test(core, every_byte_of_an_object_marks_it_and_no_other);
  tcase_add_test(core, a_word_behind_the_last_slot_marks_nothing);
  tcase_add_test(core, noscan_objects_are_marked_and_not_read);
  tcase_add_test(core, pinned_objects_are_roots_while_they_live);
  tcase_add_test(core, pinned_objects_may_be_queued_page_by_page);
  tcase_add_test(core, pinned_objects_count_as_live);
  tcase_add_test(core, a_described_object_is_scanned_by_its_kind);
  tcase_add_test(core, a_kind_without_a_function_is_scanned_word_by_word);
  tcase_add_test(wide,
                 described_objects_are_scanned_by_their_kind_in_grey_spans);
  tcase_add_test(core, a_long_list_is_followed_to_its_end);
  tcase_add_test(core, a_cycle_ends);
  tcase_add_test(core, every_word_of_a_large_object_is_read);
  tcase_add_test(core, what_was_never_touched_of_a_large_object_stays_so);
  tcase_add_test(core, unaligned_words_count_where_they_are_asked_for);
  tcase_add_test(core, tags_and_pointers_before_the_start_count_by_option);
  tcase_set_timeout(core, 60);

  tcase_add_test(wide,
                 nothing_is_lost_where_the_queue_runs_full_at_a_small_object);
  tcase_add_test(wide,
                 nothing_is_lost_where_the_queue_runs_full_at_a_large_object);
  tcase_add_test(wide,
                 nothing_is_lost_where_the_queue_runs_full_of_large_objects);
  tcase_add_test(wide, many_large_objects_at_once);
  tcase_set_timeout(wide, 60);
  tcase_add_checked_fixture(model, set_up, NULL);
  tcase_add_test(model, a_random_graph_is_marked_as_the_model_says);
  tcase_add_test(model, a_graph_of_neighbours_is_marked_as_the_model_says);
  tcase_add_test(model, a_graph_with_many_roots_is_marked_as_the_model_says);
  tcase_add_loop_test(
      model, a_graph_drained_in_steps_is_marked_as_the_model_says, 0, 3);
  tcase_add_test(model, marking_twice_gives_the_same);
  tcase_set_timeout(model, 60);
  suite_add_tcase(s, core);
  suite_add_tcase(s, wide);
  suite_add_tcase(s, model);
  return unit_run(s);
}
