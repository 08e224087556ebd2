/* SPDX-License-Identifier: MIT */
/* Place: shared anonymous memory, and a memfd mapped shared, once and twice.
 * Arises: pre-forking servers, double mappings of generated code, rings.
 */
#include "area.h"

static void *shared(int fd, int prot) {
  return mmap(NULL, AREA_BYTES, prot, MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0),
              fd, 0);
}

static int memfd(void) {
  int fd = memfd_create("victim", 0);
  if (fd < 0 || ftruncate(fd, AREA_BYTES))
    chain_die("memfd_create");
  return fd;
}

/* Written by one mapping, read by another. */
static int twice(void) {
  int fd = memfd();
  char *w = shared(fd, PROT_READ | PROT_WRITE);
  char *r = shared(fd, PROT_READ);
  if (w == MAP_FAILED || r == MAP_FAILED)
    chain_die("mmap");
  area_keep(w);
  chain_scrub();
  chain_garbage();
  int lost = chain_check_named(*area_slot(r), 0, "memfd mapped twice");
  munmap(w, AREA_BYTES);
  return lost;
}

int main(void) {
  int rw = PROT_READ | PROT_WRITE;
  int lost = area_run(shared(-1, rw), "shared anonymous mapping");
  lost += area_run(shared(memfd(), rw), "shared memfd");
  return chain_verdict(lost + twice());
}
