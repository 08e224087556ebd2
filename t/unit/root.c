/* SPDX-License-Identifier: MIT */
#include "world/root.h"

#include "../scrub.h"
#include "base/option.h"
#include "os/regs.h"
#include "threads.h"

#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>

enum { PAGE = CGC_OS_PAGE };

/* The word that is looked for is never in memory as such but where a test
   puts it. */
static uintptr_t hidden;

struct search {
  uintptr_t word; /* complemented */
  size_t nfound;
  enum cgc_root_kind kind;
  uintptr_t at;
  enum cgc_root_scope scope;
  int err;
  uintptr_t last_hi;
};

CGC_SCANS_MEMORY static void look(uintptr_t lo, uintptr_t hi,
                                  enum cgc_root_kind kind, void *ctx) {
  struct search *s = ctx;
  ck_assert(lo % 8 == 0 && hi % 8 == 0 && lo <= hi);
  for (const uintptr_t *p = (uintptr_t *)lo; p < (uintptr_t *)hi; p++)
    if (*p == ~s->word) {
      s->nfound++;
      s->kind = kind;
      s->at = (uintptr_t)p;
    }
}

static char stack[256 << 10] CGC_ALIGNED(16);

static void visit_stopped(uintptr_t sp, void *ctx) {
  struct search *s = ctx;
  ck_assert(cgc_mutator_enter(cgc_self));
  cgc_self->sp = sp;
  cgc_stop_world();
  s->err = cgc_root_visit(s->scope, look, s);
  cgc_start_world();
  cgc_mutator_leave(cgc_self);
}

/* The search runs on its own stack, which is a root: it holds ~word only. */
CGC_NOINLINE static struct search find(enum cgc_root_scope scope) {
  struct search s = {.word = ~hidden, .scope = scope};
  hidden = 0;
  cgc_regs_call(visit_stopped, &s, stack + sizeof stack);
  hidden = ~s.word;
  ck_assert_int_eq(s.err, 0);
  return s;
}

static void setup(void) {
  threads_setup();
  hidden = 0;
}

/* A word no one else has; made so that the compiler keeps no copy around. */
CGC_NOINLINE static void hide_in(volatile uintptr_t *place) {
  static uintptr_t next = 0x00007abc00000000;
  next += 4096;
  hidden = next + 16;
  *place = hidden;
}

static void expect_found(volatile uintptr_t *place, enum cgc_root_scope scope,
                         bool found) {
  hide_in(place);
  scrub(8192);
  struct search s = find(scope);
  if (found) {
    ck_assert_uint_ge(s.nfound, 1);
    ck_assert_uint_eq(s.at, (uintptr_t)place);
  } else {
    ck_assert_uint_eq(s.nfound, 0);
  }
}

