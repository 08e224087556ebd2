/* SPDX-License-Identifier: MIT */
#include "mark/final.h"

#include "mark/link.h"
#include "private.h"

#include <errno.h>

enum { NODES = 2000 };
enum { SHORT = false, LONG = true };

struct node {
  struct node *to[4];
  long number;
};

static struct cgc_cache *cache;
static struct cgc_pool pool;
static struct cgc_marker marker;
static void *roots[NODES];
static size_t nroots;
static bool bounded;

static void set_up(void) { cache = private_cache(private_process_heap()); }

/* As beside the program. */
static void set_up_bounded(void) {
  set_up();
  bounded = true;
}

static struct node *new_node(void) {
  return private_alloc(cache, CGC_KIND_SCAN, sizeof(struct node));
}

/* One cycle as cycle/cycle runs it; returns how many became ready. */
static size_t cycle(void) {
  cgc_heap_sweep_all(&cgc_heap);
  cgc_cache_flush(cache);
  cgc_heap_prepare_marks(&cgc_heap);
  cgc_pool_open(&pool, &cgc_heap.arena, 1);
  cgc_marker_open(&marker, &cgc_heap, &pool);
  if (bounded)
    cgc_marker_set_bounded(&marker);
  cgc_marker_scan_range(&marker, (uintptr_t)roots, (uintptr_t)(roots + nroots));
  cgc_final_visit_roots(&marker);
  cgc_marker_scan_pinned(&marker);
  cgc_marker_drain(&marker);
  cgc_link_clear_dead(&cgc_heap, SHORT);
  size_t n = cgc_final_find(&marker);
  cgc_link_clear_dead(&cgc_heap, LONG);
  cgc_final_check();
  cgc_link_check();
  cgc_heap_flip(&cgc_heap, marker.marked_bytes);
  cgc_heap_sweep_all(&cgc_heap);
  return n;
}

static bool is_alive(const void *p) {
  struct cgc_object obj;
  return cgc_arena_find(&cgc_heap.arena, (uintptr_t)p, &obj) &&
         cgc_object_is_live(&obj);
}

static void never_called(void *obj, void *data) {
  (void)obj;
  (void)data;
}

static void other(void *obj, void *data) { never_called(data, obj); }

static void add(struct node *n, enum cgc_final_order order) {
  ck_assert_int_eq(cgc_final_register(n, never_called, NULL, order, NULL, NULL),
                   0);
}

static bool take_is(const struct node *n) {
  struct cgc_final_call call;
  return cgc_final_take(&call) && call.obj == n;
}

START_TEST(an_unreachable_object_becomes_ready_once) {
  struct node *n = new_node();
  struct cgc_final_call call;
  n->number = 42;
  cgc_final_register(n, never_called, &nroots, CGC_FINAL_ORDERED, NULL, NULL);
  ck_assert_uint_eq(cgc_final_count(), 1);
  ck_assert_uint_eq(cycle(), 1);
  ck_assert_uint_eq(cgc_final_count(), 0);
  ck_assert_uint_eq(cgc_final_ready(), 1);
  ck_assert(cgc_final_take(&call));
  ck_assert_ptr_eq(call.obj, n);
  ck_assert_ptr_eq(call.data, &nroots);
  ck_assert(call.fn == never_called);
  ck_assert_int_eq(n->number, 42);
  ck_assert(!cgc_final_take(&call));
  ck_assert_uint_eq(cgc_final_ready(), 0);
  ck_assert_uint_eq(cycle(), 0);
  ck_assert(!is_alive(n));
}
END_TEST

START_TEST(a_reachable_object_waits) {
  struct node *n = new_node();
  add(n, CGC_FINAL_ORDERED);
  roots[nroots++] = n;
  ck_assert_uint_eq(cycle(), 0);
  ck_assert_uint_eq(cgc_final_count(), 1);
  nroots = 0;
  ck_assert_uint_eq(cycle(), 1);
}
END_TEST

