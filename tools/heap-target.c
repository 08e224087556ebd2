/* SPDX-License-Identifier: MIT */
#include "heap-target.h"

#include "store.h"
#include "tool.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
  OS_PAGE = 4096,
  WALK_BYTES = 1 << 20,
  VECTOR_MAX = 16 << 10,
  TEXT_BYTES = 8192,
  LINE_BYTES = 16 << 10,
  LINES = 256
};

/* Bytes that were read with others; nothing changes meanwhile. */
struct cgc_target_line {
  uint64_t addr;
  size_t n;
  uint8_t bytes[LINE_BYTES];
};

/* Of an entry of /proc/PID/pagemap. */
static const uint64_t page_present = 1ull << 63, page_swapped = 1ull << 62,
                      page_file = 1ull << 61;

struct cgc_segment *cgc_target_add_segment(struct cgc_target *t) {
  t->segments = cgc_store_room(t->segments, t->nsegments, sizeof *t->segments);
  struct cgc_segment *s = &t->segments[t->nsegments++];
  *s = (struct cgc_segment){.name = ""};
  return s;
}

struct cgc_thread *cgc_target_add_thread(struct cgc_target *t, pid_t tid) {
  t->threads = cgc_store_room(t->threads, t->nthreads, sizeof *t->threads);
  struct cgc_thread *th = &t->threads[t->nthreads++];
  *th = (struct cgc_thread){.tid = tid};
  return th;
}

/* ---- a process: mappings ------------------------------------------------- */

static enum cgc_segment_kind kind_of(const struct cgc_segment *s,
                                     const char *device) {
  const char *name = s->name;
  if (strcmp(name, "[stack]") == 0)
    return CGC_SEGMENT_STACK;
  if (strcmp(name, "[heap]") == 0 || strncmp(name, "[anon:", 6) == 0 ||
      *name == '\0')
    return CGC_SEGMENT_ANON;
  if (s->shared &&
      (strncmp(name, "/dev/zero", 9) == 0 || strncmp(name, "/SYSV", 5) == 0 ||
       strncmp(name, "/memfd:", 7) == 0 || strncmp(name, "/dev/shm/", 9) == 0 ||
       strncmp(name, "[anon_shmem", 11) == 0))
    return CGC_SEGMENT_SHM;
  if (*name == '[' || strncmp(name, "/dev/", 5) == 0 ||
      strcmp(device, "00:00") == 0)
    return strncmp(name, "/dev/zero", 9) == 0 ? CGC_SEGMENT_ANON
                                              : CGC_SEGMENT_OTHER;
  return CGC_SEGMENT_FILE;
}

static bool parse_mapping(struct cgc_target *t, char *line) {
  char prot[8], device[16];
  unsigned long lo, hi, at;
  int name = 0;
  line[strcspn(line, "\n")] = '\0';
  if (sscanf(line, "%lx-%lx %4s %lx %15s %*u %n", &lo, &hi, prot, &at, device,
             &name) < 5)
    return false;
  struct cgc_segment *s = cgc_target_add_segment(t);
  s->lo = lo;
  s->hi = hi;
  s->file_at = at;
  s->prot = (uint8_t)((prot[0] == 'r' ? CGC_SEGMENT_READ : 0) |
                      (prot[1] == 'w' ? CGC_SEGMENT_WRITE : 0) |
                      (prot[2] == 'x' ? CGC_SEGMENT_EXEC : 0));
  s->shared = prot[3] == 's';
  s->name = strdup(line + name);
  s->kind = (uint8_t)kind_of(s, device);
  return true;
}

static int refuse(const struct cgc_target *t, int error) {
  return cgc_tool_error(CGC_HEAP_FAILED,
                        "process %d can't be held: %s; be its owner or root "
                        "(and see /proc/sys/kernel/yama/ptrace_scope)",
                        t->pid, strerror(error));
}

static int read_mappings(struct cgc_target *t) {
  char path[64], line[TEXT_BYTES];
  snprintf(path, sizeof path, "/proc/%d/maps", t->pid);
  FILE *f = fopen(path, "re");
  if (!f)
    return cgc_tool_error(CGC_HEAP_FAILED, "process %d: %s", t->pid,
                          errno == ENOENT ? "there is none" : strerror(errno));
  while (fgets(line, sizeof line, f))
    parse_mapping(t, line);
  fclose(f);
  if (t->nsegments == 0)
    return cgc_tool_error(CGC_HEAP_FAILED,
                          "process %d: its mappings can't be read (has it "
                          "ended? is it yours?)",
                          t->pid);
  return 0;
}

