/* SPDX-License-Identifier: MIT */
/* Where the modules stand that victims dlopen: beside the program, or in
 * libtool's .libs there.
 */
#ifndef MODULE_H
#define MODULE_H

#include "chain.h"
#include <dlfcn.h>
#include <limits.h>

CHAIN_FN bool module_path(const char *name, char path[PATH_MAX + 64]) {
  static const char *const places[] = {"", "/.libs", "/..", "/../.libs"};
  char exe[PATH_MAX];
  ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
  if (n < 0)
    chain_die("/proc/self/exe");
  exe[n] = 0;
  *strrchr(exe, '/') = 0;
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    snprintf(path, PATH_MAX + 64, "%s%s/%s.so", exe, places[i], name);
    if (!access(path, R_OK))
      return true;
  }
  return false;
}

CHAIN_FN void *module_open(const char *name) {
  char path[PATH_MAX + 64];
  if (!module_path(name, path)) {
    fprintf(stderr, "module %s not found\n", name);
    exit(2);
  }
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    fprintf(stderr, "%s\n", dlerror());
    exit(2);
  }
  return handle;
}

CHAIN_FN void *module_symbol(void *handle, const char *name) {
  void *sym = dlsym(handle, name);
  if (!sym) {
    fprintf(stderr, "%s\n", dlerror());
    exit(2);
  }
  return sym;
}

#endif