START_TEST(registering_tells_what_was_there) {
  struct node *n = new_node();
  cgc_final_fn fn = other;
  void *data = n;
  int a, b;
  cgc_final_register(n, never_called, &a, CGC_FINAL_ORDERED, &fn, &data);
  ck_assert(fn == NULL && data == NULL);
  cgc_final_register(n, other, &b, CGC_FINAL_NO_ORDER, &fn, &data);
  ck_assert(fn == never_called && data == &a);
  cgc_final_register(n, NULL, NULL, CGC_FINAL_ORDERED, &fn, &data);
  ck_assert(fn == other && data == &b);
  cgc_final_register(n, NULL, NULL, CGC_FINAL_ORDERED, &fn, &data);
  ck_assert(fn == NULL && data == NULL);
  ck_assert_uint_eq(cgc_final_count(), 0);
  ck_assert_uint_eq(cycle(), 0);
}
END_TEST

START_TEST(what_is_no_object_is_not_registered) {
  struct node *n = new_node();
  cgc_final_fn fn = other;
  void *data = n;
  struct node outside;
  ck_assert_int_eq(cgc_final_register(&outside, other, NULL, 0, &fn, &data), 0);
  ck_assert(fn == NULL && data == NULL);
  cgc_final_register(NULL, other, NULL, 0, NULL, NULL);
  cgc_final_register(&n->number, other, NULL, 0, NULL, NULL);
  private_free(cache, n);
  cgc_final_register(n, other, NULL, 0, NULL, NULL);
  ck_assert_uint_eq(cgc_final_count(), 0);
  cgc_final_check();
}
END_TEST

START_TEST(data_is_kept_alive_until_the_finalizer_was_taken) {
  struct node *n = new_node(), *data = new_node(), *behind = new_node();
  data->to[0] = behind;
  cgc_final_register(n, never_called, data, CGC_FINAL_ORDERED, NULL, NULL);
  roots[nroots++] = n;
  cycle();
  ck_assert(is_alive(data) && is_alive(behind));
  nroots = 0;
  cycle();
  cycle(); /* ready, not yet run */
  ck_assert(is_alive(n) && is_alive(data) && is_alive(behind));
  ck_assert(take_is(n));
  cycle();
  ck_assert(!is_alive(n) && !is_alive(data) && !is_alive(behind));
}
END_TEST

START_TEST(an_object_that_is_its_own_data_is_never_ready) {
  struct node *n = new_node();
  cgc_final_register(n, never_called, n, CGC_FINAL_NO_ORDER, NULL, NULL);
  ck_assert_uint_eq(cycle(), 0);
}
END_TEST

START_TEST(ready_objects_keep_what_they_reach) {
  static const enum cgc_final_order orders[] = {
      CGC_FINAL_ORDERED, CGC_FINAL_IGNORE_SELF, CGC_FINAL_NO_ORDER,
      CGC_FINAL_UNREACHABLE};
  for (int i = 0; i < 4; i++) {
    struct node *n = new_node(), *child = new_node(), *leaf = new_node();
    n->to[0] = child;
    child->to[3] = leaf;
    add(n, orders[i]);
    ck_assert_uint_eq(cycle(), 1);
    ck_assert_uint_eq(cycle(), 0);
    ck_assert(is_alive(n) && is_alive(child) && is_alive(leaf));
    ck_assert(take_is(n));
    cycle();
    ck_assert(!is_alive(n) && !is_alive(child) && !is_alive(leaf));
  }
}
END_TEST

START_TEST(of_two_ordered_objects_the_one_pointed_to_waits) {
  struct node *a = new_node(), *between = new_node(), *b = new_node();
  a->to[0] = between;
  between->to[0] = b;
  add(b, CGC_FINAL_ORDERED);
  add(a, CGC_FINAL_ORDERED);
  ck_assert_uint_eq(cycle(), 1);
  ck_assert_uint_eq(cycle(), 0); /* a is in the queue and keeps b */
  ck_assert(take_is(a));
  ck_assert_uint_eq(cycle(), 1);
  ck_assert(take_is(b));
}
END_TEST

