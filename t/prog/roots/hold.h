/* SPDX-License-Identifier: MIT */
/* hold_in_REG: a function in assembly that keeps what MAKE returned in one
 * register alone, until hold_stop becomes nonzero, and returns it.
 *
 * The dead stack below is cleared, every other register that saw the value too.
 */
#ifndef HOLD_H
#define HOLD_H

#include "chain.h"

extern volatile int hold_stop, hold_ready;
volatile int hold_stop, hold_ready;

typedef void *(*hold_fn)(void *(*make)(void));

/* clang-format off */
#define HOLD_ENTER(name)                                                      \
  ".text\n.type " name ", @function\n.globl " name "\n" name ":\n\t"          \
  "push %rbx\n\tpush %rbp\n\tpush %r12\n\tpush %r13\n\t"                      \
  "push %r14\n\tpush %r15\n\tsub $8, %rsp\n\t"                                \
  "call *%rdi\n\tmov %rax, %r12\n\t"                                          \
  "lea -16384(%rsp), %rdi\n\tmov $2048, %ecx\n\txor %eax, %eax\n\t"           \
  "rep stosq\n\t"                                                             \
  "xor %edx, %edx\n\txor %esi, %esi\n\txor %edi, %edi\n\t"                    \
  "xor %r8d, %r8d\n\txor %r9d, %r9d\n\txor %r10d, %r10d\n\t"                  \
  "xor %r11d, %r11d\n\t"
#define HOLD_SPIN                                                             \
  "lock incl hold_ready(%rip)\n"                                              \
  "1:\tpause\n\tcmpl $0, hold_stop(%rip)\n\tje 1b\n\t"
#define HOLD_LEAVE                                                            \
  "add $8, %rsp\n\tpop %r15\n\tpop %r14\n\tpop %r13\n\t"                      \
  "pop %r12\n\tpop %rbp\n\tpop %rbx\n\tret\n"
/* clang-format on */

/* Define NAME, which takes the value from r12 by PUT and back to rax by GET. */
#define HOLD(name, put, get)                                                   \
  void *name(void *(*make)(void));                                             \
  __asm__(HOLD_ENTER(#name) put "\n\t" HOLD_SPIN get "\n\t" HOLD_LEAVE)

/* The same for a general register but r12. */
#define HOLD_REGISTER(reg)                                                     \
  HOLD(hold_in_##reg, "mov %r12, %" #reg "\n\txor %r12d, %r12d",               \
       "mov %" #reg ", %rax")

CHAIN_FN void *hold_make(void) { return chain_make(0); }

struct hold_case {
  const char *name;
  hold_fn fn;
};

static inline void *hold_thread(void *arg) {
  const struct hold_case *c = arg;
  return (void *)(intptr_t)chain_check_named(c->fn(hold_make), 0, c->name);
}

/* Run N cases, each in a thread, beside the garbage that this thread makes. */
CHAIN_FN int hold_run(const struct hold_case *cases, int n) {
  pthread_t t[16];
  int nlost = 0;
  hold_stop = hold_ready = 0;
  for (int i = 0; i < n; i++)
    if (pthread_create(&t[i], NULL, hold_thread, (void *)&cases[i]))
      chain_die("pthread_create");
  while (hold_ready < n)
    sched_yield();
  chain_scrub();
  chain_garbage();
  hold_stop = 1;
  for (int i = 0; i < n; i++) {
    void *lost;
    pthread_join(t[i], &lost);
    nlost += (int)(intptr_t)lost;
  }
  return nlost;
}

#endif
