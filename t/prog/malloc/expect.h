/* SPDX-License-Identifier: MIT */
/* Expectations of the t/prog/malloc victims: each prints what was wrong. */
#ifndef EXPECT_H
#define EXPECT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int expect_nwrong;

static inline bool expect_at(bool good, const char *what, int line) {
  if (!good) {
    printf("wrong: line %d: %s (errno %d)\n", line, what, errno);
    expect_nwrong++;
  }
  return good;
}

#define EXPECT(condition) expect_at((condition), #condition, __LINE__)

static inline int expect_verdict(void) {
  if (!expect_nwrong)
    puts("ok");
  return expect_nwrong != 0;
}

/* As much of AMOUNT as CHAIN_PERCENT says (roots/chain.h). */
static inline size_t part_of(size_t amount) {
  const char *text = getenv("CHAIN_PERCENT");
  return text ? amount * strtoul(text, NULL, 10) / 100 : amount;
}

/* Hide from the compiler what a size or pointer is. */
static inline size_t opaque(size_t n) {
  __asm__ volatile("" : "+r"(n));
  return n;
}

static inline void *opaque_pointer(void *p) {
  __asm__ volatile("" : "+r"(p)::"memory");
  return p;
}

#endif
