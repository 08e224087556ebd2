/* SPDX-License-Identifier: MIT */
/* Place: private anonymous mappings: plain, behind a page of PROT_NONE, opened
 * late by mprotect, moved by mremap, of a raw system call, executable.
 * Arises: arenas of interpreters, compilers, servers.
 */
#include "area.h"
#include <sys/syscall.h>

static void *map(int prot, int flags) {
  return mmap(NULL, AREA_BYTES, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1,
              0);
}

/* Return the one page that holds the slot, alone in a PROT_NONE range. */
static void *opened_late(int raw) {
  char *area = map(PROT_NONE, MAP_NORESERVE);
  char *page = area + (AREA_SLOT & ~4095);
  chain_garbage_mib(30);
  if (raw ? syscall(SYS_mprotect, page, 4096, PROT_READ | PROT_WRITE)
          : mprotect(page, 4096, PROT_READ | PROT_WRITE))
    chain_die("mprotect");
  return area;
}

static int moved(void) {
  char *area = map(PROT_READ | PROT_WRITE, 0);
  if (area == MAP_FAILED)
    chain_die("mmap");
  area_keep(area);
  chain_scrub();
  chain_garbage_mib(30);
  char *to = mremap(area, AREA_BYTES, 2 * AREA_BYTES, MREMAP_MAYMOVE);
  if (to == MAP_FAILED)
    chain_die("mremap");
  chain_garbage();
  return chain_check_named(*area_slot(to), 0, "mapping grown by mremap");
}

static void *raw_map(void) {
  return (void *)syscall(SYS_mmap, NULL, AREA_BYTES, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

int main(void) {
  int lost = area_run(map(PROT_READ | PROT_WRITE, 0), "anonymous mapping");
  lost += area_run(opened_late(0), "page opened by mprotect");
  lost += area_run(opened_late(1), "page opened by a raw mprotect");
  lost += moved();
  lost += area_run(raw_map(), "mapping by a raw system call");
  lost += area_run(map(PROT_READ | PROT_WRITE | PROT_EXEC, 0),
                   "executable mapping");
  return chain_verdict(lost);
}