/* ---- a process: threads -------------------------------------------------- */

static void read_vector(struct cgc_thread *th) {
  uint8_t *buf = cgc_store_grow(NULL, VECTOR_MAX);
  struct iovec io = {buf, VECTOR_MAX};
  if (ptrace(PTRACE_GETREGSET, th->tid, (void *)NT_X86_XSTATE, &io) == 0) {
    th->vector = buf;
    th->vector_bytes = io.iov_len;
  } else {
    free(buf);
  }
}

/* Seize and stop one thread, and take its registers. */
static bool seize(struct cgc_thread *th) {
  int status;
  if (ptrace(PTRACE_SEIZE, th->tid, 0, 0) != 0)
    return false;
  th->seized = true;
  if (ptrace(PTRACE_INTERRUPT, th->tid, 0, 0) != 0 ||
      waitpid(th->tid, &status, __WALL) != th->tid || !WIFSTOPPED(status))
    return false;
  if (status >> 16 == 0)
    th->signal = WSTOPSIG(status);
  if (ptrace(PTRACE_GETREGS, th->tid, 0, &th->regs) != 0)
    return false;
  th->has_regs = true;
  th->sp = th->regs.rsp;
  th->fs_base = th->regs.fs_base;
  read_vector(th);
  return true;
}

/* The stack pointer stands before the last word of the line. */
static void read_sp(const struct cgc_target *t, struct cgc_thread *th) {
  char path[64], line[512];
  snprintf(path, sizeof path, "/proc/%d/task/%d/syscall", t->pid, th->tid);
  FILE *f = fopen(path, "re");
  if (!f)
    return;
  if (fgets(line, sizeof line, f)) {
    char *last = strrchr(line, ' ');
    if (last) {
      *last = '\0';
      char *sp = strrchr(line, ' ');
      th->sp = sp ? strtoull(sp, NULL, 16) : 0;
    }
  }
  fclose(f);
}

static pid_t tracer_of(pid_t tid) {
  char path[64], line[256];
  int tracer = 0;
  snprintf(path, sizeof path, "/proc/%d/status", tid);
  FILE *f = fopen(path, "re");
  while (f && fgets(line, sizeof line, f))
    if (sscanf(line, "TracerPid: %d", &tracer) == 1)
      break;
  if (f)
    fclose(f);
  return tracer;
}

static struct cgc_thread *find_thread(struct cgc_target *t, pid_t tid) {
  for (size_t i = 0; i < t->nthreads; i++)
    if (t->threads[i].tid == tid)
      return &t->threads[i];
  return NULL;
}

/* Until a look at the list shows nobody new: threads start threads. */
static int hold_threads(struct cgc_target *t) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", t->pid);
  for (bool news = true; news;) {
    news = false;
    DIR *dir = opendir(path);
    if (!dir)
      return refuse(t, errno);
    for (struct dirent *e; (e = readdir(dir));) {
      pid_t tid = atoi(e->d_name);
      if (tid <= 0 || find_thread(t, tid))
        continue;
      struct cgc_thread *th = cgc_target_add_thread(t, tid);
      news = true;
      if (t->is_traced)
        read_sp(t, th);
      else if (!seize(th) && errno == EPERM) {
        closedir(dir);
        return refuse(t, EPERM);
      }
    }
    closedir(dir);
  }
  return 0;
}

/* ---- registers told by a debugger ---------------------------------------- */

/* Numbers up to the end of the line; those behind REGS are of the vectors. */
static void take_words(struct cgc_thread *th, const char *at) {
  struct user_regs_struct *r = &th->regs;
  unsigned long long *const regs[] = {
      &r->fs_base, &r->rax, &r->rbx, &r->rcx, &r->rdx, &r->rsi,
      &r->rdi,     &r->rbp, &r->rsp, &r->r8,  &r->r9,  &r->r10,
      &r->r11,     &r->r12, &r->r13, &r->r14, &r->r15, &r->rip};
  enum { NREGS = sizeof regs / sizeof *regs };
  size_t n = 0;
  char *next;
  th->vector = cgc_store_grow(th->vector, strlen(at) * 8 + 8);
  for (;; at = next, n++) {
    uint64_t word = strtoull(at, &next, 0);
    if (next == at)
      break;
    if (n < NREGS) {
      *regs[n] = word;
    } else {
      memcpy(th->vector + th->vector_bytes, &word, sizeof word);
      th->vector_bytes += sizeof word;
    }
  }
  th->has_regs = n >= NREGS;
  th->sp = r->rsp;
  th->fs_base = r->fs_base;
}

