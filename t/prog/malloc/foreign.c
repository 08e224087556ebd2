/* SPDX-License-Identifier: MIT */
/* Pointers that aren't from this heap: blocks of __libc_malloc go through free,
 * realloc and malloc_usable_size as if the program had always used glibc's.
 */
#include "expect.h"

void *__libc_malloc(size_t size);
void *__libc_memalign(size_t alignment, size_t size);

int main(void) {
  static const size_t sizes[] = {1, 24, 500, 10000, 200000, 5000000};
  for (int i = 0; i < 600; i++) {
    size_t size = sizes[i % 6];
    unsigned char *p = i % 5 ? __libc_malloc(size) : __libc_memalign(64, size);
    memset(p, i, size);
    EXPECT(malloc_usable_size(p) >= size);
    if (i % 3 == 0) {
      p = realloc(p, size * 2);
      EXPECT(p && p[0] == (unsigned char)i && p[size - 1] == (unsigned char)i);
      memset(p, i, size * 2);
    } else if (i % 3 == 1) {
      p = realloc(p, size / 2 + 1);
      EXPECT(p && p[0] == (unsigned char)i && p[size / 2] == (unsigned char)i);
    }
    free(p);
  }
  return expect_verdict();
}
