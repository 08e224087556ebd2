/* SPDX-License-Identifier: MIT */
#include "heap-name.h"

#include "heap-frame.h"
#include "symbol.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_BYTES = 1024, PART_BYTES = 512 };

struct cgc_namer {
  const struct cgc_image *im;
  struct cgc_symbols *symbols;
  struct cgc_frames *frames;
  char text[TEXT_BYTES];
};

/* Of user_regs_struct, word by word. */
static const char *const register_names[] = {
    "r15",     "r14",      "r13", "r12", "rbp",    "rbx", "r11",
    "r10",     "r9",       "r8",  "rax", "rcx",    "rdx", "rsi",
    "rdi",     "orig_rax", "rip", "cs",  "eflags", "rsp", "ss",
    "fs_base", "gs_base",  "ds",  "es",  "fs",     "gs"};

enum { NREGISTERS = sizeof register_names / sizeof *register_names };

struct cgc_namer *cgc_namer_open(const struct cgc_image *im) {
  struct cgc_namer *n = calloc(1, sizeof *n);
  if (!n)
    abort();
  n->im = im;
  n->symbols = cgc_symbols_open(NULL);
  return n;
}

void cgc_namer_close(struct cgc_namer *n) {
  cgc_frames_close(n->frames);
  cgc_symbols_close(n->symbols);
  free(n);
}

/* ---- modules ------------------------------------------------------------- */

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* The file's segment that S is of: itself, or the one that S is the .bss of. */
static const struct cgc_segment *file_of(const struct cgc_target *t,
                                         const struct cgc_segment *s) {
  if (s && s->kind == CGC_SEGMENT_ANON)
    s = cgc_target_find(t, s->lo - 1);
  return s && s->kind == CGC_SEGMENT_FILE && s->name[0] == '/' ? s : NULL;
}

static bool is_fixed(const char *path) {
  Elf64_Ehdr h = {.e_type = ET_DYN};
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd >= 0 && pread(fd, &h, sizeof h, 0) != (ssize_t)sizeof h)
    h.e_type = ET_DYN;
  if (fd >= 0)
    close(fd);
  return h.e_type == ET_EXEC;
}

/* Where S's file begins in memory: its addresses count from there. */
static uint64_t bias_of(const struct cgc_target *t,
                        const struct cgc_segment *s) {
  uint64_t first = s->lo;
  if (is_fixed(s->name))
    return 0;
  for (size_t i = 0; i < t->nsegments; i++) {
    const struct cgc_segment *o = &t->segments[i];
    if (o->file_at == 0 && o->lo <= s->lo && o->name[0] &&
        strcmp(o->name, s->name) == 0)
      first = o->lo;
  }
  return first;
}

static bool name_data(struct cgc_namer *n, uint64_t addr, char *text) {
  const struct cgc_target *t = n->im->target;
  const struct cgc_segment *s = file_of(t, cgc_target_find(t, addr));
  struct cgc_symbol_name name;
  if (!s)
    return false;
  struct cgc_symbol_module *m = cgc_symbol_module(n->symbols, s->name, NULL);
  uint64_t at = addr - bias_of(t, s);
  if (!cgc_symbol_data(m, at, &name))
    snprintf(text, PART_BYTES, "%s+0x%lx", base_name(s->name),
             (unsigned long)at);
  else if (name.offset)
    snprintf(text, PART_BYTES, "%s+%lu (%s)", name.name,
             (unsigned long)name.offset, base_name(s->name));
  else
    snprintf(text, PART_BYTES, "%s (%s)", name.name, base_name(s->name));
  return true;
}

const char *cgc_namer_code(struct cgc_namer *n, uint64_t pc) {
  const struct cgc_target *t = n->im->target;
  const struct cgc_segment *s = file_of(t, cgc_target_find(t, pc));
  const struct cgc_symbol_frame *frames;
  snprintf(n->text, sizeof n->text, "0x%lx", (unsigned long)pc);
  if (!s)
    return n->text;
  struct cgc_symbol_module *m = cgc_symbol_module(n->symbols, s->name, NULL);
  size_t found = cgc_symbol_code(m, pc - bias_of(t, s), &frames);
  if (!found || !frames[0].function)
    snprintf(n->text, sizeof n->text, "%s+0x%lx", base_name(s->name),
             (unsigned long)(pc - bias_of(t, s)));
  else if (frames[0].file)
    snprintf(n->text, sizeof n->text, "%s (%s:%u)", frames[0].function,
             base_name(frames[0].file), frames[0].line);
  else
    snprintf(n->text, sizeof n->text, "%s (%s)", frames[0].function,
             base_name(s->name));
  return n->text;
}

/* ---- stacks -------------------------------------------------------------- */

static const struct cgc_thread *thread_of(const struct cgc_target *t,
                                          uint64_t addr) {
  const struct cgc_segment *s = cgc_target_find(t, addr);
  for (size_t i = 0; s && i < t->nthreads; i++)
    if (s->lo <= t->threads[i].sp && t->threads[i].sp < s->hi)
      return &t->threads[i];
  return NULL;
}

