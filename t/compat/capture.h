/* SPDX-License-Identifier: MIT */
/* t/compat/capture.h - what the library prints to stderr. */
#ifndef T_COMPAT_CAPTURE_H
#define T_COMPAT_CAPTURE_H

#include "contract.h"

#include <stdio.h>
#include <unistd.h>

static char printed[1 << 16];
static int saved_fd;
static FILE *captured;

static inline void begin_capture(void) {
  captured = tmpfile();
  saved_fd = dup(2);
  dup2(fileno(captured), 2);
}

static inline const char *end_capture(void) {
  dup2(saved_fd, 2);
  rewind(captured);
  size_t n = fread(printed, 1, sizeof printed - 1, captured);
  fclose(captured);
  printed[n] = 0;
  return printed;
}

#endif
