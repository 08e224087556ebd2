/* SPDX-License-Identifier: MIT */
/*
 * tools/library.c - where libcgc-malloc.so is.
 */
#include "tool.h"
#include "where.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "libcgc-malloc.so.0"

bool cgc_library_own_directory(char *dir, size_t size) {
  ssize_t n = readlink("/proc/self/exe", dir, size - 1);
  if (n <= 0)
    return false;
  dir[n] = '\0';
  *strrchr(dir, '/') = '\0';
  return true;
}

/* PATH made absolute, as LD_PRELOAD needs it when the program changes its
   directory before it executes another one. */
static char *absolute(const char *path) {
  char *real = realpath(path, NULL);
  if (real && access(real, R_OK) != 0) {
    free(real);
    return NULL;
  }
  return real;
}

static char *find_from_environment(const char *path) {
  char *real = absolute(path);
  if (!real)
    cgc_tool_error(CGC_EXIT_OWN, "CGC_LIBRARY=%s: %s", path, strerror(errno));
  else if (!cgc_elf_is_library(real)) /* the loader would go on without it */
    cgc_tool_error(CGC_EXIT_OWN,
                   "CGC_LIBRARY=%s is no shared library for x86-64", path);
  else
    return real;
  free(real);
  return NULL;
}

static char *find_beside_tool(void) {
  char dir[PATH_MAX], path[PATH_MAX + sizeof "/.libs/" LIBRARY];
  if (!cgc_library_own_directory(dir, sizeof dir))
    return NULL;
  snprintf(path, sizeof path, "%s/.libs/" LIBRARY, dir);
  return absolute(path);
}

char *cgc_library_find(void) {
  const char *named = getenv("CGC_LIBRARY");
  char *path;
  if (named && *named)
    return find_from_environment(named);
  path = find_beside_tool();
  if (!path)
    path = absolute(CGC_LIBDIR "/" LIBRARY);
  if (!path)
    cgc_tool_error(CGC_EXIT_OWN, "can't find " LIBRARY " in " CGC_LIBDIR
                                 "; set CGC_LIBRARY to its path");
  return path;
}

char *cgc_library_find_compat(void) {
  char dir[PATH_MAX], path[PATH_MAX + sizeof "/.libs/libgc.so.1"];
  char *found = NULL;
  if (cgc_library_own_directory(dir, sizeof dir)) {
    snprintf(path, sizeof path, "%s/.libs/libgc.so.1", dir);
    found = absolute(path);
  }
  if (!found)
    found = absolute(CGC_LIBDIR "/cgc/libgc.so.1");
  if (found)
    *strrchr(found, '/') = '\0';
  else
    cgc_tool_error(CGC_EXIT_OWN, "can't find libgc.so.1 in " CGC_LIBDIR "/cgc");
  return found;
}
