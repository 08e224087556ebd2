/* SPDX-License-Identifier: MIT */
#include "os/dirty.h"

#include "os/page.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = CGC_OS_PAGE, PAGES = 64, ROUNDS = 2000 };

static struct cgc_dirty tracker;
static char static_data[4 * PAGE] __attribute__((aligned(4096)));

/* A test of what the kernel cannot do passes without it. */
static void open_or_leave(void) {
  if (cgc_dirty_open(&tracker) != 0) {
    ck_assert_int_eq(tracker.provider, CGC_DIRTY_NONE);
    exit(EXIT_SUCCESS);
  }
}

static char *map(size_t pages) {
  char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ck_assert_ptr_ne(p, MAP_FAILED);
  return p;
}

/* PAGES pages, written, tracked and armed. */
static char *armed(void) {
  char *p = map(PAGES);
  memset(p, 1, PAGES * PAGE);
  ck_assert_int_eq(
      cgc_dirty_track(&tracker, (uintptr_t)p, (uintptr_t)p + PAGES * PAGE), 0);
  cgc_dirty_take(&tracker, (uintptr_t)p, (uintptr_t)p + PAGES * PAGE, 0, NULL,
                 NULL);
  return p;
}

static void count(uintptr_t lo, uintptr_t hi, void *ctx) {
  *(size_t *)ctx += (hi - lo) / PAGE;
}

struct pages {
  uintptr_t base;
  bool dirty[PAGES];
  size_t n;
};

static void note(uintptr_t lo, uintptr_t hi, void *ctx) {
  struct pages *pages = ctx;
  for (; lo < hi; lo += PAGE, pages->n++)
    pages->dirty[(lo - pages->base) / PAGE] = true;
}

static struct pages take(const char *p) {
  struct pages pages = {.base = (uintptr_t)p};
  cgc_dirty_take(&tracker, pages.base, pages.base + PAGES * PAGE, 0, note,
                 &pages);
  return pages;
}

static struct pages look(const char *p) {
  struct pages pages = {.base = (uintptr_t)p};
  cgc_dirty_look(&tracker, pages.base, pages.base + PAGES * PAGE, 0, note,
                 &pages);
  return pages;
}

START_TEST(written_pages_are_taken_once) {
  open_or_leave();
  char *p = armed();
  ck_assert_uint_eq(take(p).n, 0);
  p[7 * PAGE + 5] = 2;
  p[63 * PAGE] = 2;
  struct pages pages = take(p);
  ck_assert_uint_eq(pages.n, 2);
  ck_assert(pages.dirty[7] && pages.dirty[63]);
  ck_assert_uint_eq(take(p).n, 0);
}
END_TEST

START_TEST(a_look_leaves_pages_dirty) {
  open_or_leave();
  char *p = armed();
  p[9 * PAGE] = 2;
  ck_assert_uint_eq(look(p).n, 1);
  ck_assert_uint_eq(look(p).n, 1);
  ck_assert_uint_eq(take(p).n, 1);
  ck_assert_uint_eq(look(p).n, 0);
}
END_TEST

START_TEST(what_is_forgotten_is_dirty) {
  open_or_leave();
  char *p = armed();
  cgc_dirty_forget(&tracker, (uintptr_t)p, (uintptr_t)p + PAGES / 2 * PAGE);
  ck_assert_uint_eq(look(p).n, PAGES / 2);
  ck_assert_uint_eq(take(p).n, PAGES / 2);
  ck_assert_uint_eq(look(p).n, 0);
}
END_TEST

static uintptr_t take_some(struct pages *pages, uintptr_t lo, size_t max) {
  uintptr_t hi = pages->base + PAGES * PAGE;
  return cgc_dirty_take(&tracker, lo, hi, max, note, pages);
}

