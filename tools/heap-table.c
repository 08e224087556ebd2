/* SPDX-License-Identifier: MIT */
#include "heap-table.h"

#include <stdarg.h>
#include <string.h>

enum { TEXT_MAX = 4096 };

void cgc_out_open(struct cgc_table_out *o, bool json) {
  *o = (struct cgc_table_out){.file = stdout, .json = json};
  if (json)
    fputc('{', o->file);
}

bool cgc_out_close(struct cgc_table_out *o) {
  if (o->json)
    fputs("}\n", o->file);
  return fflush(o->file) == 0 && !ferror(o->file);
}

void cgc_out_table(struct cgc_table_out *o, const char *name,
                   const char *heading) {
  if (o->json)
    fprintf(o->file, "%s\"%s\":[", o->ntables ? "," : "", name);
  else if (heading)
    fprintf(o->file, "%s\n", heading);
  o->ntables++;
  o->nrows = 0;
}

void cgc_out_end_table(struct cgc_table_out *o) {
  if (o->json)
    fputc(']', o->file);
}

void cgc_out_row(struct cgc_table_out *o) {
  if (o->json)
    fputs(o->nrows ? ",\n{" : "\n{", o->file);
  o->nrows++;
  o->in_row = false;
}

void cgc_out_end_row(struct cgc_table_out *o) {
  fputs(o->json ? "}" : "\n", o->file);
}

static void begin_cell(struct cgc_table_out *o, const char *name) {
  if (o->json)
    fprintf(o->file, "%s\"%s\":", o->in_row ? "," : "", name);
  else if (o->in_row)
    fputc(' ', o->file);
  o->in_row = true;
}

static void put_quoted(FILE *f, const char *text) {
  fputc('"', f);
  for (; *text; text++) {
    unsigned char c = (unsigned char)*text;
    if (c == '"' || c == '\\')
      fprintf(f, "\\%c", c);
    else if (c < 0x20)
      fprintf(f, "\\u%04x", c);
    else
      fputc(c, f);
  }
  fputc('"', f);
}

void cgc_out_text(struct cgc_table_out *o, const char *name, int width,
                  const char *fmt, ...) {
  char text[TEXT_MAX];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  begin_cell(o, name);
  if (o->json)
    put_quoted(o->file, text);
  else
    fprintf(o->file, "%*s", width, text);
}

void cgc_out_number(struct cgc_table_out *o, const char *name, int width,
                    uint64_t n) {
  begin_cell(o, name);
  fprintf(o->file, "%*lu", o->json ? 0 : width, (unsigned long)n);
}

void cgc_out_signed(struct cgc_table_out *o, const char *name, int width,
                    int64_t n) {
  begin_cell(o, name);
  fprintf(o->file, o->json ? "%*ld" : "%+*ld", o->json ? 0 : width, (long)n);
}

void cgc_out_address(struct cgc_table_out *o, const char *name, int width,
                     uint64_t addr) {
  cgc_out_text(o, name, width, "0x%lx", (unsigned long)addr);
}

void cgc_out_list(struct cgc_table_out *o, const char *name, const char *label,
                  const char *const *line, size_t n) {
  if (o->json)
    begin_cell(o, name);
  fputs(o->json ? "[" : label, o->file);
  for (size_t i = 0; i < n; i++)
    if (o->json) {
      fputs(i ? "," : "", o->file);
      put_quoted(o->file, line[i]);
    } else {
      fprintf(o->file, "\n    #%zu %s", i, line[i]);
    }
  if (o->json)
    fputc(']', o->file);
}

void cgc_out_line(struct cgc_table_out *o, const char *fmt, ...) {
  va_list args;
  if (o->json)
    return;
  va_start(args, fmt);
  vfprintf(o->file, fmt, args);
  va_end(args);
  fputc('\n', o->file);
}

const char *cgc_out_size(char buf[24], uint64_t bytes) {
  static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double n = (double)bytes;
  int unit = 0;
  for (; n >= 1024 && unit < 4; unit++)
    n /= 1024;
  snprintf(buf, 24, unit ? "%.1f %s" : "%.0f %s", n, units[unit]);
  return buf;
}
