/* SPDX-License-Identifier: MIT */
/* Coroutines for the context_* victims: one that holds a chain in its frame and
 * one that makes garbage, on stacks that the program chose.
 */
#ifndef CONTEXT_H
#define CONTEXT_H

#include "chain.h"
#include <sys/mman.h>
#include <ucontext.h>

enum { CONTEXT_STACK_BYTES = 512 * 1024 };

static ucontext_t context_main, context_other;
static int context_lost;

/* Hold a chain over a switch back to main. */
static void context_hold(void) {
  void *volatile held = chain_make(7);
  chain_scrub();
  swapcontext(&context_other, &context_main);
  context_lost += chain_check_named(held, 7, "frame of a suspended context");
}

/* Hold a chain while this stack is where garbage is made. */
static void context_work(void) {
  void *volatile held = chain_make(8);
  chain_scrub();
  chain_garbage();
  context_lost += chain_check_named(held, 8, "frame of the running context");
}

CHAIN_FN void context_enter(void *stack, void (*fn)(void)) {
  getcontext(&context_other);
  context_other.uc_stack.ss_sp = stack;
  context_other.uc_stack.ss_size = CONTEXT_STACK_BYTES;
  context_other.uc_link = &context_main;
  makecontext(&context_other, fn, 0);
  swapcontext(&context_main, &context_other);
}

/* Suspended over garbage made on the thread's own stack; then the garbage made
 * on STACK while the thread's own stack has a chain in a frame.
 */
CHAIN_FN int context_both(void *stack) {
  context_lost = 0;
  context_enter(stack, context_hold);
  chain_scrub();
  chain_garbage();
  swapcontext(&context_main, &context_other);
  void *volatile held = chain_make(9);
  chain_scrub();
  context_enter(stack, context_work);
  return context_lost +
         chain_check_named(held, 9, "frame of the thread's own stack");
}

CHAIN_FN void *context_mapped_stack(void) {
  void *stack = mmap(NULL, CONTEXT_STACK_BYTES, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (stack == MAP_FAILED)
    chain_die("mmap");
  return stack;
}

#endif
