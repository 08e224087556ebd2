/* SPDX-License-Identifier: MIT */
/* The malloc family answers as glibc does: sizes of nothing, sizes too large,
 * overflow, alignment, errors, and what malloc_usable_size promises.
 */
#include "expect.h"

/* Opaque: compilers leave out an allocation that is only compared. */
static bool is_enomem(void *p) {
  bool good = !opaque_pointer(p) && errno == ENOMEM;
  errno = 0;
  return good;
}

static void nothing(void) {
  void *a = malloc(opaque(0)), *b = malloc(opaque(0));
  EXPECT(a && b && a != b);
  void *c = calloc(opaque(0), 8), *d = calloc(8, opaque(0));
  EXPECT(c && d && c != d);
  EXPECT(realloc(a, opaque(0)) == NULL);
  void *e = realloc(NULL, opaque(0));
  EXPECT(e != NULL);
  EXPECT(reallocarray(e, 0, opaque(7)) == NULL);
  EXPECT(malloc_usable_size(NULL) == 0);
  free(NULL);
  free(b);
  free(c);
  free(d);
}

static void too_large(void) {
  size_t most = opaque(PTRDIFF_MAX), all = opaque(SIZE_MAX);
  void *volatile p = malloc(10), *q = &q;
  memset(p, 7, 10);
  errno = 0;
  EXPECT(is_enomem(malloc(most)));
  EXPECT(is_enomem(malloc(most + 1)));
  EXPECT(is_enomem(malloc(all)));
  EXPECT(is_enomem(malloc(all - 4096)));
  EXPECT(is_enomem(calloc(most, 1)));
  EXPECT(is_enomem(calloc(all / 2, 3)));
  EXPECT(is_enomem(calloc(opaque((size_t)1 << 32), opaque((size_t)1 << 32))));
  EXPECT(is_enomem(realloc(p, most)));
  EXPECT(is_enomem(realloc(p, all)));
  EXPECT(is_enomem(reallocarray(p, all / 4, 5)));
  EXPECT(is_enomem(reallocarray(NULL, all, 2)));
  EXPECT(is_enomem(aligned_alloc(64, all - 63)));
  EXPECT(is_enomem(memalign(4096, most)));
  EXPECT(is_enomem(valloc(most)));
  EXPECT(is_enomem(pvalloc(all - 100)));
  EXPECT(posix_memalign(&q, 64, most) == ENOMEM && q == &q);
  for (int i = 0; i < 10; i++)
    EXPECT(((char *)p)[i] == 7);
  free(p);
}

static bool is_aligned(void *p, size_t alignment) {
  p = opaque_pointer(p);
  return p && (uintptr_t)p % alignment == 0;
}

static void aligned(void) {
  for (size_t a = sizeof(void *); a <= 1 << 22; a *= 2)
    for (size_t size = 0; size <= 3 * a && size < 5000000; size += a / 2 + 1) {
      void *p = NULL;
      if (!EXPECT(posix_memalign(&p, a, size) == 0 && is_aligned(p, a)))
        printf("wrong: %zu bytes aligned to %zu\n", size, a);
      memset(p, 1, size);
      EXPECT(malloc_usable_size(p) >= size);
      free(p);
      p = memalign(a, size);
      EXPECT(is_aligned(p, a));
      p = realloc(p, size + 1);
      EXPECT(is_aligned(p, 16));
      free(p);
      p = aligned_alloc(a, size);
      EXPECT(is_aligned(p, a));
      free(p);
    }
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  void *v = valloc(10), *w = pvalloc(10);
  EXPECT(is_aligned(v, page));
  EXPECT(is_aligned(w, page) && malloc_usable_size(w) >= page);
  free(v);
  free(w);
}

static void alignment_errors(void) {
  static const size_t bad[] = {0, 1, 2, 4, 3, 24, 63, 4097, SIZE_MAX};
  void *q = &q;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    errno = 99;
    EXPECT(posix_memalign(&q, opaque(bad[i]), 10) == EINVAL && q == &q);
    EXPECT(errno == 99);
  }
  void *p = memalign(opaque(3), 10); /* glibc rounds up */
  EXPECT(p != NULL);
  free(p);
  errno = 0;
  EXPECT(memalign(opaque(SIZE_MAX / 2 + 2), 10) == NULL && errno == EINVAL);
}

static void usable(void) {
  for (size_t size = 0; size < 3000000; size += 1 + size / 7) {
    unsigned char *p = malloc(size);
    size_t n = malloc_usable_size(p);
    EXPECT(n >= size && is_aligned(p, 16));
    memset(p, 0x5a, n);
    unsigned char *q = malloc(size);
    memset(q, 0xa5, malloc_usable_size(q));
    for (size_t i = 0; i < n; i++)
      if (!EXPECT(p[i] == 0x5a))
        break;
    free(p);
    free(q);
  }
}

/* GNU extensions that programs call for information; they must not crash. */
static void information(void) {
  struct mallinfo2 info = mallinfo2();
  void *p = malloc(100000);
  EXPECT(info.uordblks <= (size_t)1 << 40);
  malloc_trim(0);
  EXPECT(mallopt(M_MMAP_THRESHOLD, 1 << 20) == 1);
  EXPECT(mallopt(M_ARENA_MAX, 1) == 1);
  char *text = NULL;
  size_t size = 0;
  FILE *f = open_memstream(&text, &size);
  EXPECT(malloc_info(0, f) == 0);
  fclose(f);
  EXPECT(size > 8 && !strncmp(text, "<malloc", 7));
  errno = 0;
  EXPECT(malloc_info(5, stdout) == EINVAL || errno == EINVAL);
  free(text);
  free(p);
}

int main(void) {
  nothing();
  too_large();
  aligned();
  alignment_errors();
  usable();
  information();
  return expect_verdict();
}