static int read_registers(struct cgc_target *t, const char *path) {
  FILE *f = fopen(path, "re");
  char *line = NULL, *at;
  size_t size = 0;
  if (!f)
    return cgc_tool_error(CGC_HEAP_FAILED, "%s: %s", path, strerror(errno));
  while (getline(&line, &size, f) > 0) {
    struct cgc_thread *th = find_thread(t, (pid_t)strtol(line, &at, 10));
    if (th)
      take_words(th, at);
  }
  free(line);
  fclose(f);
  return 0;
}

/* ---- open and close ------------------------------------------------------ */

static int by_address(const void *a, const void *b) {
  uint64_t x = ((const struct cgc_segment *)a)->lo;
  uint64_t y = ((const struct cgc_segment *)b)->lo;
  return x < y ? -1 : x > y;
}

static int open_process(struct cgc_target *t, const char *registers) {
  char path[64];
  t->is_traced = tracer_of(t->pid) != 0;
  int status = read_mappings(t); /* says whether there is such a process */
  if (status == 0)
    status = hold_threads(t);
  if (status)
    return status;
  t->nsegments = 0; /* again, now that nothing changes */
  snprintf(path, sizeof path, "/proc/%d/pagemap", t->pid);
  t->fd = open(path, O_RDONLY | O_CLOEXEC);
  status = read_mappings(t);
  if (status == 0 && registers)
    status = read_registers(t, registers);
  return status;
}

int cgc_target_open(struct cgc_target *t, const char *name,
                    const char *registers) {
  char *end;
  long pid = strtol(name, &end, 10);
  *t = (struct cgc_target){.title = name, .fd = -1};
  t->lines = cgc_store_grow(NULL, LINES * sizeof *t->lines);
  for (size_t i = 0; i < LINES; i++)
    t->lines[i].addr = 1; /* of no line */
  int status;
  if (*end == '\0' && pid > 0 && pid < INT32_MAX) {
    t->pid = (pid_t)pid;
    status = open_process(t, registers);
  } else {
    status = cgc_core_open(t, name);
  }
  if (t->nsegments)
    qsort(t->segments, t->nsegments, sizeof *t->segments, by_address);
  return status;
}

void cgc_target_close(struct cgc_target *t) {
  for (size_t i = 0; i < t->nthreads; i++) {
    if (t->threads[i].seized)
      ptrace(PTRACE_DETACH, t->threads[i].tid, 0, t->threads[i].signal);
    free(t->threads[i].vector);
  }
  free(t->lines);
  if (t->fd >= 0)
    close(t->fd);
  free(t->threads);
  free(t->segments);
}

/* ---- reading ------------------------------------------------------------- */

