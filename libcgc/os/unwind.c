/* SPDX-License-Identifier: MIT */
#define UNW_LOCAL_ONLY
#include "os/unwind.h"

#include "base/log.h"

#include <dlfcn.h>
#include <libunwind.h>
#include <string.h>

#ifndef CGC_LIBUNWIND_SONAME
#define CGC_LIBUNWIND_SONAME "libunwind.so.8"
#endif

enum { NFRAMES = 64 };

/* The functions that <libunwind.h> names by macros, with their real names. */
static struct {
  int (*getcontext)(unw_context_t *);
  int (*init_local)(unw_cursor_t *, unw_context_t *);
  int (*step)(unw_cursor_t *);
  int (*get_reg)(unw_cursor_t *, int, unw_word_t *);
} unwind;

enum { UNTRIED, READY, ABSENT };
static _Atomic int state;

#define NAME_OF(x) #x
#define REAL_NAME(x) NAME_OF(x)

/* Two threads that come here at once store the same values. */
static bool open_library(void) {
  /* dlopen may be front/load's. */
  void *lib = dlmopen(LM_ID_BASE, CGC_LIBUNWIND_SONAME, RTLD_NOW | RTLD_LOCAL);
  if (!lib)
    return false;
  void *get = dlsym(lib, REAL_NAME(unw_tdep_getcontext));
  void *init = dlsym(lib, REAL_NAME(unw_init_local));
  void *step = dlsym(lib, REAL_NAME(unw_step));
  void *reg = dlsym(lib, REAL_NAME(unw_get_reg));
  memcpy(&unwind.getcontext, &get, sizeof get);
  memcpy(&unwind.init_local, &init, sizeof init);
  memcpy(&unwind.step, &step, sizeof step);
  memcpy(&unwind.get_reg, &reg, sizeof reg);
  return get && init && step && reg;
}

static bool is_ready(void) {
  /* Acquire: the functions; pairs with the release below. */
  int now = atomic_load_explicit(&state, memory_order_acquire);
  if (now == UNTRIED) {
    now = open_library() ? READY : ABSENT;
    atomic_store_explicit(&state, now, memory_order_release);
  }
  return now == READY;
}

/* getcontext describes the frame that calls it, so all is in one function. */
CGC_NOINLINE size_t cgc_unwind_capture(void **pcs, size_t n, size_t skip) {
  unw_context_t context;
  unw_cursor_t cursor;
  unw_word_t pc;
  size_t found = 0;
  if (!is_ready() || unwind.getcontext(&context) != 0 ||
      unwind.init_local(&cursor, &context) != 0)
    return 0;
  while (found < n && unwind.step(&cursor) > 0) {
    if (skip > 0)
      skip--;
    else if (unwind.get_reg(&cursor, UNW_REG_IP, &pc) == 0 && pc != 0)
      pcs[found++] = (void *)pc;
    else
      break;
  }
  return found;
}

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* A return address may stand behind the function's end: look before it. */
static void print_frame(size_t i, const char *pc) {
  Dl_info info;
  if (!dladdr((void *)((uintptr_t)pc - 1), &info) || !info.dli_fname)
    cgc_log_raw("cgc:   #%zu %p\n", i, (const void *)pc);
  else if (info.dli_sname)
    cgc_log_raw("cgc:   #%zu %p %s+0x%lx (%s+0x%lx)\n", i, (const void *)pc,
                info.dli_sname,
                (unsigned long)(pc - (const char *)info.dli_saddr),
                base_name(info.dli_fname),
                (unsigned long)(pc - (const char *)info.dli_fbase));
  else
    cgc_log_raw("cgc:   #%zu %p %s+0x%lx\n", i, (const void *)pc,
                base_name(info.dli_fname),
                (unsigned long)(pc - (const char *)info.dli_fbase));
}

void cgc_unwind_print_frames(void *const *pcs, size_t n) {
  for (size_t i = 0; i < n; i++)
    print_frame(i, pcs[i]);
}

void cgc_unwind_print(void) {
  void *pcs[NFRAMES];
  size_t n = cgc_unwind_capture(pcs, NFRAMES, 1);
  if (n == 0)
    cgc_log_raw("cgc:   no call stack: %s is not there\n",
                CGC_LIBUNWIND_SONAME);
  cgc_unwind_print_frames(pcs, n);
}