START_TEST(some_are_taken_and_the_others_stay_dirty) {
  open_or_leave();
  char *p = armed();
  struct pages pages = {.base = (uintptr_t)p};
  for (int i = 0; i < PAGES; i += 2 + i % 3)
    p[i * PAGE] = 2;
  size_t all = look(p).n;
  uintptr_t at = take_some(&pages, pages.base, 5);
  ck_assert_uint_eq(pages.n, 5);
  ck_assert_uint_lt(at, pages.base + PAGES * PAGE);
  ck_assert_uint_eq(look(p).n, all - 5);
  while (at < pages.base + PAGES * PAGE)
    at = take_some(&pages, at, 3);
  ck_assert_uint_eq(pages.n, all);
  ck_assert_uint_eq(look(p).n, 0);
}
END_TEST

/* Large enough for page tables of its own, most of them without a page. */
START_TEST(pages_that_are_not_there_are_not_dirty) {
  enum { SPARSE = 8192, EACH = 700 };
  open_or_leave();
  char *p = map(SPARSE);
  uintptr_t lo = (uintptr_t)p, hi = lo + (uintptr_t)SPARSE * PAGE;
  ck_assert_int_eq(cgc_dirty_track(&tracker, lo, hi), 0);
  cgc_dirty_take(&tracker, lo, hi, 0, NULL, NULL);
  size_t n = 0, written = 0;
  for (size_t i = 0; i < SPARSE; i += EACH, written++)
    p[i * PAGE] = 1;
  cgc_dirty_look(&tracker, lo, hi, 0, count, &n);
  ck_assert_uint_eq(n, written);
}
END_TEST

START_TEST(reading_does_not_make_dirty) {
  open_or_leave();
  volatile char *p = armed();
  char sum = 0;
  for (int i = 0; i < PAGES; i++)
    sum = (char)(sum + p[i * PAGE]);
  ck_assert_int_eq(sum, PAGES);
  ck_assert_uint_eq(take((const char *)p).n, 0);
}
END_TEST

START_TEST(static_data_is_tracked) {
  open_or_leave();
  uintptr_t lo = (uintptr_t)static_data;
  struct pages pages = {.base = lo};
  static_data[0] = 1;
  ck_assert_int_eq(cgc_dirty_track(&tracker, lo, lo + sizeof static_data), 0);
  cgc_dirty_take(&tracker, lo, lo + sizeof static_data, 0, NULL, NULL);
  static_data[2 * PAGE] = 1;
  cgc_dirty_take(&tracker, lo, lo + sizeof static_data, 0, note, &pages);
  ck_assert_uint_eq(pages.n, 1);
  ck_assert(pages.dirty[2]);
}
END_TEST

/* ---- Writes by the kernel ------------------------------------------------ */

START_TEST(read_into_a_page_makes_it_dirty) {
  open_or_leave();
  char *p = armed();
  int fd = open("/proc/self/exe", O_RDONLY);
  ck_assert_int_eq(read(fd, p + 3 * PAGE, 100), 100);
  ck_assert(take(p).dirty[3]);
  close(fd);
}
END_TEST

START_TEST(a_pipe_makes_it_dirty) {
  open_or_leave();
  char *p = armed();
  int fds[2];
  ck_assert_int_eq(pipe(fds), 0);
  ck_assert_int_eq(write(fds[1], "x", 1), 1);
  ck_assert_int_eq(read(fds[0], p + 4 * PAGE, 1), 1);
  ck_assert(take(p).dirty[4]);
}
END_TEST

START_TEST(a_write_from_outside_makes_it_dirty) {
  open_or_leave();
  char *p = armed();
  char byte = 5;
  struct iovec from = {&byte, 1}, to = {p + 5 * PAGE, 1};
  ck_assert_int_eq(process_vm_writev(getpid(), &from, 1, &to, 1, 0), 1);
  ck_assert(take(p).dirty[5]);
}
END_TEST

