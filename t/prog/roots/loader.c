/* SPDX-License-Identifier: MIT */
/* Place: the loader's own structures: link maps, search lists, error strings,
 * namespaces, DTVs that grow as modules come and go.
 * Arises: ld.so allocates by the program's malloc once it is replaced, and
 * keeps what it made before in memory of its own.
 */
#include "module.h"
#include <link.h>

static int count_module(struct dl_phdr_info *info, size_t size, void *count) {
  (void)size;
  (void)info;
  ++*(int *)count;
  return 0;
}

static int nmodules(void) {
  int count = 0;
  dl_iterate_phdr(count_module, &count);
  return count;
}

static int namespace(void) {
  char path[PATH_MAX + 64];
  if (!module_path("mod_data", path))
    return 1;
  void *handle = dlmopen(LM_ID_NEWLM, path, RTLD_NOW);
  if (!handle)
    return fprintf(stderr, "%s\n", dlerror()), 1;
  void **slot = module_symbol(handle, "mod_data_bss");
  *slot = chain_make(5);
  chain_scrub();
  chain_garbage_mib(CHAIN_GARBAGE_MIB / 2);
  int lost = chain_check_named(*slot, 5, "data of another namespace");
  return lost + (dlclose(handle) != 0);
}

int main(void) {
  int lost = 0, before = nmodules();
  for (int i = 0; i < 6 && !lost; i++) {
    void *a = module_open("mod_data");
    void *b = module_open("mod_tls");
    void **(*address)(void);
    *(void **)&address = module_symbol(b, "mod_tls_address");
    *address() = chain_make(1);
    chain_scrub();
    chain_garbage_mib(CHAIN_GARBAGE_MIB / 6);
    lost += chain_check_named(*address(), 1, "dynamic TLS");
    lost += dlsym(a, "no such name") != NULL;
    char *error = dlerror();
    chain_garbage_mib(CHAIN_GARBAGE_MIB / 12);
    lost += !error || !strstr(error, "no such name");
    lost += dlsym(a, "mod_data_bss") == NULL;
    lost += dlclose(a) != 0;
    lost += dlclose(b) != 0;
    if (nmodules() != before && ++lost)
      puts("lost: modules stay after dlclose");
  }
  return chain_verdict(lost + namespace());
}
