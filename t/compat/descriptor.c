/* SPDX-License-Identifier: MIT */
/* Kinds that the program makes, and their mark procedures. */
#include "contract.h"

#include <gc/gc_mark.h>

/* How often, if not every slow path collects. */
static size_t times(size_t n) { return getenv("CGC_STRESS") ? n / 10 : n; }

/* As bdwgc's gc_pmark.h has it: clients know the layout. */
struct entry {
  void *start;
  GC_word descr;
};

static int kind_of(GC_word descr, int add_size) {
  GC_INIT();
  return (int)GC_new_kind(GC_new_free_list(), descr, add_size, 1);
}

/* Objects that one word of P each leads to: word I to member I. */
CONTRACT_FN struct contract_flock hang(void **p, size_t nwords) {
  struct contract_flock flock = contract_flock(nwords);
  for (size_t i = 0; i < nwords; i++)
    if (!p[i]) {
      p[i] = GC_malloc(50);
      contract_join(&flock, i, p[i]);
    }
  return flock;
}

/* Whether of NWORDS those survive whose bits are set in EXPECTED. */
static void check_words(void **p, size_t nwords, GC_word expected) {
  bool hung[64];
  for (size_t i = 0; i < nwords; i++)
    hung[i] = !p[i];
  struct contract_flock flock = hang(p, nwords);
  contract_collect();
  for (size_t i = 0; i < nwords; i++)
    if (hung[i] && expected >> i & 1)
      ck_assert_msg(flock.link[i] != NULL, "word %zu is lost", i);
  size_t n = contract_alive(&flock);
  ck_assert_uint_le(n, (size_t)__builtin_popcountl(expected) + 1);
  GC_reachable_here(p);
}

/* ---- Descriptors -------------------------------------------------------- */

START_TEST(descriptor_of_a_length_counts_the_first_words) {
  int kind = kind_of(4 * sizeof(GC_word) | GC_DS_LENGTH, 0);
  check_words(GC_generic_malloc(160, kind), 20, 0xf);
}
END_TEST

START_TEST(descriptor_with_the_size_counts_all_words) {
  int kind = kind_of(GC_DS_LENGTH, 1);
  check_words(GC_generic_malloc(160, kind), 20, 0xfffff);
  check_words(GC_generic_malloc(100000, kind), 60, ((GC_word)1 << 60) - 1);
}
END_TEST

START_TEST(descriptor_of_a_bitmap_counts_the_words_named) {
  GC_word bits = 0;
  for (int i = 0; i < 20; i += 3)
    bits |= (GC_word)1 << (63 - i);
  int kind = kind_of(bits | GC_DS_BITMAP, 0);
  check_words(GC_generic_malloc(160, kind), 20, 0x49249);
}
END_TEST

/* In the second word, since a free object's first one is a link. */
START_TEST(descriptor_in_the_object_is_followed) {
  int kind = kind_of(sizeof(GC_word) | GC_DS_PER_OBJECT, 0);
  GC_word *p = GC_generic_malloc(160, kind);
  GC_word *q = GC_generic_malloc(160, kind);
  p[1] = (GC_word)5 << 61 | GC_DS_BITMAP; /* words 0 and 2 */
  q[1] = 10 * sizeof(GC_word) | GC_DS_LENGTH;
  check_words((void **)p, 20, 0x5);
  check_words((void **)q, 20, 0x3ff);
  GC_reachable_here(p);
}
END_TEST

START_TEST(descriptor_in_the_type_is_followed) {
  static GC_word type[4] = {1, 2, (GC_word)0xb << 60 | GC_DS_BITMAP, 3};
  GC_word there =
      (GC_word)(-2 * (GC_signed_word)sizeof(GC_word) - GC_INDIR_PER_OBJ_BIAS);
  int kind = kind_of(there | GC_DS_PER_OBJECT, 0);
  void **p = GC_generic_malloc(160, kind);
  p[0] = type;
  check_words(p, 20, 0xd);
}
END_TEST

/* ---- Mark procedures ---------------------------------------------------- */

/* Follows the word that its environment names. */
static struct GC_ms_entry *follow(GC_word *obj, struct GC_ms_entry *top,
                                  struct GC_ms_entry *limit, GC_word env) {
  return GC_MARK_AND_PUSH((void *)obj[env], top, limit, (void **)&obj[env]);
}

