/* SPDX-License-Identifier: MIT */
#include "heap-frame.h"

#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES_MAX = 256 };

struct frame {
  uint64_t pc;
  uint64_t sp;
};

/* Of the thread asked for last. */
struct cgc_frames {
  const struct cgc_target *target;
  Dwfl *dwfl;
  bool attached;
  const struct cgc_thread *thread;
  struct frame frame[FRAMES_MAX];
  size_t n;
};

static char *debug_path;

static const Dwfl_Callbacks module_callbacks = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .debuginfo_path = &debug_path,
};

/* ---- what libdwfl asks --------------------------------------------------- */

static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread_arg) {
  struct cgc_frames *f = arg;
  (void)dwfl;
  if (*thread_arg)
    return 0;
  *thread_arg = (void *)(uintptr_t)f->thread;
  return f->thread->tid;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *arg, void **thread_arg) {
  struct cgc_frames *f = arg;
  (void)dwfl;
  *thread_arg = (void *)(uintptr_t)f->thread;
  return tid == f->thread->tid;
}

static bool read_memory(Dwfl *dwfl, Dwarf_Addr addr, Dwarf_Word *result,
                        void *arg) {
  struct cgc_frames *f = arg;
  (void)dwfl;
  return cgc_target_read(f->target, addr, result, sizeof *result);
}

/* In DWARF's order. */
static bool set_registers(Dwfl_Thread *thread, void *arg) {
  const struct user_regs_struct *r = &((const struct cgc_thread *)arg)->regs;
  Dwarf_Word words[] = {r->rax, r->rdx, r->rcx, r->rbx, r->rsi, r->rdi,
                        r->rbp, r->rsp, r->r8,  r->r9,  r->r10, r->r11,
                        r->r12, r->r13, r->r14, r->r15, r->rip};
  return dwfl_thread_state_registers(thread, 0, sizeof words / sizeof *words,
                                     words);
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
    .next_thread = next_thread,
    .get_thread = get_thread,
    .memory_read = read_memory,
    .set_initial_registers = set_registers,
};

/* ---- open ---------------------------------------------------------------- */

static void report_files(struct cgc_frames *f) {
  const struct cgc_target *t = f->target;
  dwfl_report_begin(f->dwfl);
  for (size_t i = 0; i < t->nsegments; i++) {
    const struct cgc_segment *s = &t->segments[i];
    if (s->kind == CGC_SEGMENT_FILE && s->file_at == 0 && s->name[0] == '/')
      dwfl_report_elf(f->dwfl, s->name, s->name, -1, s->lo, false);
  }
  dwfl_report_end(f->dwfl, NULL, NULL);
}

struct cgc_frames *cgc_frames_open(const struct cgc_target *t) {
  struct cgc_frames *f = calloc(1, sizeof *f);
  if (!f)
    return NULL;
  f->target = t;
  f->dwfl = dwfl_begin(&module_callbacks);
  if (f->dwfl)
    report_files(f);
  return f;
}

void cgc_frames_close(struct cgc_frames *f) {
  if (f && f->dwfl)
    dwfl_end(f->dwfl);
  free(f);
}

/* ---- walking ------------------------------------------------------------- */

static int take_frame(Dwfl_Frame *state, void *arg) {
  struct cgc_frames *f = arg;
  Dwarf_Addr pc;
  Dwarf_Word sp;
  bool innermost;
  if (f->n == FRAMES_MAX || !dwfl_frame_pc(state, &pc, &innermost) ||
      dwfl_frame_reg(state, 7, &sp) != 0)
    return DWARF_CB_ABORT;
  f->frame[f->n++] = (struct frame){innermost ? pc : pc - 1, sp};
  return DWARF_CB_OK;
}

static void walk(struct cgc_frames *f, const struct cgc_thread *th) {
  f->thread = th;
  f->n = 0;
  if (!f->dwfl || !th->has_regs)
    return;
  if (!f->attached)
    f->attached =
        dwfl_attach_state(f->dwfl, NULL, f->target->pid, &thread_callbacks, f);
  if (f->attached)
    dwfl_getthread_frames(f->dwfl, th->tid, take_frame, f);
}

/* A frame reaches from its stack pointer up to its caller's. */
int cgc_frames_find(struct cgc_frames *f, const struct cgc_thread *th,
                    uint64_t addr, uint64_t *pc) {
  if (!f)
    return -1;
  if (f->thread != th)
    walk(f, th);
  for (size_t i = 0; i + 1 < f->n; i++)
    if (f->frame[i].sp <= addr && addr < f->frame[i + 1].sp) {
      *pc = f->frame[i].pc;
      return (int)i;
    }
  return -1;
}
