/* SPDX-License-Identifier: MIT */
/* Objects of which the layout is told. */
#include "contract.h"

#include <gc/gc_typed.h>
#include <stddef.h>

enum { WORDS_MAX = 300, NODES = 1500, TYPES = 12, GRAPHS = 12 };

static size_t times(size_t n) { return getenv("CGC_STRESS") ? n / 10 : n; }

/* ---- One layout, word by word ------------------------------------------- */

struct layout {
  size_t n; /* words that are told of */
  GC_word bits[(WORDS_MAX + GC_WORDSZ - 1) / GC_WORDSZ];
};

CONTRACT_FN struct contract_flock hang(void **p, size_t nwords) {
  struct contract_flock flock = contract_flock(nwords);
  for (size_t i = 0; i < nwords; i++) {
    p[i] = GC_malloc(50);
    contract_join(&flock, i, p[i]);
  }
  return flock;
}

/* NWORDS from P on, of which those told of by LAYOUT survive, EACH words on. */
static void check_words(void **p, size_t nwords, const struct layout *layout,
                        size_t each) {
  size_t named = 0;
  struct contract_flock flock = hang(p, nwords);
  contract_collect();
  for (size_t i = 0; i < nwords; i++)
    if (i % each < layout->n && GC_get_bit(layout->bits, i % each)) {
      ck_assert_msg(flock.link[i] != NULL, "word %zu is lost", i);
      named++;
    }
  size_t n = contract_alive(&flock) - named;
  ck_assert_msg(n <= 2 + (nwords - named) / 20, "%zu of %zu too many", n,
                nwords - named);
  GC_reachable_here(p);
}

/* Each step-th word of N. */
static struct layout make_layout(size_t n, size_t step) {
  struct layout layout = {.n = n};
  for (size_t i = 0; i < n; i += step)
    GC_set_bit(layout.bits, i);
  return layout;
}

static const size_t lengths[] = {1, 2, 10, 61, 62, 63, 64, 65, 127, 128, 200};
enum { LENGTHS = sizeof lengths / sizeof lengths[0] };

START_TEST(typed_words_count_as_the_layout_says) {
  GC_INIT();
  for (size_t i = 0; i < LENGTHS; i++)
    for (size_t step = 1; step <= 7; step += 2) {
      struct layout layout = make_layout(lengths[i], step);
      GC_descr d = GC_make_descriptor(layout.bits, layout.n);
      size_t nwords = layout.n + 15; /* behind what is told of: none */
      check_words(GC_malloc_explicitly_typed(nwords * 8, d), nwords, &layout,
                  nwords);
      check_words(GC_malloc_explicitly_typed_ignore_off_page(nwords * 8, d),
                  nwords, &layout, nwords);
    }
}
END_TEST

START_TEST(typed_large_objects_are_scanned_alike) {
  struct layout layout = make_layout(100, 3);
  GC_INIT();
  GC_descr d = GC_make_descriptor(layout.bits, layout.n);
  check_words(GC_malloc_explicitly_typed(900000, d), 120, &layout, 120);
}
END_TEST

START_TEST(typed_objects_without_pointers_are_not_scanned) {
  struct layout layout = {.n = 40};
  GC_INIT();
  GC_descr d = GC_make_descriptor(layout.bits, layout.n);
  check_words(GC_malloc_explicitly_typed(320, d), 40, &layout, 40);
}
END_TEST

START_TEST(typed_arrays_repeat_the_layout) {
  GC_INIT();
  for (size_t i = 0; i < LENGTHS; i++)
    for (size_t step = 1; step <= 4; step += 3) {
      struct layout layout = make_layout(lengths[i], step);
      GC_descr d = GC_make_descriptor(layout.bits, layout.n);
      for (size_t count = 1; count <= 300 / lengths[i] + 1; count *= 3) {
        void **p = GC_calloc_explicitly_typed(count, layout.n * 8, d);
        check_words(p, count * layout.n, &layout, layout.n);
      }
    }
}
END_TEST

START_TEST(typed_elements_may_be_longer_than_their_layout) {
  struct layout layout = make_layout(5, 2);
  GC_INIT();
  GC_descr d = GC_make_descriptor(layout.bits, layout.n);
  check_words(GC_calloc_explicitly_typed(30, 9 * 8, d), 270, &layout, 9);
}
END_TEST

static bool is_zero(const char *p, size_t size) {
  return size == 0 || (p[0] == 0 && memcmp(p, p + 1, size - 1) == 0);
}

START_TEST(typed_objects_are_zero) {
  struct layout layout = make_layout(5, 2);
  GC_INIT();
  GC_descr d = GC_make_descriptor(layout.bits, layout.n);
  for (size_t size = 40; size < 300000; size = size * 3 / 2)
    for (int again = 0; again < 3; again++) {
      char *p = GC_malloc_explicitly_typed(size, d);
      char *q = GC_calloc_explicitly_typed(size / 40, 40, d);
      ck_assert(is_zero(p, size) && is_zero(q, size / 40 * 40));
      memset(p, 0xee, size);
      memset(q, 0xee, size / 40 * 40);
      GC_free(p);
      GC_free(q);
    }
}
END_TEST

static size_t asked;

static void *out_of_memory(size_t size) {
  asked = size;
  return NULL;
}

