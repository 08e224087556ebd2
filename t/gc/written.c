/* SPDX-License-Identifier: MIT */
/*
 * t/gc/written.c - pointers that the kernel writes into the heap while a cycle
 * marks beside the program.
 *
 * A table of buffers is full of pointers, each the only one to its target.
 * They are moved from buffer to buffer by the kernel alone, at every stage of
 * one cycle after the other: what was moved from a buffer not yet scanned into
 * one that was is lost unless the collector hears of that write.  A cycle is
 * judged by a marking from scratch (CGC_VERIFY), and what is reclaimed is
 * poisoned (CGC_STRESS).
 */
#include "gctest.h"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { BUFFERS = 128, BYTES = 4096, WORDS = 512, MOVES = 400 };

struct target {
  uintptr_t name, check;
  char rest[32];
};

typedef struct target *buffer[WORDS];

static buffer **table;
static int from_fd, to_fd; /* what is written to one is read from the other */

static unsigned below(unsigned n) {
  static uint64_t state = 88172645463325252;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (unsigned)(state >> 33) % n;
}

static void fill(void) {
  table = GC_malloc(BUFFERS * sizeof *table);
  for (uintptr_t i = 0; i < BUFFERS; i++) {
    table[i] = GC_memalign(BYTES, BYTES);
    for (uintptr_t k = 0; k < WORDS; k++) {
      struct target *t = (*table[i])[k] = GC_malloc(sizeof *t);
      t->name = i * WORDS + k;
      t->check = ~t->name;
    }
  }
}

/* Every target is there, and once. */
static void check_all(void) {
  uint64_t sum = 0;
  for (int i = 0; i < BUFFERS; i++)
    for (int k = 0; k < WORDS; k++) {
      const struct target *t = (*table[i])[k];
      ck_assert_uint_eq(t->check, ~t->name);
      sum += t->name;
    }
  ck_assert_uint_eq(sum, (uint64_t)BUFFERS * WORDS * (BUFFERS * WORDS - 1) / 2);
}

/* Steps of cycles: under stress each span that is used up asks for one. */
static void let_it_collect(void) {
  for (unsigned n = below(400); n > 0; n--)
    ck_assert_ptr_nonnull(GC_malloc(100));
}

/* ---- Ways to move BYTES from A to B; false: not here ------------------- */

typedef bool (*move_fn)(const void *a, void *b);

static bool by_read(const void *a, void *b) {
  return write(to_fd, a, BYTES) == BYTES && read(from_fd, b, BYTES) == BYTES;
}

static bool by_readv(const void *a, void *b) {
  struct iovec halves[] = {{b, 1000}, {(char *)b + 1000, BYTES - 1000}};
  return write(to_fd, a, BYTES) == BYTES && readv(from_fd, halves, 2) == BYTES;
}

static bool by_recv(const void *a, void *b) {
  return send(to_fd, a, BYTES, 0) == BYTES &&
         recv(from_fd, b, BYTES, MSG_WAITALL) == BYTES;
}

static bool by_writing_from_outside(const void *a, void *b) {
  struct iovec from = {(void *)(uintptr_t)a, BYTES}, to = {b, BYTES};
  return process_vm_writev(getpid(), &from, 1, &to, 1, 0) == BYTES;
}

static bool by_direct_io(const void *a, void *b) {
  return pwrite(to_fd, a, BYTES, 0) == BYTES &&
         pread(from_fd, b, BYTES, 0) == BYTES;
}

static struct {
  int fd;
  char *ring; /* submissions and completions */
  struct io_uring_sqe *entry;
  struct io_uring_params params;
} uring;