START_TEST(an_ordered_cycle_is_never_ready) {
  struct node *a = new_node(), *b = new_node(), *self = new_node();
  a->to[0] = b;
  b->to[0] = a;
  self->to[0] = self;
  add(a, CGC_FINAL_ORDERED);
  add(b, CGC_FINAL_ORDERED);
  add(self, CGC_FINAL_ORDERED);
  ck_assert_uint_eq(cycle(), 0);
  ck_assert(is_alive(a) && is_alive(b) && is_alive(self));
}
END_TEST

START_TEST(ignore_self_overlooks_only_the_objects_own_pointers) {
  struct node *self = new_node(), *a = new_node(), *b = new_node();
  self->to[0] = self;
  self->to[1] = (struct node *)((char *)self + sizeof *self - 1);
  a->to[0] = b;
  b->to[0] = a;
  add(self, CGC_FINAL_IGNORE_SELF);
  add(a, CGC_FINAL_IGNORE_SELF);
  ck_assert_uint_eq(cycle(), 1);
  ck_assert(take_is(self));
  ck_assert(is_alive(a) && is_alive(b));
}
END_TEST

START_TEST(without_order_a_cycle_is_ready_at_once) {
  struct node *a = new_node(), *b = new_node();
  a->to[0] = b;
  b->to[0] = a;
  add(a, CGC_FINAL_NO_ORDER);
  add(b, CGC_FINAL_NO_ORDER);
  ck_assert_uint_eq(cycle(), 2);
  ck_assert(is_alive(a) && is_alive(b));
}
END_TEST

START_TEST(what_an_ordered_one_points_to_waits_even_without_order) {
  struct node *a = new_node(), *b = new_node();
  a->to[0] = b;
  add(a, CGC_FINAL_ORDERED);
  add(b, CGC_FINAL_NO_ORDER);
  ck_assert_uint_eq(cycle(), 1);
  ck_assert(take_is(a));
}
END_TEST

START_TEST(unreachable_ones_wait_for_those_without_order) {
  struct node *a = new_node(), *b = new_node();
  a->to[0] = b;
  add(a, CGC_FINAL_NO_ORDER);
  add(b, CGC_FINAL_UNREACHABLE);
  ck_assert_uint_eq(cycle(), 1);
  ck_assert(take_is(a));
  ck_assert_uint_eq(cgc_final_count(), 1);
  ck_assert_uint_eq(cycle(), 1);
  ck_assert(take_is(b));
}
END_TEST

START_TEST(an_unreachable_cycle_is_never_ready) {
  struct node *a = new_node(), *b = new_node();
  a->to[0] = b;
  b->to[0] = a;
  add(a, CGC_FINAL_UNREACHABLE);
  add(b, CGC_FINAL_UNREACHABLE);
  ck_assert_uint_eq(cycle(), 0);
}
END_TEST

START_TEST(noscan_objects_point_to_nothing) {
  void **text = private_alloc(cache, CGC_KIND_NOSCAN, 64);
  struct node *n = new_node();
  text[0] = n;
  add((struct node *)text, CGC_FINAL_ORDERED);
  add(n, CGC_FINAL_ORDERED);
  ck_assert_uint_eq(cycle(), 2);
}
END_TEST

START_TEST(large_objects_are_finalized) {
  struct node **big = private_alloc(cache, CGC_KIND_SCAN, 500000);
  big[60000] = new_node();
  add((struct node *)big, CGC_FINAL_ORDERED);
  add(big[60000], CGC_FINAL_ORDERED);
  ck_assert_uint_eq(cycle(), 1);
  ck_assert(take_is((struct node *)big));
}
END_TEST

START_TEST(pinned_objects_are_never_ready) {
  struct node *n = private_alloc(cache, CGC_KIND_PINNED, sizeof *n);
  add(n, CGC_FINAL_ORDERED);
  ck_assert_uint_eq(cycle(), 0);
}
END_TEST

START_TEST(a_freed_object_is_not_finalized) {
  struct node *ready = new_node();
  add(ready, CGC_FINAL_ORDERED);
  ck_assert_uint_eq(cycle(), 1);
  struct node *n = new_node();
  add(n, CGC_FINAL_ORDERED);
  struct cgc_object obj = private_object(&cgc_heap, n);
  ck_assert(obj.span->slots[obj.index] & CGC_SLOT_SPECIAL);
  cgc_final_forget((uintptr_t)n);
  cgc_final_forget((uintptr_t)ready);
  ck_assert_uint_eq(cgc_final_ready(), 0);
  ck_assert_uint_eq(cgc_final_count(), 0);
  cgc_final_check();
  ck_assert_uint_eq(cycle(), 0);
}
END_TEST

