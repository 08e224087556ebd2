/* SPDX-License-Identifier: MIT */
#include "tool.h"

#include <stdarg.h>
#include <stdio.h>

int cgc_tool_error(int status, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  fputs("cgc: ", stderr);
  vfprintf(stderr, fmt, args);
  fputc('\n', stderr);
  va_end(args);
  return status;
}