static const char *name_stack(struct cgc_namer *n, const struct cgc_thread *th,
                              uint64_t addr) {
  char code[TEXT_BYTES] = "";
  uint64_t pc = 0;
  int frame = -1;
  if (!n->frames)
    n->frames = cgc_frames_open(n->im->target);
  if (addr >= th->sp)
    frame = cgc_frames_find(n->frames, th, addr, &pc);
  if (frame >= 0)
    snprintf(code, sizeof code, ", frame #%d in %s", frame,
             cgc_namer_code(n, pc));
  snprintf(n->text, sizeof n->text, "stack of thread %d, sp%s0x%lx%.900s",
           th->tid, addr < th->sp ? "-" : "+",
           (unsigned long)(addr < th->sp ? th->sp - addr : addr - th->sp),
           code);
  return n->text;
}

static const char *name_register(struct cgc_namer *n,
                                 const struct cgc_thread *th, uint64_t at) {
  uint64_t i = at / 8;
  snprintf(n->text, sizeof n->text, "register %s of thread %d",
           th->has_regs && i < NREGISTERS ? register_names[i] : "(vector)",
           th->tid);
  return n->text;
}

/* ---- any address --------------------------------------------------------- */

const char *cgc_namer_address(struct cgc_namer *n, uint64_t addr) {
  const struct cgc_target *t = n->im->target;
  const struct cgc_segment *s = cgc_target_find(t, addr);
  char part[PART_BYTES];
  if (!s) {
    snprintf(n->text, sizeof n->text, "nothing is mapped there");
    return n->text;
  }
  if (name_data(n, addr, part)) {
    if (s->prot & CGC_SEGMENT_EXEC)
      return cgc_namer_code(n, addr);
    snprintf(n->text, sizeof n->text, "%s", part);
    return n->text;
  }
  const struct cgc_thread *th = thread_of(t, addr);
  if (th)
    return name_stack(n, th, addr);
  snprintf(n->text, sizeof n->text, "mapping 0x%lx-0x%lx %.300s+0x%lx",
           (unsigned long)s->lo, (unsigned long)s->hi, s->name,
           (unsigned long)(addr - s->lo));
  return n->text;
}

const char *cgc_namer_root(struct cgc_namer *n,
                           const struct cgc_graph_root *r) {
  if (r->place == CGC_PLACE_REGISTER)
    return name_register(n, r->thread, r->addr);
  if (r->place == CGC_PLACE_STACK && r->thread && r->segment &&
      r->segment->lo <= r->thread->sp && r->thread->sp < r->segment->hi)
    return name_stack(n, r->thread, r->addr);
  if (r->place == CGC_PLACE_KERNEL)
    snprintf(n->text, sizeof n->text,
             "a word that the kernel holds (epoll, timer, queued signal)");
  else if (r->place == CGC_PLACE_FINALIZER)
    snprintf(n->text, sizeof n->text, "the data of a finalizer");
  else if (r->place == CGC_PLACE_PINNED)
    snprintf(n->text, sizeof n->text, "never freed (pinned)");
  else
    cgc_namer_address(n, r->addr);
  return n->text;
}

/* ---- holders ------------------------------------------------------------- */

/* The variable that stands at ADDR. */
static bool name_variable(struct cgc_namer *n, uint64_t addr,
                          struct cgc_holder *holder) {
  const struct cgc_target *t = n->im->target;
  const struct cgc_segment *s = file_of(t, cgc_target_find(t, addr));
  struct cgc_symbol_name name;
  if (!s || !cgc_symbol_data(cgc_symbol_module(n->symbols, s->name, NULL),
                             addr - bias_of(t, s), &name))
    return false;
  holder->lo = addr - name.offset;
  holder->hi = holder->lo + cgc_max(name.size, name.offset + 8);
  snprintf(n->text, sizeof n->text, "%.900s (%.100s)", name.name,
           base_name(s->name));
  return true;
}

static void name_segment(struct cgc_namer *n, const struct cgc_segment *s,
                         struct cgc_holder *holder) {
  const struct cgc_segment *file = file_of(n->im->target, s);
  holder->lo = s->lo;
  holder->hi = s->hi;
  if (file)
    snprintf(n->text, sizeof n->text, "data of %.900s", base_name(file->name));
  else
    snprintf(n->text, sizeof n->text, "mapping 0x%lx-0x%lx %.900s",
             (unsigned long)s->lo, (unsigned long)s->hi, s->name);
}

const char *cgc_namer_holder(struct cgc_namer *n,
                             const struct cgc_graph_root *r,
                             struct cgc_holder *holder) {
  const struct cgc_segment *s = cgc_target_find(n->im->target, r->addr);
  *holder = (struct cgc_holder){.thread = r->thread, .place = r->place};
  if (r->thread)
    snprintf(n->text, sizeof n->text, "stack and registers of thread %d",
             r->thread->tid);
  else if (r->place == CGC_PLACE_KERNEL || r->place == CGC_PLACE_FINALIZER ||
           r->place == CGC_PLACE_PINNED)
    cgc_namer_root(n, r);
  else if (s && !name_variable(n, r->addr, holder))
    name_segment(n, s, holder);
  return n->text;
}