/* With guards, so that it is not one mapping with a neighbour's. */
static uintptr_t *map_alone(size_t npages) {
  char *p = mmap(NULL, (npages + 2) * PAGE, PROT_NONE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(p + PAGE, npages * PAGE, PROT_READ | PROT_WRITE);
  return (uintptr_t *)(p + PAGE);
}

static uintptr_t data_word = 1;
static uintptr_t bss_word;
static __thread uintptr_t tls_word;

START_TEST(data_bss_and_tls_are_roots_in_both_scopes) {
  setup();
  for (int scope = 0; scope < 2; scope++) {
    expect_found(&data_word, (enum cgc_root_scope)scope, true);
    expect_found(&bss_word, (enum cgc_root_scope)scope, true);
    expect_found(&tls_word, (enum cgc_root_scope)scope, true);
  }
}
END_TEST

START_TEST(anonymous_mappings_are_roots_of_malloc_only) {
  setup();
  uintptr_t *p = map_alone(64);
  expect_found(p + 5000, CGC_ROOTS_ALL_MAPPINGS, true);
  expect_found(p + 5000, CGC_ROOTS_DATA, false);
}
END_TEST

START_TEST(frozen_and_executable_pages_are_roots) {
  setup();
  uintptr_t *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  hide_in(p);
  scrub(8192);
  mprotect(p, 4 * PAGE, PROT_READ);
  struct search s = find(CGC_ROOTS_ALL_MAPPINGS);
  ck_assert_uint_eq(s.at, (uintptr_t)p);
  mprotect(p, 4 * PAGE, PROT_READ | PROT_EXEC);
  s = find(CGC_ROOTS_ALL_MAPPINGS);
  ck_assert_uint_eq(s.at, (uintptr_t)p);
  ck_assert_int_eq(s.kind, CGC_ROOT_CODE);
  mprotect(p, 4 * PAGE, PROT_NONE);
  s = find(CGC_ROOTS_ALL_MAPPINGS);
  ck_assert_uint_eq(s.nfound, 0);
}
END_TEST

START_TEST(the_collectors_memory_is_no_root) {
  setup();
  expect_found(cgc_page_map(PAGE), CGC_ROOTS_ALL_MAPPINGS, false);
}
END_TEST

START_TEST(shared_memory_is_a_root_and_files_by_option) {
  char name[] = "/tmp/cgc-root-XXXXXX";
  setup();
  uintptr_t *anon = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  expect_found(anon, CGC_ROOTS_ALL_MAPPINGS, true);
  int fd = mkstemp(name);
  unlink(name);
  ck_assert_int_eq(ftruncate(fd, 2 * PAGE), 0);
  uintptr_t *file =
      mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  expect_found(file, CGC_ROOTS_ALL_MAPPINGS, false);
  cgc_options.shared_files = 1;
  expect_found(file, CGC_ROOTS_ALL_MAPPINGS, true);
}
END_TEST

START_TEST(code_of_a_file_is_a_root_of_malloc_only) {
  char name[] = "/tmp/cgc-root-XXXXXX";
  setup();
  int fd = mkstemp(name);
  unlink(name);
  ck_assert_int_eq(ftruncate(fd, PAGE), 0);
  uintptr_t *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  hide_in(p);
  scrub(8192);
  mprotect(p, PAGE, PROT_READ);
  ck_assert_uint_eq(find(CGC_ROOTS_DATA).nfound, 1);
  mprotect(p, PAGE, PROT_READ | PROT_EXEC);
  ck_assert_uint_eq(find(CGC_ROOTS_DATA).nfound, 0);
  ck_assert_uint_eq(find(CGC_ROOTS_ALL_MAPPINGS).nfound, 1);
  mprotect(p, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
  ck_assert_uint_eq(find(CGC_ROOTS_DATA).nfound, 1);
}
END_TEST

static void expect_kind(uintptr_t *place, int prot, enum cgc_root_kind kind) {
  hide_in(place);
  scrub(8192);
  mprotect((void *)cgc_round_down((uintptr_t)place, PAGE), PAGE, prot);
  struct search s = find(CGC_ROOTS_ALL_MAPPINGS);
  ck_assert_uint_eq(s.nfound, 1);
  ck_assert_uint_eq(s.at, (uintptr_t)place);
  ck_assert_int_eq(s.kind, kind);
}

/* Though they are looked up together. */
START_TEST(neighbours_are_told_apart) {
  enum { WORDS = PAGE / sizeof(uintptr_t) };
  setup();
  uintptr_t *p = map_alone(8);
  mprotect(p + 2 * WORDS, PAGE, PROT_NONE);
  munmap(p + 4 * WORDS, PAGE);
  expect_kind(p + 3 * WORDS + 5, PROT_READ | PROT_WRITE, CGC_ROOT_MAPPING);
  expect_kind(p, PROT_READ, CGC_ROOT_MAPPING);
  expect_kind(p + WORDS, PROT_READ | PROT_EXEC, CGC_ROOT_CODE);
  expect_kind(p + 5 * WORDS, PROT_READ, CGC_ROOT_MAPPING);
  expect_kind(p + 6 * WORDS, PROT_READ | PROT_EXEC, CGC_ROOT_CODE);
  expect_kind(p + 7 * WORDS, PROT_READ | PROT_WRITE, CGC_ROOT_MAPPING);
}
END_TEST

START_TEST(the_brk_area_is_a_root) {
  setup();
  uintptr_t *p = sbrk(PAGE);
  p = (uintptr_t *)cgc_round_up((uintptr_t)p, 8);
  expect_found(p, CGC_ROOTS_ALL_MAPPINGS, true);
}
END_TEST

START_TEST(named_ranges_count_and_excluded_ones_do_not) {
  setup();
  uintptr_t *p = map_alone(1);
  cgc_range_add((uintptr_t)p + 3, (uintptr_t)p + 101);
  expect_found(p + 5, CGC_ROOTS_DATA, true);
  expect_found(p + 12, CGC_ROOTS_DATA, false);
  cgc_range_exclude((uintptr_t)p, (uintptr_t)p + 64);
  expect_found(p + 5, CGC_ROOTS_DATA, false);
  expect_found(p + 5, CGC_ROOTS_ALL_MAPPINGS, false);
}
END_TEST

START_TEST(data_that_is_named_is_visited_once) {
  setup();
  cgc_range_add((uintptr_t)&data_word, (uintptr_t)(&data_word + 1));
  hide_in(&data_word);
  struct search s = find(CGC_ROOTS_DATA);
  ck_assert_uint_eq(s.nfound, 1);
  ck_assert_int_eq(s.kind, CGC_ROOT_NAMED);
  cgc_options.unaligned = 1; /* a word may reach into what is named */
  ck_assert_uint_eq(find(CGC_ROOTS_DATA).nfound, 2);
}
END_TEST

START_TEST(words_of_the_kernel_are_roots) {
  uintptr_t word;
  setup();
  hide_in(&word);
  cgc_kernel_set(CGC_KERNEL_TIMER, 1, word);
  word = 0;
  scrub(8192);
  ck_assert_int_eq(find(CGC_ROOTS_DATA).kind, CGC_ROOT_KERNEL);
}
END_TEST

CGC_NOINLINE static void leave_deep(void) {
  volatile uintptr_t words[2048];
  for (int i = 0; i < 2048; i++)
    words[i] = 0;
  hide_in(&words[1]);
}

START_TEST(dead_words_of_the_stack_are_not_visited) {
  setup();
  leave_deep();
  for (int scope = 0; scope < 2; scope++)
    ck_assert_uint_eq(find((enum cgc_root_scope)scope).nfound, 0);
}
END_TEST

/* ---- other threads ------------------------------------------------------- */

static _Atomic bool hidden_there;
static _Atomic bool done;

static void wait_done(void) {
  atomic_store(&hidden_there, true);
  while (!atomic_load(&done))
    sched_yield();
}

static void *on_stack(void *arg) {
  volatile uintptr_t word;
  if (arg)
    cgc_mutator_register();
  hide_in(&word);
  wait_done();
  return (void *)(word = 0);
}

static void *on_dead_stack(void *arg) {
  if (arg)
    cgc_mutator_register();
  leave_deep();
  wait_done();
  return NULL;
}

static void *in_tls(void *arg) {
  (void)arg;
  cgc_mutator_register();
  hide_in(&tls_word);
  wait_done();
  return NULL;
}

static void *in_register(void *arg) {
  uintptr_t word;
  (void)arg;
  cgc_mutator_register();
  hide_in(&word);
  __asm__ volatile("movq %0, %%rax\n movq $0, %0\n movb $1, %1\n"
                   "1: pause\n cmpb $0, %2\n je 1b"
                   : "+m"(word), "=m"(hidden_there)
                   : "m"(done)
                   : "rax", "cc");
  return NULL;
}

static void *in_vector(void *arg) {
  uintptr_t word;
  (void)arg;
  cgc_mutator_register();
  hide_in(&word);
  __asm__ volatile("movq %0, %%xmm9\n movq $0, %0\n movb $1, %1\n"
                   "1: pause\n cmpb $0, %2\n je 1b"
                   : "+m"(word), "=m"(hidden_there)
                   : "m"(done)
                   : "xmm9", "cc");
  return NULL;
}

static void find_in_thread(void *(*fn)(void *), void *arg, bool found) {
  for (int scope = 0; scope < 2; scope++) {
    atomic_store(&done, false);
    atomic_store(&hidden_there, false);
    pthread_t thread = threads_create(fn, arg);
    while (!atomic_load(&hidden_there))
      sched_yield();
    size_t n = find((enum cgc_root_scope)scope).nfound;
    ck_assert_msg((n > 0) == found, "scope %d: %zu", scope, n);
    atomic_store(&done, true);
    pthread_join(thread, NULL);
  }
}

START_TEST(stacks_of_threads_are_roots) {
  setup();
  find_in_thread(on_stack, stack, true);
  find_in_thread(on_stack, NULL, true);
}
END_TEST

START_TEST(the_dead_part_of_a_threads_stack_is_not) {
  setup();
  find_in_thread(on_dead_stack, stack, false);
  find_in_thread(on_dead_stack, NULL, false);
}
END_TEST

START_TEST(tls_of_threads_is_a_root) {
  setup();
  find_in_thread(in_tls, NULL, true);
}
END_TEST

START_TEST(registers_of_threads_are_roots) {
  setup();
  find_in_thread(in_register, NULL, true);
  find_in_thread(in_vector, NULL, true);
}
END_TEST

static void *in_leave(void *arg) {
  struct cgc_mutator *self = cgc_mutator_register();
  uintptr_t word;
  (void)arg;
  cgc_mutator_enter(self);
  hide_in(&word);
  /* r15 alone keeps it across the leave that the stop was put off to. */
  register uintptr_t kept __asm__("r15");
  __asm__ volatile("movq %1, %0\n movq $0, %1" : "=r"(kept), "+m"(word));
  atomic_store(&hidden_there, true);
  while (!*(volatile uint8_t *)&self->stop_asked)
    ;
  cgc_mutator_leave(self);
  __asm__ volatile("" ::"r"(kept));
  while (!atomic_load(&done))
    sched_yield();
  return NULL;
}

START_TEST(a_put_off_stop_sees_the_registers) {
  setup();
  find_in_thread(in_leave, NULL, true);
}
END_TEST

/* ---- other stacks -------------------------------------------------------- */

static struct search found_there;
static ucontext_t main_context, other_context;

static void find_from_other_stack(void) {
  volatile uintptr_t word;
  hide_in(&word);
  found_there = find(CGC_ROOTS_ALL_MAPPINGS);
  word = 0;
  hide_in(&data_word); /* now the main stack: its frame waits below us */
}

static void run_on_mapped_stack(void) {
  static const size_t bytes = 256 << 10;
  char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  getcontext(&other_context);
  other_context.uc_stack.ss_sp = p;
  other_context.uc_stack.ss_size = bytes;
  other_context.uc_link = &main_context;
  makecontext(&other_context, find_from_other_stack, 0);
  swapcontext(&main_context, &other_context);
}

START_TEST(a_stack_of_makecontext_is_a_root) {
  setup();
  run_on_mapped_stack();
  ck_assert_uint_ge(found_there.nfound, 1);
}
END_TEST

static void find_main_word(void) {
  for (int scope = 0; scope < 2; scope++) {
    found_there = find((enum cgc_root_scope)scope);
    ck_assert_uint_ge(found_there.nfound, 1);
  }
}

static void in_handler(int sig) {
  (void)sig;
  find_main_word();
}

START_TEST(the_stack_below_a_handler_on_another_is_a_root) {
  volatile uintptr_t word;
  stack_t alt = {.ss_size = 512 << 10};
  struct sigaction sa = {.sa_handler = in_handler, .sa_flags = SA_ONSTACK};
  setup();
  alt.ss_sp = mmap(NULL, alt.ss_size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  sigaltstack(&alt, NULL);
  sigaction(SIGUSR1, &sa, NULL);
  hide_in(&word);
  raise(SIGUSR1);
  word = 0;
}
END_TEST

/* ---- limits and errors --------------------------------------------------- */

START_TEST(untouched_memory_stays_untouched) {
  setup();
  size_t bytes = (size_t)8 << 30;
  char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  p[bytes / 2] = 1;
  uint64_t start = cgc_thread_now_ns();
  find(CGC_ROOTS_ALL_MAPPINGS);
  ck_assert_uint_lt(cgc_root_counters.bytes, 64 * CGC_MIB);
  ck_assert_uint_lt(cgc_thread_now_ns() - start, 1000000000);
}
END_TEST

static void ignore(uintptr_t lo, uintptr_t hi, enum cgc_root_kind kind,
                   void *ctx) {
  (void)lo, (void)hi, (void)kind, (void)ctx;
}

START_TEST(many_mappings_cost_little) {
  setup();
  char *p =
      mmap(NULL, 1000 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < 1000; i += 2) {
    mprotect(p + i * PAGE, PAGE, PROT_READ | PROT_WRITE);
    p[i * PAGE] = 1;
  }
  uint64_t best = UINT64_MAX;
  for (int i = 0; i < 10; i++) {
    threads_stop();
    ck_assert_int_eq(cgc_root_visit(CGC_ROOTS_ALL_MAPPINGS, ignore, NULL), 0);
    threads_start();
    best = cgc_root_counters.ns < best ? cgc_root_counters.ns : best;
  }
  fprintf(stderr, "# %d mappings: %u us\n", (int)cgc_root_counters.nmappings,
          (unsigned)(best / 1000));
  ck_assert_uint_lt(best, 10000000);
}
END_TEST

START_TEST(without_proc_it_is_an_error) {
  setup();
  while (dup(0) >= 0)
    ;
  threads_stop();
  int err = cgc_root_visit(CGC_ROOTS_ALL_MAPPINGS, ignore, NULL);
  threads_start();
  ck_assert_int_lt(err, 0);
}
END_TEST

START_TEST(a_forked_child_finds_its_own_roots) {
  int status;
  setup();
  pid_t child = fork();
  if (child == 0) {
    cgc_mutator_fork_child();
    uintptr_t *p = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expect_found(p + 3000, CGC_ROOTS_ALL_MAPPINGS, true);
    _exit(0);
  }
  waitpid(child, &status, 0);
  ck_assert_int_eq(status, 0);
}
END_TEST

static Suite *suite(void) {
  Suite *s = suite_create("root");
  TCase *core = tcase_create("core");
  tcase_set_timeout(core, 30);
  tcase_add_test(core, data_bss_and_tls_are_roots_in_both_scopes);
  tcase_add_test(core, anonymous_mappings_are_roots_of_malloc_only);
  tcase_add_test(core, frozen_and_executable_pages_are_roots);
  tcase_add_test(core, the_collectors_memory_is_no_root);
  tcase_add_test(core, shared_memory_is_a_root_and_files_by_option);
  tcase_add_test(core, code_of_a_file_is_a_root_of_malloc_only);
  tcase_add_test(core, neighbours_are_told_apart);
  tcase_add_test(core, the_brk_area_is_a_root);
  tcase_add_test(core, named_ranges_count_and_excluded_ones_do_not);
  tcase_add_test(core, data_that_is_named_is_visited_once);
  tcase_add_test(core, words_of_the_kernel_are_roots);
  tcase_add_test(core, dead_words_of_the_stack_are_not_visited);
  suite_add_tcase(s, core);
  TCase *threads = tcase_create("concurrent");
  tcase_set_timeout(threads, 30);
  tcase_add_test(threads, stacks_of_threads_are_roots);
  tcase_add_test(threads, the_dead_part_of_a_threads_stack_is_not);
  tcase_add_test(threads, tls_of_threads_is_a_root);
  tcase_add_test(threads, registers_of_threads_are_roots);
  tcase_add_test(threads, a_put_off_stop_sees_the_registers);
  tcase_add_test(threads, a_stack_of_makecontext_is_a_root);
  tcase_add_test(threads, the_stack_below_a_handler_on_another_is_a_root);
  tcase_add_test(threads, a_forked_child_finds_its_own_roots);
  suite_add_tcase(s, threads);
  TCase *limits = tcase_create("limits");
  tcase_set_timeout(limits, 30);
  tcase_add_test(limits, untouched_memory_stays_untouched);
  tcase_add_test(limits, many_mappings_cost_little);
  suite_add_tcase(s, limits);
  TCase *errors = tcase_create("errors");
  tcase_add_test(errors, without_proc_it_is_an_error);
  suite_add_tcase(s, errors);
  return s;
}

int main(void) { return unit_run(suite()); }