START_TEST(typed_arrays_that_cannot_be_are_refused) {
  struct layout layout = make_layout(5, 2);
  volatile size_t huge = (size_t)1 << 60;
  GC_INIT();
  GC_set_oom_fn(out_of_memory);
  GC_set_warn_proc(GC_ignore_warn_proc);
  GC_descr d = GC_make_descriptor(layout.bits, layout.n);
  ck_assert_ptr_null(GC_calloc_explicitly_typed(huge, 40, d));
  ck_assert_uint_ge(asked, huge);
  asked = 0;
  ck_assert_ptr_null(GC_malloc_explicitly_typed(huge, d));
  ck_assert_uint_ge(asked, huge);
}
END_TEST

/* ---- Random graphs ------------------------------------------------------ */

struct type {
  struct layout layout;
  size_t nwords; /* of an object or an element */
  GC_descr d;
};

static struct type types[TYPES];

static size_t below(size_t n) { return (size_t)random() % n; }

static void make_types(void) {
  for (int i = 0; i < TYPES; i++) {
    struct type *t = &types[i];
    *t = (struct type){.nwords = 1 + below(i % 3 ? 20 : 150)};
    t->layout.n = t->nwords;
    for (size_t w = 0; w < t->nwords; w++)
      if (below(3) == 0)
        GC_set_bit(t->layout.bits, w);
    t->d = GC_make_descriptor(t->layout.bits, t->nwords);
  }
}

struct node {
  size_t nwords;
  const struct type *type;
  bool reached;
};

static struct node nodes[NODES];

/* The words of I that count, each to a random node; the others, too. */
static size_t edges[NODES][8];

static bool counts(const struct node *n, size_t word) {
  return GC_get_bit(n->type->layout.bits, word % n->type->nwords);
}

CONTRACT_FN void make_nodes(struct contract_flock *flock, void ***made) {
  for (size_t i = 0; i < flock->n; i++) {
    struct node *n = &nodes[i];
    size_t count = below(3) ? 1 : 1 + below(20);
    n->type = &types[below(TYPES)];
    n->nwords = count * n->type->nwords;
    made[i] = count == 1 ? GC_malloc_explicitly_typed(n->nwords * 8, n->type->d)
                         : GC_calloc_explicitly_typed(
                               count, n->type->nwords * 8, n->type->d);
    contract_join(flock, i, made[i]);
  }
}

CONTRACT_FN void connect(struct contract_flock *flock, void ***made) {
  for (size_t i = 0; i < flock->n; i++)
    for (size_t e = 0; e < 8; e++) {
      size_t word = below(nodes[i].nwords);
      size_t to = below(flock->n);
      edges[i][e] = made[i][word] ? flock->n : word * flock->n + to;
      if (!made[i][word])
        made[i][word] = made[to];
    }
}

/* What is reached from node 0 by words that count. */
static size_t reach(size_t n) {
  static size_t stack[NODES];
  size_t depth = 0, reached = 1;
  nodes[0].reached = true;
  stack[depth++] = 0;
  while (depth > 0) {
    size_t i = stack[--depth];
    for (size_t e = 0; e < 8; e++) {
      size_t word = edges[i][e] / n, to = edges[i][e] % n;
      if (edges[i][e] == n || !counts(&nodes[i], word) || nodes[to].reached)
        continue;
      nodes[to].reached = true;
      stack[depth++] = to;
      reached++;
    }
  }
  return reached;
}

CONTRACT_FN void **make_graph(struct contract_flock *flock) {
  void ***made = GC_malloc(flock->n * sizeof *made);
  make_nodes(flock, made);
  connect(flock, made);
  void **first = made[0];
  memset(made, 0, flock->n * sizeof *made);
  GC_reachable_here(made); /* cleared indeed */
  return first;
}

/*
 * One graph: what words that count lead to survives.
 * returns  whether hardly anything else does
 */
static bool check_graph(unsigned seed) {
  srandom(seed);
  memset(nodes, 0, sizeof nodes);
  make_types();
  struct contract_flock flock = contract_flock(times(NODES));
  void **first = make_graph(&flock);
  size_t expected = reach(flock.n);
  contract_collect();
  for (size_t i = 0; i < flock.n; i++)
    ck_assert_msg(!nodes[i].reached || flock.link[i], "node %zu is lost", i);
  size_t more = contract_alive(&flock) - expected;
  GC_reachable_here(first);
  return more <= 3 + flock.n / 50;
}

/* A false pointer into a graph may hold most of it, but not each time. */
START_TEST(typed_graphs_survive_as_far_as_they_are_reached) {
  int good = 0;
  GC_INIT();
  for (unsigned seed = 1; seed <= GRAPHS; seed++)
    good += check_graph(seed);
  ck_assert_int_ge(good, GRAPHS * 2 / 3);
}
END_TEST

int main(void) {
  Suite *s = suite_create("typed");
  TCase *core = tcase_create("core");
  TCase *errors = tcase_create("errors");
  TCase *model = tcase_create("model");
  tcase_add_test(core, typed_words_count_as_the_layout_says);
  tcase_add_test(core, typed_large_objects_are_scanned_alike);
  tcase_add_test(core, typed_objects_without_pointers_are_not_scanned);
  tcase_add_test(core, typed_arrays_repeat_the_layout);
  tcase_add_test(core, typed_elements_may_be_longer_than_their_layout);
  tcase_add_test(core, typed_objects_are_zero);
  tcase_add_test(errors, typed_arrays_that_cannot_be_are_refused);
  tcase_add_test(model, typed_graphs_survive_as_far_as_they_are_reached);
  tcase_set_timeout(core, 120);
  tcase_set_timeout(model, 120);
  suite_add_tcase(s, core);
  suite_add_tcase(s, errors);
  suite_add_tcase(s, model);
  return contract_run(s);
}
