/* SPDX-License-Identifier: MIT */
#include "demangle.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

typedef char *(*demangle_fn)(const char *name, char *buf, size_t *size,
                             int *status);

static demangle_fn demangler(void) {
  static demangle_fn function;
  static bool asked;
  if (!asked) {
    void *library = dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_LOCAL);
    if (library)
      function = (demangle_fn)dlsym(library, "__cxa_demangle");
    asked = true;
  }
  return function;
}

/* Itanium's prefix, with the underscores that some platforms add. */
static bool is_mangled(const char *name) {
  return strncmp(name, "_Z", 2) == 0 || strncmp(name, "__Z", 3) == 0;
}

const char *cgc_demangle(struct cgc_store *s, const char *name) {
  demangle_fn function = is_mangled(name) ? demangler() : NULL;
  int status = -1;
  char *plain = function ? function(name, NULL, NULL, &status) : NULL;
  const char *result = plain && status == 0 ? plain : name;
  size_t n = result == plain ? strlen(plain) : strcspn(name, "@");
  result = cgc_store_intern(s, result, n);
  free(plain);
  return result;
}