START_TEST(descriptor_of_a_procedure_calls_it_with_its_environment) {
  GC_INIT();
  unsigned proc = GC_new_proc(follow);
  ck_assert_uint_ge(proc, GC_RESERVED_MARK_PROCS);
  ck_assert_uint_eq(GC_new_proc(follow), proc + 1);
  int third = kind_of(GC_MAKE_PROC(proc, (GC_word)3), 0);
  int fifth = kind_of(GC_MAKE_PROC(proc, (GC_word)5), 0);
  ck_assert_int_ne(third, fifth);
  check_words(GC_generic_malloc(160, third), 20, 1 << 3);
  check_words(GC_generic_malloc(160, fifth), 20, 1 << 5);
  check_words(GC_generic_malloc(100000, fifth), 20, 1 << 5);
  check_words(GC_generic_malloc_ignore_off_page(160, fifth), 20, 1 << 5);
}
END_TEST

START_TEST(descriptor_of_a_procedure_follows_a_long_list) {
  GC_INIT();
  int kind = kind_of(GC_MAKE_PROC(GC_new_proc(follow), (GC_word)1), 0);
  void **head = GC_generic_malloc(32, kind), **p = head;
  const long n = (long)times(50000);
  for (long i = 1; i < n; i++) {
    p[1] = GC_generic_malloc(i % 1000 ? 32 : 40000, kind);
    p = p[1];
    p[2] = (void *)i;
  }
  for (int turn = 0; turn < 3; turn++) {
    contract_collect();
    for (int i = 0; i < 1000; i++)
      memset(GC_malloc(32), 0xff, 32);
    p = head;
    for (long i = 0; i < n; i++, p = p[1])
      ck_assert_int_eq((long)p[2], i);
    ck_assert_ptr_null(p);
  }
}
END_TEST

/* So much that several markers and grey spans come in. */
START_TEST(descriptor_of_a_procedure_holds_in_a_wide_graph) {
  GC_INIT();
  int kind = kind_of(GC_MAKE_PROC(GC_new_proc(follow), (GC_word)2), 0);
  const size_t n = times(30000);
  void **all = GC_malloc(n * sizeof *all);
  struct contract_flock hidden = contract_flock(n / 10);
  for (size_t i = 0; i < n; i++) {
    void **p = all[i] = GC_generic_malloc(200, kind);
    p[2] = GC_malloc(100);
    *(size_t *)p[2] = i;
    if (i % 10 == 0) {
      p[4] = GC_malloc(50);
      contract_join(&hidden, i / 10, p[4]);
    }
  }
  contract_collect();
  contract_collect();
  for (size_t i = 0; i < n; i++)
    memset(GC_malloc(100), 0xff, 100);
  for (size_t i = 0; i < n; i++)
    ck_assert_uint_eq(*(size_t *)((void **)all[i])[2], i);
  contract_few(contract_alive(&hidden), hidden.n);
}
END_TEST

/* Pushes what it wants done later: the next word by itself, then a bitmap. */
static GC_word again;
static struct GC_ms_entry *push(GC_word *obj, struct GC_ms_entry *top,
                                struct GC_ms_entry *limit, GC_word env) {
  struct entry *e = (struct entry *)top;
  top = GC_MARK_AND_PUSH((void *)obj[env], top, limit, NULL);
  e = (struct entry *)top;
  if (env >= 4 || (struct GC_ms_entry *)(e + 2) >= limit)
    return top;
  *++e = (struct entry){
      obj, again | (env + 1) << (GC_LOG_MAX_MARK_PROCS + GC_DS_TAG_BITS)};
  *++e = (struct entry){obj + 10, (GC_word)1 << (60 - env) | GC_DS_BITMAP};
  return (struct GC_ms_entry *)e;
}

START_TEST(descriptor_takes_entries_that_a_procedure_pushes) {
  GC_INIT();
  again = GC_MAKE_PROC(GC_new_proc(push), (GC_word)0);
  int kind = kind_of(again, 0);
  check_words(GC_generic_malloc(160, kind), 20,
              0x1f | (GC_word)(8 | 16 | 32 | 64) << 10);
}
END_TEST

/* ---- As run times use them ---------------------------------------------- */

/* A tagged object like Guile's: nothing is followed without a tag. */
static struct GC_ms_entry *mark_tagged(GC_word *obj, struct GC_ms_entry *top,
                                       struct GC_ms_entry *limit, GC_word env) {
  (void)env;
  if (obj[0] != 0x77)
    return top;
  for (size_t i = 1; i <= obj[1]; i++)
    top = GC_MARK_AND_PUSH((void *)obj[1 + i], top, limit, NULL);
  return top;
}

