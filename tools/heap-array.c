/* SPDX-License-Identifier: MIT */
#include "heap-array.h"

#include "heap-target.h"
#include "tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 2000, HUGE_FROM = 4 << 20, OS_PAGE = 4096, SPARES = 8 };

/* Whole pages, and never none: an empty array has an address, too. */
static size_t size_of(size_t bytes) {
  return cgc_round_up(bytes + 1, (size_t)OS_PAGE);
}

static void *need(void *p, size_t size) {
  if (p == MAP_FAILED)
    exit(cgc_tool_error(CGC_HEAP_FAILED, "no memory for %zu MiB", size >> 20));
  if (size >= HUGE_FROM)
    madvise(p, size, MADV_HUGEPAGE);
  return p;
}

void *cgc_array_map(size_t bytes) {
  size_t size = size_of(bytes);
  return need(mmap(NULL, size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
              size);
}

/* Given back, and not taken again. */
static struct spare {
  char *memory;
  size_t size;
} spares[SPARES];

void *cgc_array_take(size_t bytes) {
  size_t size = size_of(bytes);
  struct spare *best = NULL;
  for (size_t i = 0; i < SPARES; i++)
    if (spares[i].size >= size && (!best || spares[i].size < best->size))
      best = &spares[i];
  if (!best)
    return cgc_array_map(bytes);
  best->size -= size;
  return best->memory + best->size;
}

void *cgc_array_resize(void *array, size_t old_bytes, size_t bytes) {
  size_t size = size_of(bytes);
  return need(mremap(array, size_of(old_bytes), size, MREMAP_MAYMOVE), size);
}

void cgc_array_unmap(void *array, size_t bytes) {
  size_t size = size_of(bytes);
  for (size_t i = 0; i < SPARES && array; i++)
    if (size > spares[i].size) {
      struct spare smaller = spares[i];
      spares[i] = (struct spare){array, size};
      array = smaller.memory;
      size = smaller.size;
    }
  if (array && size)
    munmap(array, size);
}

void cgc_array_drop(void *array, size_t bytes) {
  munmap(array, size_of(bytes));
}

/* ---- progress ------------------------------------------------------------ */

static uint64_t began; /* ms; 0: not yet */
static uint64_t told;  /* percent */
static bool shown;

static uint64_t now_ms(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void cgc_progress(const char *what, uint64_t done, uint64_t total) {
  if (!began)
    began = now_ms();
  uint64_t percent = total ? cgc_min(done, total) * 100 / total : 0;
  if (now_ms() - began < PATIENCE_MS || !isatty(2) ||
      (shown && percent == told))
    return;
  shown = true;
  told = percent;
  fprintf(stderr, "\rcgc: %3lu %% %s\033[K", (unsigned long)percent, what);
}

void cgc_progress_end(void) {
  if (shown)
    fputs("\r\033[K", stderr);
  shown = false;
}
