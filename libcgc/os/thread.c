/* SPDX-License-Identifier: MIT */
#include "os/thread.h"

#include <asm/prctl.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long raw(long n, long a, long b, long c, long d) {
  return cgc_thread_syscall(n, a, b, c, d, 0, 0);
}

pid_t cgc_thread_tid(void) { return (pid_t)raw(SYS_gettid, 0, 0, 0, 0); }

pid_t cgc_thread_pid(void) { return (pid_t)raw(SYS_getpid, 0, 0, 0, 0); }

uintptr_t cgc_thread_pointer(void) {
  uintptr_t base = 0;
  raw(SYS_arch_prctl, ARCH_GET_FS, (long)&base, 0, 0);
  return base;
}

bool cgc_thread_futex_wait(_Atomic uint32_t *word, uint32_t value,
                           uint64_t timeout_ns) {
  struct timespec limit = {(time_t)(timeout_ns / 1000000000),
                           (long)(timeout_ns % 1000000000)};
  long ret = raw(SYS_futex, (long)word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG,
                 (long)value, timeout_ns ? (long)&limit : 0);
  return ret != -ETIMEDOUT;
}

void cgc_thread_futex_wake(_Atomic uint32_t *word, int n) {
  raw(SYS_futex, (long)word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, n, 0);
}

void cgc_thread_yield(void) { raw(SYS_sched_yield, 0, 0, 0, 0); }

/* A directory has a link for each entry and two of its own. */
size_t cgc_thread_count(void) {
  struct stat st;
  long ret =
      raw(SYS_newfstatat, AT_FDCWD, (long)"/proc/self/task", (long)&st, 0);
  return ret == 0 && st.st_nlink > 2 ? st.st_nlink - 2 : 0;
}

/* ---- listing ------------------------------------------------------------- */

struct entry { /* what getdents64 writes */
  uint64_t ino;
  int64_t off;
  uint16_t size;
  uint8_t type;
  char name[];
};

static long open_file(const char *path, int flags) {
  return raw(SYS_openat, AT_FDCWD, (long)path, flags | O_RDONLY | O_CLOEXEC, 0);
}

/* 0 for "." and "..". */
static pid_t number_of(const char *name) {
  pid_t n = 0;
  for (; *name >= '0' && *name <= '9'; name++)
    n = n * 10 + (*name - '0');
  return n;
}

static void each_entry(const char *buf, long size, void (*fn)(pid_t, void *),
                       void *ctx) {
  for (long at = 0; at < size;) {
    const struct entry *e = (const struct entry *)(buf + at);
    pid_t tid = number_of(e->name);
    if (tid)
      fn(tid, ctx);
    at += e->size;
  }
}

int cgc_thread_each(void (*fn)(pid_t tid, void *ctx), void *ctx) {
  char buf[4096] CGC_ALIGNED(8);
  long fd = open_file("/proc/self/task", O_DIRECTORY);
  if (fd < 0)
    return (int)fd;
  long n;
  while ((n = raw(SYS_getdents64, fd, (long)buf, sizeof buf, 0)) > 0)
    each_entry(buf, n, fn, ctx);
  raw(SYS_close, fd, 0, 0, 0);
  return (int)n;
}

bool cgc_thread_exists(pid_t tid) {
  return raw(SYS_tgkill, cgc_thread_pid(), tid, 0, 0) != -ESRCH;
}

/* ---- looking at one thread ----------------------------------------------- */

/* /proc/self/task/TID/NAME into BUF, as a string. */
static long read_task_file(pid_t tid, const char *name, char *buf,
                           size_t size) {
  char path[64] = "/proc/self/task/";
  char digits[12];
  size_t len = 16, n = 0;
  for (pid_t t = tid; t > 0; t /= 10)
    digits[n++] = (char)('0' + t % 10);
  while (n)
    path[len++] = digits[--n];
  for (path[len++] = '/'; *name; name++)
    path[len++] = *name;
  path[len] = '\0';
  long fd = open_file(path, 0);
  if (fd < 0)
    return fd;
  long got = raw(SYS_read, fd, (long)buf, (long)size - 1, 0);
  raw(SYS_close, fd, 0, 0, 0);
  buf[got > 0 ? got : 0] = '\0';
  return got;
}

/* The text behind KEY, which stands at the beginning of a line. */
static const char *value_of(const char *text, const char *key) {
  for (const char *line = text; *line; line++) {
    const char *a = line, *k = key;
    while (*k && *a == *k)
      a++, k++;
    if (!*k)
      return a;
    while (*line && *line != '\n')
      line++;
    if (!*line)
      break;
  }
  return "";
}

