/* SPDX-License-Identifier: MIT */
/* free keeps errno, whatever it does inside: small, large, returned to the
 * system, after collections; and a malloc that succeeds sets none.
 */
#include "notice.h"

int main(void) {
  static const size_t sizes[] = {1, 100, 5000, 40000, 200000, 30000000};
  int nwrong = 0;
  for (int i = 0; i < 3000; i++) {
    size_t size = sizes[i % 6];
    errno = 1234;
    char *p = malloc(size);
    if (!p || errno != 1234)
      nwrong += printf("noticed: malloc(%zu): errno %d\n", size, errno) > 0;
    p[0] = 1;
    p[size - 1] = 1;
    errno = 4321;
    free(p);
    if (errno != 4321)
      nwrong += printf("noticed: free of %zu: errno %d\n", size, errno) > 0;
    if (i % 100 == 0)
      chain_garbage_mib(4);
    errno = 77;
    free(NULL);
    nwrong += errno != 77;
  }
  return chain_verdict(nwrong != 0);
}