START_TEST(an_object_that_is_ready_can_be_registered_anew) {
  struct node *n = new_node();
  cgc_final_fn fn = other;
  add(n, CGC_FINAL_ORDERED);
  ck_assert_uint_eq(cycle(), 1);
  cgc_final_register(n, other, NULL, CGC_FINAL_ORDERED, &fn, NULL);
  ck_assert(fn == NULL); /* the ready one is no longer registered */
  cgc_final_check();
  ck_assert_uint_eq(cycle(), 0);
  ck_assert(take_is(n));
  ck_assert_uint_eq(cycle(), 1);
  ck_assert(take_is(n));
  cycle();
  ck_assert(!is_alive(n));
}
END_TEST

START_TEST(the_one_that_waits_longest_is_taken_first) {
  struct node *n[3];
  for (int i = 0; i < 3; i++) {
    n[i] = new_node();
    add(n[i], CGC_FINAL_ORDERED);
    cycle();
  }
  for (int i = 0; i < 3; i++)
    ck_assert(take_is(n[i]));
}
END_TEST

START_TEST(short_links_are_cleared_before_and_long_ones_after_the_finalizer) {
  static void *links[2];
  struct node *n = new_node(), *child = new_node();
  n->to[0] = child;
  add(n, CGC_FINAL_ORDERED);
  links[SHORT] = links[LONG] = child;
  cgc_link_register(&links[SHORT], child, SHORT);
  cgc_link_register(&links[LONG], child, LONG);
  ck_assert_uint_eq(cycle(), 1);
  ck_assert_ptr_null(links[SHORT]);
  ck_assert_ptr_eq(links[LONG], child);
  ck_assert(take_is(n));
  cycle();
  ck_assert_ptr_null(links[LONG]);
}
END_TEST

START_TEST(a_link_in_an_object_that_comes_back_is_kept) {
  struct node *n = new_node(), *target = new_node();
  roots[nroots++] = target;
  void **link = (void **)&n->to[2];
  *link = target;
  cgc_link_register(link, target, SHORT);
  add(n, CGC_FINAL_ORDERED);
  ck_assert_uint_eq(cycle(), 1);
  ck_assert_uint_eq(cgc_link_count(SHORT), 1);
  nroots = 0;
  n->to[2] = NULL; /* nothing but the link knows it */
  ck_assert(take_is(n));
  cycle();
  ck_assert_uint_eq(cgc_link_count(SHORT), 0);
}
END_TEST

START_TEST(batches_count_the_cycles_that_found_some) {
  uint64_t before = cgc_final_batches();
  cycle();
  ck_assert_uint_eq(cgc_final_batches(), before);
  add(new_node(), CGC_FINAL_ORDERED);
  add(new_node(), CGC_FINAL_ORDERED);
  cycle();
  ck_assert_uint_eq(cgc_final_batches(), before + 1);
}
END_TEST

/* ---- Against a model -------------------------------------------------- */

static struct node *nodes[NODES];
static int to[NODES];
static bool registered[NODES];

/* One pointer from each, to a later one: no cycles.  Of an unreachable chain
   exactly the registered ones that no registered one leads to are ready. */