static uint64_t parse_hex(const char **p) {
  uint64_t n = 0;
  for (;; ++*p) {
    char c = **p;
    unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                     : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                            : 16;
    if (digit == 16)
      return n;
    n = n << 4 | digit;
  }
}

/* "7 0x.. 0x.. ... SP PC" in a system call, "-1 SP PC" otherwise blocked. */
static uintptr_t parse_sp(const char *text) {
  const char *word[16];
  size_t n = 0;
  for (const char *p = text; *p && n < 16; n++) {
    word[n] = p;
    while (*p && *p != ' ')
      p++;
    while (*p == ' ')
      p++;
  }
  if (n < 3)
    return 0; /* "running" */
  const char *sp = word[n - 2] + 2;
  return parse_hex(&sp);
}

int cgc_thread_look(pid_t tid, struct cgc_thread_status *status) {
  char buf[2048];
  long got = read_task_file(tid, "status", buf, sizeof buf);
  if (got <= 0)
    return got < 0 ? (int)got : -ENOENT;
  const char *state = value_of(buf, "State:");
  const char *mask = value_of(buf, "SigBlk:");
  status->state = *state ? state[1] : '?';
  mask += *mask == '\t';
  status->blocked = parse_hex(&mask);
  status->sp = 0;
  if (read_task_file(tid, "syscall", buf, sizeof buf) > 0)
    status->sp = parse_sp(buf);
  return 0;
}

/* "TID (NAME) STATE ...": NAME has at most 15 bytes, of any kind. */
bool cgc_thread_is_held(pid_t tid) {
  char buf[64];
  long n = read_task_file(tid, "stat", buf, sizeof buf);
  while (n > 2 && buf[n - 1] != ')')
    n--;
  return n > 2 && buf[n + 1] == 't';
}

/* ---- time ---------------------------------------------------------------- */

static uint64_t clock_ns(clockid_t clock) {
  struct timespec t = {0, 0};
  clock_gettime(clock, &t);
  return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t cgc_thread_now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

uint64_t cgc_thread_cpu_ns(void) { return clock_ns(CLOCK_THREAD_CPUTIME_ID); }

uint64_t cgc_thread_process_cpu_ns(void) {
  return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/* ---- Bare threads ---------------------------------------------------------
 */

unsigned cgc_thread_processors(void) {
  unsigned long mask[1024 / 64];
  long bytes = raw(SYS_sched_getaffinity, 0, sizeof mask, (long)mask, 0);
  unsigned n = 0;
  for (long i = 0; i < bytes / (long)sizeof *mask; i++)
    n += (unsigned)__builtin_popcountl(mask[i]);
  return n ? n : 1;
}

struct start {
  void (*fn)(void *arg);
  void *arg;
};

static int run(void *arg) {
  struct start start = *(struct start *)arg;
  start.fn(start.arg);
  return 0;
}

/* The sanitizers' runtime has it, where there is one. */
void __asan_unpoison_memory_region(const volatile void *, size_t)
    __attribute__((weak));

/*
 * A forked child has the stack of a thread that it doesn't have, with the marks
 * of its frames.
 */
static void forget_frames(void *stack, size_t bytes) {
  if (CGC_SANITIZED && __asan_unpoison_memory_region)
    __asan_unpoison_memory_region(stack, bytes);
}

bool cgc_thread_spawn(void (*fn)(void *arg), void *arg, void *stack,
                      size_t bytes, _Atomic uint32_t *alive) {
  const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
                    CLONE_THREAD | CLONE_SYSVSEM | CLONE_PARENT_SETTID |
                    CLONE_CHILD_CLEARTID;
  struct start *start = (struct start *)((char *)stack + bytes) - 1;
  uint64_t all = ~0ULL, before;
  int saved = errno;
  forget_frames(stack, bytes);
  *start = (struct start){fn, arg};
  raw(SYS_rt_sigprocmask, SIG_BLOCK, (long)&all, (long)&before, sizeof all);
  int tid = clone(run, (void *)cgc_round_down((uintptr_t)start, 16), flags,
                  start, alive, NULL, alive);
  raw(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, sizeof before);
  errno = saved;
  return tid > 0;
}

/* The kernel clears the word and wakes it as shared memory, so we sleep so. */
void cgc_thread_join(_Atomic uint32_t *alive) {
  uint32_t tid;
  while ((tid = atomic_load_explicit(alive, memory_order_acquire)))
    raw(SYS_futex, (long)alive, FUTEX_WAIT, (long)tid, 0);
}
