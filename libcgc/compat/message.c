/* SPDX-License-Identifier: MIT */
#include "compat/message.h"

#include "base/log.h"
#include "os/unwind.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- text -------------------------------------------------------------- */

static void print(int fd, const char *format, va_list args) {
  char text[CGC_LOG_LINE_MAX];
  int n = vsnprintf(text, sizeof text, format, args);
  if (n <= 0)
    return;
  size_t len = cgc_min((size_t)n, sizeof text - 1);
  cgc_syscall(SYS_write, fd, (long)text, (long)len, 0, 0, 0);
}

void GC_printf(const char *format, ...) {
  va_list args;
  va_start(args, format);
  print(STDOUT_FILENO, format, args);
  va_end(args);
}

void GC_err_printf(const char *format, ...) {
  va_list args;
  va_start(args, format);
  print(STDERR_FILENO, format, args);
  va_end(args);
}

void GC_log_printf(const char *format, ...) {
  va_list args;
  va_start(args, format);
  print(cgc_log_fd(), format, args);
  va_end(args);
}

void GC_set_log_fd(int fd) { cgc_log_set_fd(fd); }

/* ---- warnings ---------------------------------------------------------- */

static void GC_CALLBACK print_warning(char *format, GC_word arg) {
  GC_log_printf(format, arg);
}

static _Atomic(GC_warn_proc) warn_proc = print_warning;

/* The text becomes a format: each % of it stands for itself. */
static void warn(const char *text) {
  char format[CGC_LOG_LINE_MAX + 1];
  size_t n = 0;
  for (; *text && n + 3 < sizeof format; text++) {
    if (*text == '%')
      format[n++] = '%';
    format[n++] = *text;
  }
  format[n++] = '\n';
  format[n] = '\0';
  GC_get_warn_proc()(format, 0);
}

/* pairs with the acquire below: what the program made for it is seen */
void GC_set_warn_proc(GC_warn_proc fn) {
  atomic_store_explicit(&warn_proc, fn, memory_order_release);
  cgc_warning_hook = fn == print_warning ? NULL : warn;
}

GC_warn_proc GC_get_warn_proc(void) {
  return atomic_load_explicit(&warn_proc, memory_order_acquire);
}

void GC_ignore_warn_proc(char *format, GC_word arg) {
  (void)format;
  (void)arg;
}

/* ---- the end ----------------------------------------------------------- */

static void GC_CALLBACK print_abort(const char *message) {
  if (message)
    GC_err_printf("%s\n", message);
}

GC_abort_func GC_on_abort = print_abort;

void GC_set_abort_func(GC_abort_func fn) { GC_on_abort = fn; }
GC_abort_func GC_get_abort_func(void) { return GC_on_abort; }

void cgc_message_abort(const char *text) {
  GC_on_abort(text);
  abort();
}

void GC_abort_on_oom(void) {
  GC_err_printf("Insufficient memory for the allocation\n");
  GC_on_abort(NULL);
  exit(1);
}

/* cgc_fatal has printed its line. */
static void tell_fatal(void) {
  cgc_unwind_print();
  if (GC_on_abort != print_abort)
    GC_on_abort("the heap is broken");
}

void cgc_message_init(void) { cgc_fatal_hook = tell_fatal; }