START_TEST(direct_io_makes_it_dirty) {
  open_or_leave();
  char *p = armed();
  char name[] = "./dirty-XXXXXX";
  int fd = mkstemp(name);
  ck_assert_int_eq(ftruncate(fd, PAGE), 0);
  fsync(fd);
  int direct = open(name, O_RDONLY | O_DIRECT);
  unlink(name);
  if (direct < 0 || read(direct, p + 6 * PAGE, PAGE) != PAGE)
    exit(EXIT_SUCCESS); /* a file system without */
  ck_assert(take(p).dirty[6]);
}
END_TEST

/* ---- What is lost counts as dirty ---------------------------------------- */

START_TEST(untracked_memory_is_dirty) {
  open_or_leave();
  char *p = map(PAGES);
  memset(p, 1, PAGES * PAGE);
  ck_assert_uint_eq(take(p).n, PAGES);
  ck_assert_uint_eq(tracker.nlost, 1);
  take(p); /* tracked from there on */
  ck_assert_uint_eq(take(p).n, 0);
}
END_TEST

START_TEST(a_mapping_put_in_between_is_dirty) {
  open_or_leave();
  char *p = armed();
  mmap(p + 8 * PAGE, PAGE, PROT_READ | PROT_WRITE,
       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  p[8 * PAGE] = 1;
  ck_assert(take(p).dirty[8]);
}
END_TEST

START_TEST(discarded_pages_are_dirty_when_touched) {
  open_or_leave();
  char *p = armed();
  madvise(p + 2 * PAGE, PAGE, MADV_DONTNEED);
  take(p);
  p[2 * PAGE] = 1;
  ck_assert(take(p).dirty[2]);
}
END_TEST

START_TEST(closed_descriptors_make_all_dirty) {
  open_or_leave();
  char *p = armed();
  close(tracker.uffd.fd);
  close(tracker.pagemap.fd);
  ck_assert_uint_eq(take(p).n, PAGES);
}
END_TEST

START_TEST(a_descriptor_of_the_programs_is_not_closed) {
  open_or_leave();
  int fd = tracker.uffd.fd;
  ck_assert_int_eq(dup2(STDERR_FILENO, fd), fd);
  cgc_dirty_close(&tracker);
  ck_assert_int_eq(fcntl(fd, F_GETFD), 0);
}
END_TEST

START_TEST(closing_leaves_no_descriptor) {
  open_or_leave();
  int uffd = tracker.uffd.fd, pagemap = tracker.pagemap.fd;
  cgc_dirty_close(&tracker);
  cgc_dirty_close(&tracker);
  ck_assert_int_eq(fcntl(uffd, F_GETFD), -1);
  ck_assert_int_eq(fcntl(pagemap, F_GETFD), -1);
}
END_TEST

START_TEST(without_descriptors_there_is_no_provider) {
  while (dup(0) >= 0)
    ;
  errno = 55;
  ck_assert_int_lt(cgc_dirty_open(&tracker), 0);
  ck_assert_int_eq(tracker.provider, CGC_DIRTY_NONE);
  ck_assert_int_eq(errno, 55);
  char *p = map(PAGES);
  ck_assert_uint_eq(take(p).n, PAGES);
}
END_TEST

/* ---- fork ---------------------------------------------------------------- */

static int child_writes(char *p) {
  cgc_dirty_close(&tracker);
  p[1 * PAGE] = 9;
  if (cgc_dirty_open(&tracker) != 0)
    return 1;
  if (cgc_dirty_track(&tracker, (uintptr_t)p, (uintptr_t)p + PAGES * PAGE))
    return 2;
  cgc_dirty_take(&tracker, (uintptr_t)p, (uintptr_t)p + PAGES * PAGE, 0, NULL,
                 NULL);
  p[2 * PAGE] = 9;
  struct pages pages = take(p);
  return pages.n == 1 && pages.dirty[2] ? 0 : 3;
}

START_TEST(a_child_tracks_for_itself) {
  open_or_leave();
  char *p = armed();
  pid_t pid = fork();
  if (pid == 0)
    _exit(child_writes(p));
  int status;
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  ck_assert_int_eq(status, 0);
  ck_assert_uint_eq(take(p).n, 0); /* the child's doings are its own */
  p[3 * PAGE] = 1;
  ck_assert_uint_eq(take(p).n, 1);
}
END_TEST

/* ---- I1: nothing is lost between takes and writes ------------------------ */

struct storm {
  char *p;
  _Atomic uint64_t published[PAGES]; /* what a page holds, at least */
  _Atomic bool stop;
};

static void *write_pages(void *arg) {
  struct storm *s = arg;
  struct unit_random r = {99};
  for (uint64_t n = 1; !atomic_load(&s->stop); n++) {
    uint64_t page = unit_below(&r, PAGES);
    atomic_store((_Atomic uint64_t *)(void *)(s->p + page * PAGE), n);
    atomic_store(&s->published[page], n);
  }
  return NULL;
}

/* What was read from a page right after it was taken. */
struct seen {
  struct storm *storm;
  uint64_t value[PAGES];
};

static void read_pages(uintptr_t lo, uintptr_t hi, void *ctx) {
  struct seen *seen = ctx;
  for (; lo < hi; lo += PAGE)
    seen->value[(lo - (uintptr_t)seen->storm->p) / PAGE] =
        atomic_load((_Atomic uint64_t *)lo);
}

START_TEST(take_then_read_misses_nothing) {
  static struct storm storm;
  static struct seen seen;
  pthread_t writer;
  open_or_leave();
  storm.p = armed();
  memset(storm.p, 0, PAGES * PAGE);
  seen.storm = &storm;
  uintptr_t lo = (uintptr_t)storm.p;
  pthread_create(&writer, NULL, write_pages, &storm);
  for (int i = 0; i < ROUNDS; i++) {
    uint64_t published[PAGES];
    for (int k = 0; k < PAGES; k++)
      published[k] = atomic_load(&storm.published[k]);
    cgc_dirty_take(&tracker, lo, lo + PAGES * PAGE, 0, read_pages, &seen);
    for (int k = 0; k < PAGES; k++)
      ck_assert_uint_ge(seen.value[k], published[k]);
  }
  atomic_store(&storm.stop, true);
  pthread_join(writer, NULL);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("dirty");
  TCase *core = tcase_create("core");
  tcase_add_test(core, written_pages_are_taken_once);
  tcase_add_test(core, a_look_leaves_pages_dirty);
  tcase_add_test(core, some_are_taken_and_the_others_stay_dirty);
  tcase_add_test(core, what_is_forgotten_is_dirty);
  tcase_add_test(core, pages_that_are_not_there_are_not_dirty);
  tcase_add_test(core, reading_does_not_make_dirty);
  tcase_add_test(core, static_data_is_tracked);
  tcase_add_test(core, read_into_a_page_makes_it_dirty);
  tcase_add_test(core, a_pipe_makes_it_dirty);
  tcase_add_test(core, a_write_from_outside_makes_it_dirty);
  tcase_add_test(core, direct_io_makes_it_dirty);
  tcase_add_test(core, a_child_tracks_for_itself);
  suite_add_tcase(suite, core);
  TCase *errors = tcase_create("errors");
  tcase_add_test(errors, untracked_memory_is_dirty);
  tcase_add_test(errors, a_mapping_put_in_between_is_dirty);
  tcase_add_test(errors, discarded_pages_are_dirty_when_touched);
  tcase_add_test(errors, closed_descriptors_make_all_dirty);
  tcase_add_test(errors, a_descriptor_of_the_programs_is_not_closed);
  tcase_add_test(errors, closing_leaves_no_descriptor);
  tcase_add_test(errors, without_descriptors_there_is_no_provider);
  suite_add_tcase(suite, errors);
  TCase *concurrent = tcase_create("concurrent");
  tcase_add_test(concurrent, take_then_read_misses_nothing);
  suite_add_tcase(suite, concurrent);
  return unit_run(suite);
}
