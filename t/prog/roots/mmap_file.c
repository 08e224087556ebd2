/* SPDX-License-Identifier: MIT */
/* Place: private writable mappings of a file, pages copied and not, and the
 * copied pages of a mapping that was cut in two.
 * Arises: programs that map their heap image (emacs' dumper).
 */
#include "area.h"

static int file(void) {
  char name[] = "/tmp/victim-XXXXXX";
  int fd = mkstemp(name);
  if (fd < 0 || ftruncate(fd, AREA_BYTES))
    chain_die("mkstemp");
  unlink(name);
  return fd;
}

int main(void) {
  int fd = file();
  char *a = mmap(NULL, AREA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  int lost = area_run(a, "private file mapping");
  char *b = mmap(NULL, AREA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  if (b == MAP_FAILED || munmap(b + AREA_BYTES / 2, 4096))
    chain_die("munmap");
  close(fd);
  lost += area_run(b, "private file mapping with a hole");
  return chain_verdict(lost);
}
