/* SPDX-License-Identifier: MIT */
#include "heap-dot.h"

#include <stdarg.h>
#include <stdio.h>

void cgc_dot_begin(void) {
  puts("digraph heap {\n"
       "  rankdir=LR;\n"
       "  node [shape=box, fontname=\"monospace\", fontsize=10];\n"
       "  edge [fontname=\"monospace\", fontsize=9];");
}

void cgc_dot_end(void) { puts("}"); }

static void put_text(const char *text) {
  for (; *text; text++) {
    if (*text == '"' || *text == '\\')
      putchar('\\');
    putchar(*text);
  }
}

void cgc_dot_block(uint64_t addr, const char *fmt, ...) {
  char note[256];
  va_list args;
  va_start(args, fmt);
  vsnprintf(note, sizeof note, fmt, args);
  va_end(args);
  printf("  \"0x%lx\" [label=\"0x%lx\\n", (unsigned long)addr,
         (unsigned long)addr);
  put_text(note);
  puts("\"];");
}

void cgc_dot_arrow(uint64_t from, uint64_t to, const char *label) {
  printf("  \"0x%lx\" -> \"0x%lx\" [label=\"", (unsigned long)from,
         (unsigned long)to);
  put_text(label);
  puts("\"];");
}

void cgc_dot_root(const char *name, uint64_t to) {
  fputs("  \"", stdout);
  put_text(name);
  fputs("\" [shape=oval];\n  \"", stdout);
  put_text(name);
  printf("\" -> \"0x%lx\";\n", (unsigned long)to);
}
