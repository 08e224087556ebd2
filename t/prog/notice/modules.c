/* SPDX-License-Identifier: MIT */
/* dlopen, dlclose, dlsym and dl_iterate_phdr in several threads while the world
 * is stopped often: no hang with the loader's locks, no loss.
 */
#include "../roots/module.h"
#include "notice.h"
#include <link.h>

static volatile int stop, nlost;
static unsigned nrounds[2], nwalks;

static void *opener(void *arg) {
  unsigned self = (unsigned)(uintptr_t)arg;
  const char *name = self ? "mod_tls" : "mod_data";
  while (!stop) {
    void *handle = module_open(name);
    if (self) {
      void **(*address)(void);
      *(void **)&address = module_symbol(handle, "mod_tls_address");
      *address() = chain_make(1);
      nlost += chain_check_named(*address(), 1, "dynamic TLS");
    } else {
      void **slot = module_symbol(handle, "mod_data_bss");
      *slot = chain_make(0);
      nlost += chain_check_named(*slot, 0, "data of a module");
    }
    nlost += dlclose(handle) != 0;
    nrounds[self]++;
  }
  return NULL;
}

static int visit(struct dl_phdr_info *info, size_t size, void *count) {
  (void)size;
  *(unsigned *)count += (unsigned)strlen(info->dlpi_name);
  free(malloc(100));
  return 0;
}

static void *walker(void *unused) {
  (void)unused;
  while (!stop) {
    unsigned count = 0;
    dl_iterate_phdr(visit, &count);
    nlost += count == 0;
    nwalks++;
  }
  return NULL;
}

int main(void) {
  uint64_t end = notice_ns() + notice_duration_ns(2000);
  pthread_t t[3] = {notice_start(opener, (void *)0),
                    notice_start(opener, (void *)1),
                    notice_start(walker, NULL)};
  for (int i = 0; notice_ns() < end && !nlost; i++)
    if (i < NOTICE_MIB_MAX || getenv("LD_PRELOAD"))
      chain_garbage_mib(1);
  stop = 1;
  for (int i = 0; i < 3; i++)
    pthread_join(t[i], NULL);
  if (getenv("VICTIM_VERBOSE"))
    printf("# %u and %u modules, %u walks\n", nrounds[0], nrounds[1], nwalks);
  return chain_verdict(nlost);
}
