/* SPDX-License-Identifier: MIT */
/* Place: none new: a file mapping whose end the file no longer has, beside a
 * plain area.  Reading it is SIGBUS; the scan must live with that.
 * Arises: a file truncated by another process while it is mapped.
 */
#include "area.h"

int main(void) {
  char name[] = "/tmp/victim-XXXXXX";
  int fd = mkstemp(name);
  if (fd < 0 || ftruncate(fd, AREA_BYTES))
    chain_die("mkstemp");
  unlink(name);
  char *p = mmap(NULL, AREA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  char *s = mmap(NULL, AREA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (p == MAP_FAILED || s == MAP_FAILED || ftruncate(fd, 4096))
    chain_die("ftruncate");
  p[0] = s[0] = 1;
  void *area = mmap(NULL, AREA_BYTES, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return chain_verdict(area_run(area, "mapping beside a truncated file"));
}