START_TEST(random_chains_are_ready_from_their_heads_on) {
  struct unit_random r = unit_random();
  size_t nready = 0;
  static bool reached[NODES], after_registered[NODES];
  for (int i = 0; i < NODES; i++)
    nodes[i] = new_node();
  for (int i = 0; i < NODES; i++) {
    to[i] = i + 1 + (int)unit_below(&r, 20);
    if (to[i] < NODES)
      nodes[i]->to[unit_below(&r, 4)] = nodes[to[i]];
    registered[i] = unit_below(&r, 3) == 0;
    if (registered[i])
      add(nodes[i], CGC_FINAL_ORDERED);
    if (unit_below(&r, 50) == 0) {
      roots[nroots++] = nodes[i];
      reached[i] = true;
    }
  }
  for (int i = 0; i < NODES; i++) {
    if (to[i] < NODES) {
      reached[to[i]] |= reached[i];
      after_registered[to[i]] |=
          !reached[i] && (registered[i] || after_registered[i]);
    }
    nready += registered[i] && !reached[i] && !after_registered[i];
  }
  ck_assert_uint_eq(cycle(), nready);
  for (int i = 0; i < NODES; i++)
    ck_assert_int_eq(is_alive(nodes[i]),
                     reached[i] || after_registered[i] || registered[i]);
}
END_TEST

START_TEST(all_are_finalized_in_the_end) {
  struct unit_random r = unit_random();
  struct cgc_final_call call;
  size_t n = 0;
  int rounds = 0;
  for (int i = 0; i < NODES; i++) {
    nodes[i] = new_node();
    nodes[i]->to[0] = i ? nodes[unit_below(&r, (uint64_t)i)] : NULL;
    add(nodes[i], (enum cgc_final_order)unit_below(&r, 4));
  }
  while (n < NODES && ++rounds < 200) {
    cycle();
    while (cgc_final_take(&call))
      n++;
  }
  ck_assert_uint_eq(n, NODES);
  cycle();
  ck_assert_uint_eq(marker.marked_objects, 0);
}
END_TEST

static void add_core(TCase *core) {
  tcase_add_test(core, an_unreachable_object_becomes_ready_once);
  tcase_add_test(core, a_reachable_object_waits);
  tcase_add_test(core, registering_tells_what_was_there);
  tcase_add_test(core, what_is_no_object_is_not_registered);
  tcase_add_test(core, data_is_kept_alive_until_the_finalizer_was_taken);
  tcase_add_test(core, an_object_that_is_its_own_data_is_never_ready);
  tcase_add_test(core, ready_objects_keep_what_they_reach);
  tcase_add_test(core, noscan_objects_point_to_nothing);
  tcase_add_test(core, large_objects_are_finalized);
  tcase_add_test(core, pinned_objects_are_never_ready);
  tcase_add_test(core, a_freed_object_is_not_finalized);
  tcase_add_test(core, an_object_that_is_ready_can_be_registered_anew);
  tcase_add_test(core, the_one_that_waits_longest_is_taken_first);
  tcase_add_test(core, batches_count_the_cycles_that_found_some);
}

static void add_order(TCase *order) {
  tcase_add_test(order, of_two_ordered_objects_the_one_pointed_to_waits);
  tcase_add_test(order, an_ordered_cycle_is_never_ready);
  tcase_add_test(order, ignore_self_overlooks_only_the_objects_own_pointers);
  tcase_add_test(order, without_order_a_cycle_is_ready_at_once);
  tcase_add_test(order, what_an_ordered_one_points_to_waits_even_without_order);
  tcase_add_test(order, unreachable_ones_wait_for_those_without_order);
  tcase_add_test(order, an_unreachable_cycle_is_never_ready);
}

static void add_links(TCase *links) {
  tcase_add_test(
      links, short_links_are_cleared_before_and_long_ones_after_the_finalizer);
  tcase_add_test(links, a_link_in_an_object_that_comes_back_is_kept);
}

static void add_model(TCase *model) {
  tcase_add_test(model, random_chains_are_ready_from_their_heads_on);
  tcase_add_test(model, all_are_finalized_in_the_end);
  tcase_set_timeout(model, 60);
}

static void add_case(Suite *suite, const char *name, void (*fill)(TCase *)) {
  void (*const fixtures[])(void) = {set_up, set_up_bounded};
  for (int i = 0; i < 2; i++) {
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, fixtures[i], NULL);
    fill(tcase);
    suite_add_tcase(suite, tcase);
  }
}

int main(void) {
  Suite *suite = suite_create("final");
  add_case(suite, "core", add_core);
  add_case(suite, "order", add_order);
  add_case(suite, "links", add_links);
  add_case(suite, "model", add_model);
  return unit_run(suite);
}
