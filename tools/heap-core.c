/* SPDX-License-Identifier: MIT */
/*
 * tools/heap-core.c - a core file as a target: the kernel's, or gcore's.
 */
#include "heap-target.h"
#include "store.h"
#include "tool.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOTES_MAX = 256 << 20, SEGMENTS_MAX = 1 << 20 };

/* A note of the core. */
struct note {
  uint32_t type;
  const char *name;
  const uint8_t *desc;
  size_t n;
};

static bool read_at(const struct cgc_target *t, uint64_t at, void *buf,
                    size_t n) {
  return pread(t->fd, buf, n, (off_t)at) == (ssize_t)n;
}

/* ---- segments ------------------------------------------------------------ */

/* What of [AT, AT + N) the file has. */
static uint64_t present(struct cgc_target *t, uint64_t at, uint64_t n) {
  if (at <= t->core_bytes && n <= t->core_bytes - at)
    return n;
  t->is_cut = true;
  return at < t->core_bytes ? t->core_bytes - at : 0;
}

static void take_load(struct cgc_target *t, const Elf64_Phdr *p) {
  if (p->p_memsz == 0)
    return;
  struct cgc_segment *s = cgc_target_add_segment(t);
  s->lo = p->p_vaddr;
  s->hi = p->p_vaddr + p->p_memsz;
  s->prot = (uint8_t)(p->p_flags & 7);
  s->data_at = p->p_offset;
  s->data_bytes = present(t, p->p_offset, p->p_filesz);
  s->kind = CGC_SEGMENT_ANON;
  s->name = "";
}

/* ---- notes --------------------------------------------------------------- */

/* Take the fields of a struct prstatus. */
static void take_status(struct cgc_target *t, const struct note *n) {
  struct elf_prstatus status;
  if (n->n < sizeof status)
    return;
  memcpy(&status, n->desc, sizeof status);
  struct cgc_thread *th = cgc_target_add_thread(t, status.pr_pid);
  memcpy(&th->regs, status.pr_reg, sizeof th->regs);
  th->has_regs = true;
  th->sp = th->regs.rsp;
  th->fs_base = th->regs.fs_base;
}

/* Vector state follows the status of its thread. */
static void take_vector(struct cgc_target *t, const struct note *n) {
  if (t->nthreads == 0)
    return;
  struct cgc_thread *th = &t->threads[t->nthreads - 1];
  if (n->n < th->vector_bytes)
    return;
  th->vector = cgc_store_grow(th->vector, n->n);
  memcpy(th->vector, n->desc, n->n);
  th->vector_bytes = n->n;
}

static void take_process(struct cgc_target *t, const struct note *n) {
  struct elf_prpsinfo info;
  if (n->n < sizeof info)
    return;
  memcpy(&info, n->desc, sizeof info);
  t->pid = info.pr_pid;
}

static void take_auxv(struct cgc_target *t, const struct note *n) {
  Elf64_auxv_t a;
  for (size_t at = 0; at + sizeof a <= n->n; at += sizeof a) {
    memcpy(&a, n->desc + at, sizeof a);
    if (a.a_type == AT_EXECFN)
      t->stack_hint = a.a_un.a_val;
  }
}

/* gcore says nothing of code but that its file is mapped there. */
static void add_code(struct cgc_target *t, uint64_t lo, uint64_t hi,
                     uint64_t file_at, const char *name) {
  struct cgc_segment *s = cgc_target_add_segment(t);
  s->lo = lo;
  s->hi = hi;
  s->prot = CGC_SEGMENT_READ | CGC_SEGMENT_EXEC;
  s->kind = CGC_SEGMENT_FILE;
  s->file_at = file_at;
  s->name = strdup(name);
}

/* Name the segments that are parts of the file mapped at [LO, HI). */
static void name_files(struct cgc_target *t, uint64_t lo, uint64_t hi,
                       uint64_t file_at, const char *name) {
  bool found = false;
  for (size_t i = 0; i < t->nsegments; i++) {
    struct cgc_segment *s = &t->segments[i];
    found = found || (s->lo < hi && lo < s->hi);
    if (s->lo < lo || s->hi > hi)
      continue;
    s->kind = strncmp(name, "/dev/zero", 9) == 0 ||
                      strncmp(name, "/SYSV", 5) == 0 ||
                      strncmp(name, "/memfd:", 7) == 0
                  ? CGC_SEGMENT_SHM
                  : CGC_SEGMENT_FILE;
    s->name = strdup(name);
    s->file_at = file_at + (s->lo - lo);
  }
  if (!found)
    add_code(t, lo, hi, file_at, name);
}

/* NT_FILE: count, page size, {start, end, page offset}..., names. */
static void take_files(struct cgc_target *t, const struct note *n) {
  uint64_t head[2], range[3];
  if (n->n < sizeof head)
    return;
  memcpy(head, n->desc, sizeof head);
  if (head[0] > (n->n - sizeof head) / sizeof range)
    return;
  const char *name =
      (const char *)n->desc + sizeof head + head[0] * sizeof range;
  const char *end = (const char *)n->desc + n->n;
  for (uint64_t i = 0; i < head[0]; i++) {
    memcpy(range, n->desc + sizeof head + i * sizeof range, sizeof range);
    size_t len = strnlen(name, (size_t)(end - name));
    if (name + len == end)
      return;
    name_files(t, range[0], range[1], range[2] * head[1], name);
    name += len + 1;
  }
}

