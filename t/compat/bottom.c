/* SPDX-License-Identifier: MIT */
/* Where stacks end. */
#define GC_THREADS
#include "contract.h"

#include <pthread.h>
#include <ucontext.h>

START_TEST(bottom_of_this_stack_is_known) {
  struct GC_stack_base base = {NULL}, mine = {NULL};
  GC_INIT();
  ck_assert_int_eq(GC_get_stack_base(&base), GC_SUCCESS);
  ck_assert((char *)base.mem_base > (char *)__builtin_frame_address(0));
  ck_assert_ptr_nonnull(GC_stackbottom);
  ck_assert(GC_stackbottom > (char *)__builtin_frame_address(0));
  ck_assert_ptr_nonnull(GC_get_my_stackbottom(&mine));
  ck_assert_ptr_eq(mine.mem_base, GC_stackbottom);
}
END_TEST

static void *check_base(struct GC_stack_base *base, void *data) {
  ck_assert((char *)base->mem_base > (char *)__builtin_frame_address(0));
  return data;
}

static void *active(void *data) {
  void *obj = GC_malloc(100);
  GC_gcollect();
  ck_assert_ptr_eq(GC_base(obj), obj);
  return data;
}

static void *blocked(void *data) {
  return GC_call_with_gc_active(active, data);
}

START_TEST(bottom_functions_return_what_theirs_do) {
  int local;
  GC_INIT();
  ck_assert_ptr_eq(GC_call_with_stack_base(check_base, &local), &local);
  ck_assert_ptr_eq(GC_do_blocking(blocked, &local), &local);
}
END_TEST

enum { FIBER = 256 << 10 };
static ucontext_t home, fiber;
static char *fiber_stack;
static struct contract_flock on_main, on_fiber;

/* The members of FLOCK hang on this frame; NEXT runs meanwhile. */
static void __attribute__((noinline))
hold(struct contract_flock *flock, void (*next)(void)) {
  void *volatile objects[100];
  for (size_t i = 0; i < 100; i++) {
    objects[i] = GC_malloc_atomic(40);
    contract_join(flock, i, objects[i]);
  }
  next();
  GC_reachable_here(objects[0]);
}

static void collect_only(void) { GC_gcollect(); }

static void on_the_fiber(void) {
  char *main_bottom = GC_stackbottom;
  GC_stackbottom = fiber_stack + FIBER;
  hold(&on_fiber, collect_only);
  GC_stackbottom = main_bottom;
}

static void on_the_fiber_by_call(void) {
  struct GC_stack_base of_main, of_fiber = {fiber_stack + FIBER}, now;
  void *handle = GC_get_my_stackbottom(&of_main);
  GC_set_stackbottom(handle, &of_fiber);
  GC_get_my_stackbottom(&now);
  ck_assert_ptr_eq(now.mem_base, of_fiber.mem_base);
  hold(&on_fiber, collect_only);
  GC_set_stackbottom(NULL, &of_main);
}

static char *main_top;
static void (*other_roots)(void);
static void push_main(void) {
  GC_API void GC_push_all_eager(void *, void *);
  GC_push_all_eager(main_top, home.uc_stack.ss_sp);
  other_roots();
}

static void switch_stacks(void) { swapcontext(&home, &fiber); }

/* The fiber runs FN. */
static void check_fiber(void (*fn)(void)) {
  GC_API void GC_set_push_other_roots(void (*)(void));
  GC_API void (*GC_get_push_other_roots(void))(void);
  GC_INIT();
  on_main = contract_flock(100);
  on_fiber = contract_flock(100);
  fiber_stack = malloc(FIBER); /* no root */
  getcontext(&fiber);
  fiber.uc_stack.ss_sp = fiber_stack;
  fiber.uc_stack.ss_size = FIBER;
  fiber.uc_link = &home;
  makecontext(&fiber, fn, 0);
  main_top = __builtin_frame_address(0);
  main_top -= 64 << 10; /* below: the frames that follow */
  home.uc_stack.ss_sp = GC_stackbottom;
  other_roots = GC_get_push_other_roots();
  GC_set_push_other_roots(push_main);
  hold(&on_main, switch_stacks);
  ck_assert_uint_eq(contract_alive(&on_main), 100);
  ck_assert_uint_eq(contract_alive(&on_fiber), 100);
}

START_TEST(bottom_of_a_fiber_is_told_by_the_variable) {
  check_fiber(on_the_fiber);
}
END_TEST

START_TEST(bottom_of_a_fiber_is_told_by_the_function) {
  check_fiber(on_the_fiber_by_call);
}
END_TEST

static struct contract_flock of_blocked;
static volatile int is_blocked, is_collected;

static void *wait_for_the_collection(void *data) {
  is_blocked = 1;
  while (!is_collected)
    ;
  return data;
}

static void block(void) { GC_do_blocking(wait_for_the_collection, NULL); }

static void *hold_and_block(void *arg) {
  hold(&of_blocked, block);
  return arg;
}

START_TEST(bottom_frames_of_a_blocked_thread_are_roots) {
  pthread_t thread;
  GC_INIT();
  of_blocked = contract_flock(100);
  ck_assert_int_eq(pthread_create(&thread, NULL, hold_and_block, NULL), 0);
  while (!is_blocked)
    ;
  contract_collect();
  ck_assert_uint_eq(contract_alive(&of_blocked), 100);
  is_collected = 1;
  pthread_join(thread, NULL);
}
END_TEST

int main(void) {
  Suite *s = suite_create("bottom");
  TCase *core = tcase_create("core");
  tcase_set_timeout(core, 60);
  tcase_add_test(core, bottom_of_this_stack_is_known);
  tcase_add_test(core, bottom_functions_return_what_theirs_do);
  tcase_add_test(core, bottom_of_a_fiber_is_told_by_the_variable);
  tcase_add_test(core, bottom_of_a_fiber_is_told_by_the_function);
  tcase_add_test(core, bottom_frames_of_a_blocked_thread_are_roots);
  suite_add_tcase(s, core);
  return contract_run(s);
}
