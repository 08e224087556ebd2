/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

void (*cgc_fatal_hook)(void);
void (*cgc_warning_hook)(const char *text);

static _Atomic int log_fd = STDERR_FILENO;

/* The text under construction: put() drops what does not fit. */
struct text {
  char *buf;
  size_t size;
  size_t len;
};

/* One conversion of a format. */
struct spec {
  unsigned width;
  unsigned precision; /* of %s, bytes */
  bool zero;
  bool wide; /* l or z */
};

static void put(struct text *t, char c) {
  if (t->len + 1 < t->size)
    t->buf[t->len++] = c;
}

static void put_padded(struct text *t, const char *s, size_t len,
                       const struct spec *spec) {
  for (size_t i = len; i < spec->width; i++)
    put(t, spec->zero ? '0' : ' ');
  for (size_t i = 0; i < len; i++)
    put(t, s[i]);
}

static void put_string(struct text *t, const char *s, const struct spec *spec) {
  size_t len = 0;
  if (!s)
    s = "(null)";
  while (len < spec->precision && s[len])
    len++;
  put_padded(t, s, len, spec);
}

static void put_number(struct text *t, unsigned long n, unsigned base,
                       bool negative, const struct spec *spec) {
  char digits[24];
  size_t at = sizeof digits;
  do
    digits[--at] = "0123456789abcdef"[n % base];
  while ((n /= base) != 0);
  if (negative && spec->zero)
    while (at > 1 && sizeof digits - at + 1 < spec->width)
      digits[--at] = '0'; /* between the sign and the number */
  if (negative)
    digits[--at] = '-';
  put_padded(t, digits + at, sizeof digits - at, spec);
}

static const char *parse_spec(const char *f, struct spec *spec) {
  *spec = (struct spec){.precision = UINT32_MAX};
  if (*f == '0') {
    spec->zero = true;
    f++;
  }
  for (; *f >= '0' && *f <= '9'; f++)
    spec->width = spec->width * 10 + (unsigned)(*f - '0');
  if (*f == '.')
    for (f++, spec->precision = 0; *f >= '0' && *f <= '9'; f++)
      spec->precision = spec->precision * 10 + (unsigned)(*f - '0');
  for (; *f == 'l' || *f == 'z'; f++)
    spec->wide = true;
  return f;
}

static void put_signed(struct text *t, long n, const struct spec *spec) {
  unsigned long magnitude = n < 0 ? -(unsigned long)n : (unsigned long)n;
  put_number(t, magnitude, 10, n < 0, spec);
}

size_t cgc_log_vformat(char *buf, size_t size, const char *fmt, va_list args) {
  struct text t = {buf, size, 0};
  struct spec spec;
  for (const char *f = fmt; *f; f++) {
    if (*f != '%') {
      put(&t, *f);
      continue;
    }
    f = parse_spec(f + 1, &spec);
    switch (*f) {
    case 's':
      put_string(&t, va_arg(args, const char *), &spec);
      break;
    case 'c':
      put(&t, (char)va_arg(args, int));
      break;
    case 'd':
      put_signed(&t, spec.wide ? va_arg(args, long) : va_arg(args, int), &spec);
      break;
    case 'u':
    case 'x':
      put_number(
          &t, spec.wide ? va_arg(args, unsigned long) : va_arg(args, unsigned),
          *f == 'u' ? 10 : 16, false, &spec);
      break;
    case 'p':
      put(&t, '0');
      put(&t, 'x');
      put_number(&t, (unsigned long)va_arg(args, void *), 16, false, &spec);
      break;
    case '\0':
      f--;
      break;
    default:
      put(&t, *f);
    }
  }
  if (size)
    buf[t.len] = '\0';
  return t.len;
}

size_t cgc_log_format(char *buf, size_t size, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  size_t len = cgc_log_vformat(buf, size, fmt, args);
  va_end(args);
  return len;
}

static void write_all(const char *text, size_t len) {
  int fd = atomic_load_explicit(&log_fd, memory_order_relaxed);
  while (len > 0) {
    /* write() may be front/socket's */
    long n = cgc_syscall(SYS_write, fd, (long)text, (long)len, 0, 0, 0);
    if (n < 0 && n != -EINTR)
      break;
    if (n > 0) {
      text += n;
      len -= (size_t)n;
    }
  }
}

static void write_line(enum cgc_log_level level, const char *fmt,
                       va_list args) {
  static const char *const names[] = {"error", "warning", "info"};
  char line[CGC_LOG_LINE_MAX];
  size_t len = cgc_log_format(line, sizeof line,
                              "cgc: [%d] %s: ", (int)getpid(), names[level]);
  len += cgc_log_vformat(line + len, sizeof line - len - 1, fmt, args);
  line[len++] = '\n';
  write_all(line, len);
}

static void hand_over(const char *fmt, va_list args) {
  char text[CGC_LOG_LINE_MAX];
  cgc_log_vformat(text, sizeof text, fmt, args);
  cgc_warning_hook(text);
}

void cgc_log(enum cgc_log_level level, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  if (level == CGC_LOG_WARNING && cgc_warning_hook)
    hand_over(fmt, args);
  else
    write_line(level, fmt, args);
  va_end(args);
}

void cgc_log_raw(const char *fmt, ...) {
  char line[CGC_LOG_LINE_MAX];
  va_list args;
  va_start(args, fmt);
  size_t len = cgc_log_vformat(line, sizeof line, fmt, args);
  va_end(args);
  write_all(line, len);
}

void cgc_log_set_fd(int fd) {
  atomic_store_explicit(&log_fd, fd, memory_order_relaxed);
}

int cgc_log_fd(void) {
  return atomic_load_explicit(&log_fd, memory_order_relaxed);
}

void cgc_fatal(const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  write_line(CGC_LOG_ERROR, fmt, args);
  va_end(args);
  void (*hook)(void) = cgc_fatal_hook;
  cgc_fatal_hook = NULL; /* a hook that fails must not come back here */
  if (hook)
    hook();
  abort();
}

void cgc_check_failed(const char *what, const char *file, int line) {
  cgc_fatal("broken invariant: %s at %s:%d", what, file, line);
}