static void take_note(struct cgc_target *t, const struct note *n) {
  if (strcmp(n->name, "CORE") == 0 && n->type == NT_PRSTATUS)
    take_status(t, n);
  else if (strcmp(n->name, "CORE") == 0 && n->type == NT_PRPSINFO)
    take_process(t, n);
  else if (strcmp(n->name, "CORE") == 0 && n->type == NT_AUXV)
    take_auxv(t, n);
  else if (strcmp(n->name, "CORE") == 0 && n->type == NT_FILE)
    take_files(t, n);
  else if (n->type == NT_PRFPREG || n->type == NT_X86_XSTATE)
    take_vector(t, n);
}

static void take_notes(struct cgc_target *t, const uint8_t *p, size_t n) {
  Elf64_Nhdr h;
  for (size_t at = 0; at + sizeof h <= n;) {
    memcpy(&h, p + at, sizeof h);
    size_t name_at = at + sizeof h;
    size_t desc_at = name_at + cgc_round_up((size_t)h.n_namesz, 4);
    size_t next = desc_at + cgc_round_up((size_t)h.n_descsz, 4);
    if (next > n || h.n_namesz == 0 || p[name_at + h.n_namesz - 1] != '\0')
      return;
    struct note note = {h.n_type, (const char *)p + name_at, p + desc_at,
                        h.n_descsz};
    take_note(t, &note);
    at = next;
  }
}

static void read_notes(struct cgc_target *t, const Elf64_Phdr *p) {
  uint64_t n = present(t, p->p_offset, p->p_filesz);
  if (n == 0 || n > NOTES_MAX)
    return;
  uint8_t *notes = cgc_store_grow(NULL, n);
  if (read_at(t, p->p_offset, notes, n))
    take_notes(t, notes, n);
  free(notes);
}

/* ---- the file ------------------------------------------------------------ */

/* The number of program headers may be too large for its field. */
static uint64_t count_headers(const struct cgc_target *t, const Elf64_Ehdr *h) {
  Elf64_Shdr first;
  if (h->e_phnum != PN_XNUM)
    return h->e_phnum;
  return read_at(t, h->e_shoff, &first, sizeof first) ? first.sh_info : 0;
}

static int check_head(struct cgc_target *t, const char *path,
                      const Elf64_Ehdr *h) {
  if (memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 || h->e_type != ET_CORE)
    return cgc_tool_error(CGC_HEAP_FAILED,
                          "%s is no core file; give a process id or a core "
                          "made by the kernel or gcore",
                          path);
  if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_machine != EM_X86_64)
    return cgc_tool_error(CGC_HEAP_FAILED,
                          "%s is the core of a program for another processor",
                          path);
  if (h->e_phentsize != sizeof(Elf64_Phdr) ||
      count_headers(t, h) > SEGMENTS_MAX)
    return cgc_tool_error(CGC_HEAP_FAILED, "%s: the core's header is damaged",
                          path);
  return 0;
}

/* Loads first: notes name them. */
static int take_headers(struct cgc_target *t, const char *path,
                        const Elf64_Ehdr *h) {
  uint64_t n = count_headers(t, h);
  Elf64_Phdr *p = cgc_store_grow(NULL, (n + 1) * sizeof *p);
  bool ok = read_at(t, h->e_phoff, p, n * sizeof *p);
  for (uint64_t i = 0; ok && i < n; i++)
    if (p[i].p_type == PT_LOAD)
      take_load(t, &p[i]);
  for (uint64_t i = 0; ok && i < n; i++)
    if (p[i].p_type == PT_NOTE)
      read_notes(t, &p[i]);
  free(p);
  return ok ? 0
            : cgc_tool_error(CGC_HEAP_FAILED,
                             "%s is cut off in its headers; nothing can be "
                             "read of it",
                             path);
}

static void note_stack(struct cgc_target *t) {
  for (size_t i = 0; i < t->nsegments; i++) {
    struct cgc_segment *s = &t->segments[i];
    if (s->lo <= t->stack_hint && t->stack_hint < s->hi) {
      s->kind = CGC_SEGMENT_STACK;
      s->name = "[stack]";
    }
  }
}

int cgc_core_open(struct cgc_target *t, const char *path) {
  Elf64_Ehdr head;
  struct stat st;
  t->is_core = true;
  t->fd = open(path, O_RDONLY | O_CLOEXEC);
  if (t->fd < 0 || fstat(t->fd, &st) != 0)
    return cgc_tool_error(CGC_HEAP_FAILED, "%s: %s", path, strerror(errno));
  if (!S_ISREG(st.st_mode))
    return cgc_tool_error(CGC_HEAP_FAILED,
                          "%s is neither a process id nor a core file", path);
  t->core_bytes = (uint64_t)st.st_size;
  if (!read_at(t, 0, &head, sizeof head))
    memset(&head, 0, sizeof head);
  int status = check_head(t, path, &head);
  if (status == 0)
    status = take_headers(t, path, &head);
  if (status == 0)
    note_stack(t);
  return status;
}
