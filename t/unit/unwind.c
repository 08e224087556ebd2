/* SPDX-License-Identifier: MIT */
#include "os/unwind.h"

#include "base/log.h"
#include "unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, ROUNDS = 200 };

static void *pcs[64];

/* Addresses in this function stand for its return addresses. */
CGC_NOINLINE static size_t inner(size_t skip) {
  size_t n = cgc_unwind_capture(pcs, 64, skip);
  cgc_compiler_barrier();
  return n;
}

CGC_NOINLINE static size_t outer(size_t skip) {
  size_t n = inner(skip);
  cgc_compiler_barrier();
  return n;
}

static bool is_in(const void *pc, size_t (*fn)(size_t)) {
  uintptr_t at = (uintptr_t)pc - (uintptr_t)fn;
  return at > 0 && at < 128;
}

START_TEST(the_callers_are_captured_in_order) {
  size_t n = outer(0);
  ck_assert_uint_ge(n, 3);
  ck_assert(is_in(pcs[0], inner));
  ck_assert(is_in(pcs[1], outer));
}
END_TEST

START_TEST(skipped_frames_are_left_out) {
  ck_assert_uint_ge(outer(1), 2);
  ck_assert(is_in(pcs[0], outer));
  ck_assert_uint_eq(outer(1000), 0);
}
END_TEST

START_TEST(no_more_than_room_is_written) {
  void *few[2] = {NULL, (void *)1};
  ck_assert_uint_eq(cgc_unwind_capture(few, 1, 0), 1);
  ck_assert_ptr_eq(few[1], (void *)1);
  ck_assert_uint_eq(cgc_unwind_capture(few, 0, 0), 0);
}
END_TEST

static size_t printed(char *text, size_t size, void (*print)(void)) {
  int fds[2];
  ck_assert_int_eq(pipe(fds), 0);
  cgc_log_set_fd(fds[1]);
  print();
  close(fds[1]);
  size_t len = 0;
  ssize_t n;
  while ((n = read(fds[0], text + len, size - 1 - len)) > 0)
    len += (size_t)n;
  text[len] = '\0';
  close(fds[0]);
  return len;
}

START_TEST(each_frame_is_one_line) {
  static char text[65536];
  ck_assert_uint_gt(printed(text, sizeof text, cgc_unwind_print), 0);
  int nlines = 0;
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
    int number;
    void *pc;
    ck_assert_int_eq(sscanf(line, "cgc:   #%d %p ", &number, &pc), 2);
    ck_assert_int_eq(number, nlines++);
    ck_assert_ptr_nonnull(strchr(line, '+'));
  }
  ck_assert_int_ge(nlines, 2);
}
END_TEST

static void print_wild(void) {
  void *wild[] = {(void *)0x10, NULL, (void *)cgc_unwind_print};
  cgc_unwind_print_frames(wild, 3);
}

START_TEST(an_address_of_no_module_is_printed) {
  static char text[4096];
  printed(text, sizeof text, print_wild);
  ck_assert_ptr_eq(strstr(text, "cgc:   #0 0x10\n"), text);
  ck_assert_ptr_nonnull(strstr(text, "#2 0x"));
}
END_TEST

static void *capture_often(void *arg) {
  (void)arg;
  for (int i = 0; i < ROUNDS; i++) {
    void *mine[16];
    ck_assert_uint_ge(cgc_unwind_capture(mine, 16, 0), 1);
  }
  return NULL;
}

START_TEST(threads_capture_at_once) {
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, capture_often, NULL);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
}
END_TEST

START_TEST(a_forked_child_captures) {
  int status;
  outer(0);
  pid_t child = fork();
  if (child == 0)
    _exit(outer(0) >= 2 ? 0 : 1);
  waitpid(child, &status, 0);
  ck_assert_int_eq(status, 0);
}
END_TEST

static Suite *suite(void) {
  Suite *s = suite_create("unwind");
  TCase *core = tcase_create("core");
  tcase_set_timeout(core, 30);
  tcase_add_test(core, the_callers_are_captured_in_order);
  tcase_add_test(core, skipped_frames_are_left_out);
  tcase_add_test(core, no_more_than_room_is_written);
  tcase_add_test(core, each_frame_is_one_line);
  tcase_add_test(core, an_address_of_no_module_is_printed);
  tcase_add_test(core, threads_capture_at_once);
  tcase_add_test(core, a_forked_child_captures);
  suite_add_tcase(s, core);
  return s;
}

int main(void) { return unit_run(suite()); }
