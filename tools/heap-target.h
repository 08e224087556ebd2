/* SPDX-License-Identifier: MIT */
/*
 * tools/heap-target.h - a process or a core file, as bytes at addresses.
 *
 * A process is held while it is read: each thread is seized and interrupted
 * (ptrace), which it does not notice, and let go at the end.  One that a
 * debugger holds already stands still anyway; its registers are then taken
 * from /proc, as far as that shows them.
 *
 *   segments   sorted by address; what is mapped, and of a core where in the
 *              file it stands (the rest of a segment was not dumped)
 *   threads    registers, those of the vectors included, where they are known
 *
 * Errors print one line and return an exit status.
 */
#ifndef CGC_TOOLS_HEAP_TARGET_H
#define CGC_TOOLS_HEAP_TARGET_H

#include "base/base.h"

#include <sys/types.h>
#include <sys/user.h>

enum { CGC_HEAP_FAILED = 1, CGC_HEAP_USAGE = 125 };

enum cgc_segment_kind {
  CGC_SEGMENT_ANON,
  CGC_SEGMENT_FILE,
  CGC_SEGMENT_STACK, /* the main thread's */
  CGC_SEGMENT_SHM,
  CGC_SEGMENT_OTHER /* devices, vdso and the like */
};

enum { CGC_SEGMENT_READ = 4, CGC_SEGMENT_WRITE = 2, CGC_SEGMENT_EXEC = 1 };

struct cgc_segment {
  uint64_t lo, hi;
  uint64_t data_at;    /* core: where its bytes stand in the file */
  uint64_t data_bytes; /* core: how many of them */
  uint64_t file_at;    /* of a mapped file: the offset of lo */
  const char *name;    /* path or [name]; "" is none */
  uint8_t prot;
  uint8_t kind;
  bool shared;
};

struct cgc_thread {
  pid_t tid;
  bool has_regs; /* all of them; else sp alone, if that */
  bool seized;
  int signal; /* that was on its way when it was stopped: given back */
  uint64_t sp;
  uint64_t fs_base; /* 0: not known */
  struct user_regs_struct regs;
  uint8_t *vector; /* xsave area or fxsave; NULL */
  size_t vector_bytes;
};

struct cgc_target {
  const char *title; /* as the user named it */
  pid_t pid;
  int fd; /* core file or pagemap; -1 */
  bool is_core;
  bool is_cut;    /* core: shorter than its headers say */
  bool is_traced; /* somebody else's debugger holds it */
  uint64_t core_bytes;
  uint64_t stack_hint; /* core: an address in the main thread's stack */
  struct cgc_segment *segments;
  size_t nsegments;
  struct cgc_thread *threads;
  size_t nthreads;
  struct cgc_target_line *lines; /* what was read lately */
};

/**
 * Open the process or core file called NAME.
 * registers  NULL, or a file from a debugger that holds the process, a line
 *            for each thread: tid fs_base rax rbx rcx rdx rsi rdi rbp rsp
 *            r8 ... r15 rip, then any other words that may be pointers
 * returns    0 or an exit status
 */
int cgc_target_open(struct cgc_target *t, const char *name,
                    const char *registers);
void cgc_target_close(struct cgc_target *t);

/** Read all of N bytes at ADDR.  returns  false when some are not there */
bool cgc_target_read(const struct cgc_target *t, uint64_t addr, void *buf,
                     size_t n);

/** An unsigned number of WIDTH bytes; 0 when it can't be read. */
uint64_t cgc_target_word(const struct cgc_target *t, uint64_t addr,
                         size_t width);

/** The segment that holds ADDR, or NULL. */
const struct cgc_segment *cgc_target_find(const struct cgc_target *t,
                                          uint64_t addr);

/** Which bytes a walk is about. */
enum cgc_target_pages {
  CGC_TARGET_PRESENT, /* any page that is there */
  CGC_TARGET_COPIED   /* of a private file mapping: pages written to */
};

/*
 * Bytes as they come: N of them, those of the target's ADDR.  Zeroes that
 * nobody ever wrote are left out.
 */
typedef void (*cgc_target_fn)(uint64_t addr, const void *bytes, size_t n,
                              void *ctx);

/** Call FN for what is there of [LO, HI), which lies in one segment. */
void cgc_target_walk(const struct cgc_target *t, uint64_t lo, uint64_t hi,
                     enum cgc_target_pages pages, cgc_target_fn fn, void *ctx);

/** Put what is there of [LO, HI) at BYTES, and zeroes for the rest. */
void cgc_target_fill(const struct cgc_target *t, uint64_t lo, uint64_t hi,
                     uint8_t *bytes);

/* ---- for heap-core ------------------------------------------------------- */

int cgc_core_open(struct cgc_target *t, const char *path);

struct cgc_segment *cgc_target_add_segment(struct cgc_target *t);
struct cgc_thread *cgc_target_add_thread(struct cgc_target *t, pid_t tid);

#endif