static GC_word *new_tagged(int kind, size_t n) {
  GC_word *p = GC_generic_malloc((n + 2) * sizeof *p, kind);
  ck_assert_uint_eq(p[0] | p[1] | p[n + 1], 0);
  p[1] = n;
  p[0] = 0x77;
  return p;
}

static void *new_leaf(size_t i) {
  size_t *leaf = GC_malloc_atomic(40);
  *leaf = ~i;
  return leaf;
}

/* Trees that come and go; each leaf says where it hangs. */
CONTRACT_FN GC_word *new_tree(int kind, size_t depth, size_t at) {
  size_t n = 1 + at % 5 + depth;
  GC_word *p = new_tagged(kind, n);
  for (size_t i = 0; i < n; i++)
    p[2 + i] = (GC_word)(depth ? (void *)new_tree(kind, depth - 1, at * 7 + i)
                               : new_leaf(at * 7 + i));
  return p;
}

static void check_tree(const GC_word *p, size_t depth, size_t at) {
  ck_assert_uint_eq(p[0], 0x77);
  ck_assert_uint_eq(p[1], 1 + at % 5 + depth);
  for (size_t i = 0; i < p[1]; i++)
    if (depth)
      check_tree((GC_word *)p[2 + i], depth - 1, at * 7 + i);
    else
      ck_assert_uint_eq(*(size_t *)p[2 + i], ~(at * 7 + i));
}

START_TEST(descriptor_serves_a_run_times_trees) {
  GC_INIT();
  int kind = kind_of(GC_MAKE_PROC(GC_new_proc(mark_tagged), (GC_word)0), 0);
  GC_word **trees = GC_malloc(20 * sizeof *trees);
  for (size_t turn = 0; turn < times(60); turn++) {
    trees[turn % 20] = new_tree(kind, 3, turn);
    if (turn % 7 == 0)
      contract_collect();
    for (size_t i = turn < 19 ? 0 : turn - 19; i <= turn; i++)
      check_tree(trees[i % 20], 3, i);
  }
}
END_TEST

START_TEST(descriptor_heap_lies_between_the_plausible_addresses) {
  GC_INIT();
  for (size_t size = 10; size < 10 << 20; size *= 3) {
    char *p = GC_malloc_atomic(size);
    ck_assert((void *)p >= GC_least_plausible_heap_addr);
    ck_assert((void *)(p + size) <= GC_greatest_plausible_heap_addr);
  }
}
END_TEST

START_TEST(descriptor_kinds_are_at_least_ten) {
  GC_INIT();
  for (GC_word i = 0; i < 10; i++) {
    GC_word descr = (GC_word)1 << (63 - i) | GC_DS_BITMAP;
    int kind = (int)GC_new_kind_inner(GC_new_free_list_inner(), descr, 0, 1);
    ck_assert_int_gt(kind, 1);
    check_words(GC_generic_malloc(160, kind), 12, (GC_word)1 << i);
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("descriptor");
  TCase *core = tcase_create("core"), *procs = tcase_create("procs");
  tcase_add_test(core, descriptor_of_a_length_counts_the_first_words);
  tcase_add_test(core, descriptor_with_the_size_counts_all_words);
  tcase_add_test(core, descriptor_of_a_bitmap_counts_the_words_named);
  tcase_add_test(core, descriptor_in_the_object_is_followed);
  tcase_add_test(core, descriptor_in_the_type_is_followed);
  tcase_add_test(core, descriptor_kinds_are_at_least_ten);
  tcase_add_test(core, descriptor_heap_lies_between_the_plausible_addresses);
  tcase_add_test(procs,
                 descriptor_of_a_procedure_calls_it_with_its_environment);
  tcase_add_test(procs, descriptor_of_a_procedure_follows_a_long_list);
  tcase_add_test(procs, descriptor_of_a_procedure_holds_in_a_wide_graph);
  tcase_add_test(procs, descriptor_takes_entries_that_a_procedure_pushes);
  tcase_add_test(procs, descriptor_serves_a_run_times_trees);
  tcase_set_timeout(procs, 120);
  suite_add_tcase(s, core);
  suite_add_tcase(s, procs);
  return contract_run(s);
}
