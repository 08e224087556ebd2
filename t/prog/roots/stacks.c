/* SPDX-License-Identifier: MIT */
/* Place: frames of the main thread's and of another thread's stack, deep down
 * and near the top; stacks that the program gave (mmap'ed, malloc'ed, static).
 * Arises: every local variable; pthread_attr_setstack.
 */
#include "chain.h"
#include <sys/mman.h>

enum { STACK_BYTES = 1 << 20, DEPTH = 60 };
static char in_bss[STACK_BYTES] __attribute__((aligned(4096)));

CHAIN_FN int descend(unsigned depth) {
  char *volatile room[200];
  void *volatile held = NULL;
  int lost = 0;
  room[depth] = NULL;
  if (depth % 20 == 0)
    held = chain_make(depth);
  if (depth < DEPTH)
    lost = descend(depth + 1);
  else {
    chain_scrub();
    chain_garbage();
  }
  if (depth % 20 == 0)
    lost += chain_check_named(held, depth, "a frame");
  __asm__ volatile("" ::"r"(room) : "memory");
  return lost;
}

static void *thread(void *unused) {
  (void)unused;
  return (void *)(intptr_t)descend(0);
}

static int on_stack(void *stack) {
  pthread_attr_t attr;
  pthread_t t;
  void *lost;
  pthread_attr_init(&attr);
  if (stack ? pthread_attr_setstack(&attr, stack, STACK_BYTES)
            : pthread_attr_setstacksize(&attr, STACK_BYTES))
    chain_die("pthread_attr_setstack");
  if (pthread_create(&t, &attr, thread, NULL))
    chain_die("pthread_create");
  pthread_attr_destroy(&attr);
  pthread_join(t, &lost);
  return (int)(intptr_t)lost;
}

int main(void) {
  void *mapped = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  void *block = aligned_alloc(4096, STACK_BYTES);
  int lost = descend(0);
  lost += on_stack(NULL);
  lost += on_stack(mapped);
  lost += on_stack(block);
  lost += on_stack(in_bss);
  return chain_verdict(lost);
}
