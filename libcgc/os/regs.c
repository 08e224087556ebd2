/* SPDX-License-Identifier: MIT */
#include "os/regs.h"

/*
 * rbp keeps the old stack pointer across the call, so the frame address is
 * described by it and any unwinder finds back from the other stack.
 */
__asm__(".text\n"
        ".p2align 4\n"
        ".globl cgc_regs_call\n"
        ".hidden cgc_regs_call\n"
        ".type cgc_regs_call, @function\n"
        "cgc_regs_call:\n"
        ".cfi_startproc\n"
        "  pushq %rbp\n"
        ".cfi_def_cfa_offset 16\n"
        ".cfi_offset rbp, -16\n"
        "  movq %rsp, %rbp\n"
        ".cfi_def_cfa_register rbp\n"
        "  pushq %rbx\n"
        ".cfi_offset rbx, -24\n"
        "  pushq %r12\n"
        ".cfi_offset r12, -32\n"
        "  pushq %r13\n"
        ".cfi_offset r13, -40\n"
        "  pushq %r14\n"
        ".cfi_offset r14, -48\n"
        "  pushq %r15\n"
        ".cfi_offset r15, -56\n"
        "  movq %rdi, %rax\n" /* fn */
        "  movq %rsp, %rdi\n" /* sp */
        "  testq %rdx, %rdx\n"
        "  cmovzq %rsp, %rdx\n"
        "  andq $-16, %rdx\n"
        "  movq %rdx, %rsp\n"
        "  call *%rax\n" /* fn(sp, ctx) */
        "  leaq -40(%rbp), %rsp\n"
        "  popq %r15\n"
        "  popq %r14\n"
        "  popq %r13\n"
        "  popq %r12\n"
        "  popq %rbx\n"
        "  popq %rbp\n"
        ".cfi_def_cfa rsp, 8\n"
        "  ret\n"
        ".cfi_endproc\n"
        ".size cgc_regs_call, .-cgc_regs_call\n");
