/* SPDX-License-Identifier: MIT */
/* A library opened with RTLD_DEEPBIND, as php opens its extensions: what the
 * program allocates the library frees, and the other way round.
 */
#include "expect.h"

#include <dlfcn.h>

int main(int argc, char **argv) {
  char path[4096];
  (void)argc;
  snprintf(path, sizeof path, "%s", argv[0]);
  char *end = strstr(path, "/malloc/");
  EXPECT(end != NULL);
  if (end)
    strcpy(end, "/mod_free.so");
  void *lib = dlopen(path, RTLD_NOW | RTLD_GLOBAL | RTLD_DEEPBIND);
  EXPECT(lib != NULL);
  if (!lib)
    return expect_verdict();
  void (*free_it)(void *) = (void (*)(void *))dlsym(lib, "mod_free_it");
  void *(*make)(size_t) = (void *(*)(size_t))dlsym(lib, "mod_free_make");
  for (size_t size = 1; size < 1000000; size = size * 3 / 2 + 1) {
    free_it(malloc(size));
    free(make(size));
  }
  return expect_verdict();
}
