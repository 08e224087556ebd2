/* SPDX-License-Identifier: MIT */
/* Place: a jmp_buf, which has the only copy in its r12.
 * Arises: setjmp stores rbx and r12 to r15 plain; rbp, rsp and rip mangled.
 */
#include "hold.h"
#include <setjmp.h>

void *jump_hold(void *env, void *(*make)(void), void (*work)(void));
__asm__(".text\n.type jump_hold, @function\n.globl jump_hold\njump_hold:\n\t"
        "push %rbx\n\tpush %rbp\n\tpush %r12\n\tpush %r13\n\t"
        "push %r14\n\tpush %r15\n\tsub $8, %rsp\n\t"
        "mov %rdi, %rbp\n\tmov %rdx, %r13\n\t"
        "call *%rsi\n\tmov %rax, %r12\n\txor %eax, %eax\n\t"
        "mov %rbp, %rdi\n\tcall _setjmp@PLT\n\t"
        "test %eax, %eax\n\tjne 1f\n\t"
        "xor %r12d, %r12d\n\tcall *%r13\n\t"
        "mov %rbp, %rdi\n\tmov $1, %esi\n\tcall longjmp@PLT\n"
        "1:\tmov %r12, %rax\n\t" HOLD_LEAVE);

static jmp_buf in_bss;

static void work(void) {
  chain_scrub();
  chain_garbage();
}

int main(void) {
  int nlost = chain_check_named(jump_hold(in_bss, hold_make, work), 0,
                                "static jmp_buf");
  jmp_buf *in_heap = malloc(sizeof *in_heap);
  nlost += chain_check_named(jump_hold(in_heap, hold_make, work), 0,
                             "jmp_buf block");
  free(in_heap);
  return chain_verdict(nlost);
}
