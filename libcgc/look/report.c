/* SPDX-License-Identifier: MIT */
#include "look/report.h"

#include "base/log.h"
#include "look/module.h"
#include "look/stack.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

enum { LINE_BYTES = 512 };

static const char *const classes[] = {
    [CGC_CLASS_LOST] = "lost",
    [CGC_CLASS_STACK_ONLY] = "stack-only",
    [CGC_CLASS_UNSURE] = "low-confidence",
    [CGC_CLASS_REACHABLE] = "reachable",
};

void cgc_report_begin(struct cgc_report *r, int fd) {
  r->fd = fd;
  r->error = 0;
  r->n = 0;
}

static void flush(struct cgc_report *r) {
  for (size_t done = 0; done < r->n && !r->error;) {
    long got = cgc_syscall(SYS_write, r->fd, (long)(r->buf + done),
                           (long)(r->n - done), 0, 0, 0);
    if (got >= 0)
      done += (size_t)got;
    else if (got != -EINTR)
      r->error = (int)got;
  }
  r->n = 0;
}

static void put(struct cgc_report *r, const char *text, size_t n) {
  if (n > sizeof r->buf - r->n)
    flush(r);
  memcpy(r->buf + r->n, text, n);
  r->n += n;
}

static void put_format(struct cgc_report *r, const char *fmt, ...)
    CGC_PRINTF(2, 3);
static void put_format(struct cgc_report *r, const char *fmt, ...) {
  char line[LINE_BYTES];
  va_list args;
  va_start(args, fmt);
  size_t n = cgc_log_vformat(line, sizeof line, fmt, args);
  va_end(args);
  put(r, line, n);
}

void cgc_report_line(struct cgc_report *r, const char *fmt, ...) {
  char line[LINE_BYTES];
  va_list args;
  va_start(args, fmt);
  size_t n = cgc_log_vformat(line, sizeof line, fmt, args);
  va_end(args);
  put(r, line, n);
  put(r, "\n", 1);
}

static bool is_plain(unsigned char c) { return c > ' ' && c < 127 && c != '%'; }

static void put_text(struct cgc_report *r, const char *text) {
  for (const unsigned char *p = (const unsigned char *)text; *p; p++)
    if (is_plain(*p))
      put(r, (const char *)p, 1);
    else
      put_format(r, "%%%02x", *p);
}

void cgc_report_text(struct cgc_report *r, const char *head, const char *text) {
  put(r, head, strlen(head));
  put(r, " ", 1);
  put_text(r, text);
  put(r, "\n", 1);
}

/* ---- modules and stacks -------------------------------------------------- */

static void put_module(struct cgc_report *r, unsigned number) {
  const struct cgc_module *m = cgc_module_get(number);
  put_format(r, "module %u %lx %lx %lx ", number, m->lo, m->hi, m->bias);
  for (size_t i = 0; i < m->id_bytes; i++)
    put_format(r, "%02x", m->id[i]);
  put_format(r, "%s ", m->id_bytes ? "" : "-");
  put_text(r, m->path);
  put(r, "\n", 1);
}

void cgc_report_modules(struct cgc_report *r) {
  for (unsigned i = 1; i <= cgc_module_count(); i++)
    put_module(r, i);
}

static void put_frame(struct cgc_report *r, struct cgc_frame frame) {
  unsigned module = cgc_frame_module(frame);
  uintptr_t call = cgc_frame_pc(frame) - 1;
  if (module)
    put_format(r, " %u:%lx", module, call - cgc_module_get(module)->bias);
  else
    put_format(r, " -:%lx", call);
}

void cgc_report_stack(struct cgc_report *r, uint32_t id) {
  const struct cgc_frame *frames = NULL;
  size_t n = cgc_stack_frames(id, &frames);
  put_format(r, "stack %u", id);
  for (size_t i = 0; i < n; i++)
    put_frame(r, frames[i]);
  put(r, "\n", 1);
}

/* ---- groups -------------------------------------------------------------- */

static void put_holder(struct cgc_report *r, struct cgc_holder holder) {
  switch (holder.kind) {
  case CGC_HOLDER_DATA:
    put_format(r, " data:%u:%lx\n", holder.module, holder.value);
    break;
  case CGC_HOLDER_THREAD:
    put_format(r, " thread:%lu\n", holder.value);
    break;
  case CGC_HOLDER_MAPPING:
    put_format(r, " mapping:%lx\n", holder.value);
    break;
  case CGC_HOLDER_NONE:
    put(r, " -\n", 3);
  }
}

static void put_group(struct cgc_report *r, const struct cgc_group *g) {
  cgc_report_stack(r, g->stack);
  put_format(r, "group %s %u %lu %lu %lu %lu %lu %lu ", classes[g->class],
             g->stack, g->heads.objects, g->heads.bytes, g->below.objects,
             g->below.bytes, g->fresh.objects, g->fresh.bytes);
  for (unsigned i = 0; i < g->nexamples; i++)
    put_format(r, "%s%lx", i ? "," : "", g->examples[i]);
  put_holder(r, g->holder);
}

void cgc_report_groups(struct cgc_report *r, const struct cgc_groups *groups) {
  for (size_t i = 0; i < groups->n; i++)
    put_group(r, &groups->all[i]);
  for (int class = 0; class < CGC_CLASS_KINDS; class ++)
    cgc_report_line(r, "total %s %lu %lu", classes[class],
                    groups->total[class].objects, groups->total[class].bytes);
}

int cgc_report_end(struct cgc_report *r) {
  put(r, "end\n", 4);
  flush(r);
  return r->error;
}