static bool by_uring(const void *a, void *b) {
  unsigned *tail = (unsigned *)(uring.ring + uring.params.sq_off.tail);
  unsigned *done = (unsigned *)(uring.ring + uring.params.cq_off.head);
  unsigned *array = (unsigned *)(uring.ring + uring.params.sq_off.array);
  struct io_uring_cqe *results =
      (struct io_uring_cqe *)(uring.ring + uring.params.cq_off.cqes);
  if (write(to_fd, a, BYTES) != BYTES)
    return false;
  *uring.entry = (struct io_uring_sqe){.opcode = IORING_OP_READ,
                                       .fd = from_fd,
                                       .addr = (uintptr_t)b,
                                       .len = BYTES};
  array[*tail & (uring.params.sq_entries - 1)] = 0;
  __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
  if (syscall(SYS_io_uring_enter, uring.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL,
              0) != 1)
    return false;
  int n = results[*done & (uring.params.cq_entries - 1)].res;
  __atomic_store_n(done, *done + 1, __ATOMIC_RELEASE);
  return n == BYTES;
}

/* ---- What they need ---------------------------------------------------- */

static bool open_pipe(void) {
  int fds[2];
  bool ok = pipe(fds) == 0;
  from_fd = fds[0];
  to_fd = fds[1];
  return ok;
}

static bool open_socket(void) {
  int fds[2];
  bool ok = socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0;
  from_fd = fds[0];
  to_fd = fds[1];
  return ok;
}

static bool open_direct(void) {
  char name[] = "./written-XXXXXX";
  to_fd = mkstemp(name);
  from_fd = open(name, O_RDONLY | O_DIRECT);
  unlink(name);
  return to_fd >= 0 && from_fd >= 0;
}

static void *map_uring(size_t bytes, off_t what) {
  return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
              uring.fd, what);
}

static bool open_uring(void) {
  uring.fd = (int)syscall(SYS_io_uring_setup, 1, &uring.params);
  if (uring.fd < 0 || !(uring.params.features & IORING_FEAT_SINGLE_MMAP))
    return false;
  size_t entries = uring.params.cq_entries * sizeof(struct io_uring_cqe);
  uring.ring =
      map_uring(uring.params.cq_off.cqes + entries, IORING_OFF_SQ_RING);
  uring.entry = map_uring(sizeof *uring.entry, IORING_OFF_SQES);
  return uring.ring != MAP_FAILED && (void *)uring.entry != MAP_FAILED &&
         open_pipe();
}

static const struct {
  bool (*open)(void);
  move_fn move;
} ways[] = {{open_pipe, by_read},        {open_pipe, by_readv},
            {open_socket, by_recv},      {open_pipe, by_writing_from_outside},
            {open_direct, by_direct_io}, {open_uring, by_uring}};

enum { WAYS = sizeof ways / sizeof *ways };

/* The pointers of a buffer go into the spare one, which takes its place. */
START_TEST(written_by_the_kernel_pointers_keep_their_targets) {
  unsigned a = 0;
  if (!ways[_i].open())
    exit(EXIT_SUCCESS); /* a kernel or file system without */
  fill();
  buffer *hole = GC_memalign(BYTES, BYTES);
  for (int n = 0; n < MOVES; n++) {
    a = below(BUFFERS);
    let_it_collect();
    if (!ways[_i].move(table[a], hole) && n == 0)
      exit(EXIT_SUCCESS); /* opened, but for nothing */
    memset(table[a], 0, BYTES);
    let_it_collect();
    buffer *old = table[a];
    table[a] = hole;
    hole = old;
  }
  check_all();
  ck_assert_uint_gt(gctest_stats().collections, 3);
}
END_TEST

/* The library reads its options before main. */
static void begin_with_options(char **argv) {
  if (getenv("CGC_MODE"))
    return;
  setenv("CGC_MODE", "incremental", 1);
  setenv("CGC_PAUSE_TARGET", "10us", 1);
  setenv("CGC_STRESS", "1", 1);
  setenv("CGC_VERIFY", "1", 1);
  execv("/proc/self/exe", argv);
  abort();
}

int main(int argc, char **argv) {
  (void)argc;
  begin_with_options(argv);
  Suite *s = suite_create("written");
  TCase *core = tcase_create("core");
  tcase_set_timeout(core, 120);
  tcase_add_loop_test(core, written_by_the_kernel_pointers_keep_their_targets,
                      0, WAYS);
  suite_add_tcase(s, core);
  return gctest_run(s);
}