const struct cgc_segment *cgc_target_find(const struct cgc_target *t,
                                          uint64_t addr) {
  size_t lo = 0, hi = t->nsegments;
  while (lo < hi) {
    size_t mid = (lo + hi) / 2;
    if (t->segments[mid].hi <= addr)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo < t->nsegments && t->segments[lo].lo <= addr ? &t->segments[lo]
                                                         : NULL;
}

static size_t read_process(const struct cgc_target *t, uint64_t addr, void *buf,
                           size_t n) {
  struct iovec local = {buf, n}, remote = {(void *)addr, n};
  ssize_t got = process_vm_readv(t->pid, &local, 1, &remote, 1, 0);
  return got > 0 ? (size_t)got : 0;
}

/* Up to the end of ADDR's segment. */
static size_t read_core(const struct cgc_target *t, uint64_t addr, void *buf,
                        size_t n) {
  const struct cgc_segment *s = cgc_target_find(t, addr);
  if (!s || addr - s->lo >= s->data_bytes)
    return 0;
  n = cgc_min(n, s->data_bytes - (addr - s->lo));
  ssize_t got = pread(t->fd, buf, n, (off_t)(s->data_at + (addr - s->lo)));
  return got > 0 ? (size_t)got : 0;
}

/* returns  bytes read, from ADDR up to what is not there */
static size_t read_some(const struct cgc_target *t, uint64_t addr, void *buf,
                        size_t n) {
  size_t done = 0;
  for (size_t got = 1; done < n && got > 0; done += got)
    got = (t->is_core ? read_core : read_process)(t, addr + done,
                                                  (char *)buf + done, n - done);
  return done;
}

static const struct cgc_target_line *line_of(const struct cgc_target *t,
                                             uint64_t addr) {
  struct cgc_target_line *l = &t->lines[addr / LINE_BYTES % LINES];
  addr = cgc_round_down(addr, LINE_BYTES);
  if (l->addr != addr) {
    l->addr = addr;
    l->n = read_some(t, addr, l->bytes, LINE_BYTES);
  }
  return l;
}

/* From one line. */
static bool read_little(const struct cgc_target *t, uint64_t addr, void *buf,
                        size_t n) {
  size_t at = addr % LINE_BYTES;
  if (at + n > LINE_BYTES)
    return false;
  const struct cgc_target_line *l = line_of(t, addr);
  if (at + n <= l->n)
    memcpy(buf, l->bytes + at, n);
  return at + n <= l->n;
}

bool cgc_target_read(const struct cgc_target *t, uint64_t addr, void *buf,
                     size_t n) {
  return read_little(t, addr, buf, n) || read_some(t, addr, buf, n) == n;
}

uint64_t cgc_target_word(const struct cgc_target *t, uint64_t addr,
                         size_t width) {
  uint64_t word = 0;
  if (width > sizeof word || !cgc_target_read(t, addr, &word, width))
    return 0;
  return word;
}

/* ---- walking ------------------------------------------------------------- */

/* Of what is there of a range: give all bytes to FN, or put them at FILLED. */
struct walk {
  const struct cgc_target *t;
  cgc_target_fn fn;
  void *ctx;
  uint8_t *buf;
  uint8_t *filled;
  uint64_t lo; /* that stands at FILLED */
};

static void give(const struct walk *w, uint64_t lo, uint64_t hi) {
  if (w->filled) {
    read_some(w->t, lo, w->filled + (lo - w->lo), hi - lo);
    return;
  }
  for (uint64_t n; lo < hi; lo += n) {
    n = cgc_min(hi - lo, (uint64_t)WALK_BYTES);
    if (read_some(w->t, lo, w->buf, n) == n)
      w->fn(lo, w->buf, n, w->ctx);
  }
}

static bool is_wanted(uint64_t entry, enum cgc_target_pages pages) {
  if (!(entry & (page_present | page_swapped)))
    return false;
  return pages == CGC_TARGET_PRESENT || !(entry & page_file);
}

/* Runs of wanted pages, from up to 512 entries of pagemap at once. */
static bool walk_pages(const struct walk *w, uint64_t lo, uint64_t hi,
                       enum cgc_target_pages pages) {
  uint64_t entries[512];
  for (uint64_t at = lo & ~(uint64_t)(OS_PAGE - 1); at < hi;) {
    size_t n = cgc_min((hi - at + OS_PAGE - 1) / OS_PAGE, 512);
    ssize_t got = pread(w->t->fd, entries, n * 8, (off_t)(at / OS_PAGE * 8));
    if (got < 8)
      return false;
    n = (size_t)got / 8;
    for (size_t i = 0; i < n;) {
      size_t first = i;
      while (i < n && is_wanted(entries[i], pages))
        i++;
      if (i > first)
        give(w, cgc_max(lo, at + first * OS_PAGE),
             cgc_min(hi, at + i * OS_PAGE));
      else
        i++;
    }
    at += n * OS_PAGE;
  }
  return true;
}

static void walk_core(const struct walk *w, uint64_t lo, uint64_t hi) {
  for (const struct cgc_segment *s; lo < hi; lo = s->hi) {
    s = cgc_target_find(w->t, lo);
    if (!s)
      return;
    give(w, lo, cgc_min(hi, s->lo + s->data_bytes));
  }
}

static void walk(const struct walk *w, uint64_t lo, uint64_t hi,
                 enum cgc_target_pages pages) {
  if (w->t->is_core)
    walk_core(w, lo, hi);
  else if (w->t->fd < 0 || !walk_pages(w, lo, hi, pages))
    give(w, lo, hi);
}

void cgc_target_walk(const struct cgc_target *t, uint64_t lo, uint64_t hi,
                     enum cgc_target_pages pages, cgc_target_fn fn, void *ctx) {
  struct walk w = {
      .t = t, .fn = fn, .ctx = ctx, .buf = cgc_store_grow(NULL, WALK_BYTES)};
  walk(&w, lo, hi, pages);
  free(w.buf);
}

void cgc_target_fill(const struct cgc_target *t, uint64_t lo, uint64_t hi,
                     uint8_t *bytes) {
  struct walk w = {.t = t, .filled = bytes, .lo = lo};
  memset(bytes, 0, hi - lo);
  walk(&w, lo, hi, CGC_TARGET_PRESENT);
}
