/* SPDX-License-Identifier: MIT */
#include "os/cfi.h"

#include "unit.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>

START_TEST(unknown_code_has_no_rule) {
  int here;
  ck_assert_int_eq(cgc_cfi_look_up(0x1000).kind, CGC_CFI_NONE);
  ck_assert_int_eq(cgc_cfi_look_up((uintptr_t)&here).kind, CGC_CFI_NONE);
}
END_TEST

/* At a function's first instruction only the return address is pushed. */
START_TEST(a_function_begins_with_the_return_address) {
  struct cgc_cfi_rule rule = cgc_cfi_look_up((uintptr_t)&cgc_cfi_look_up);
  ck_assert_int_eq(rule.kind, CGC_CFI_RSP);
  ck_assert_int_eq(rule.cfa, 8);
  ck_assert_int_eq(rule.saved, 0);
}
END_TEST

/* A frame pointer's function, in assembler so that it is known to the byte. */
__asm__(".pushsection .text\n"
        ".type framed, @function\n"
        "framed:\n"
        ".cfi_startproc\n"
        "  push %rbp\n"
        ".cfi_def_cfa_offset 16\n"
        ".cfi_offset %rbp, -16\n"
        "framed_pushed:\n"
        "  mov %rsp, %rbp\n"
        ".cfi_def_cfa_register %rbp\n"
        "framed_made:\n"
        "  nop\n"
        ".cfi_remember_state\n"
        "  pop %rbp\n"
        ".cfi_def_cfa %rsp, 8\n"
        ".cfi_restore %rbp\n"
        "framed_popped:\n"
        "  ret\n"
        ".cfi_restore_state\n"
        "framed_again:\n"
        "  nop\n"
        ".cfi_endproc\n"
        ".size framed, .-framed\n"
        ".type realigned, @function\n"
        "realigned:\n"
        ".cfi_startproc\n"
        ".cfi_escape 0x0f, 3, 0x76, 0x78, 0x06\n" /* CFA = *(rbp - 8) */
        ".cfi_escape 0x10, 6, 2, 0x76, 0\n"       /* rbp at rbp */
        "  nop\n"
        ".cfi_def_cfa %r10, 0\n"
        "realigned_odd:\n"
        "  nop\n"
        ".cfi_endproc\n"
        ".size realigned, .-realigned\n"
        ".popsection\n");
extern const char framed_pushed[], framed_made[], framed_popped[],
    framed_again[], realigned[], realigned_odd[];

static void must_be(const char *at, enum cgc_cfi_kind kind, int cfa, int saved,
                    int rbp) {
  struct cgc_cfi_rule rule = cgc_cfi_look_up((uintptr_t)at);
  ck_assert_int_eq(rule.kind, kind);
  ck_assert_int_eq(rule.cfa, cfa);
  ck_assert_int_eq(rule.saved, saved);
  ck_assert_int_eq(rule.rbp, rbp);
}

START_TEST(instructions_are_followed_up_to_the_address) {
  must_be(framed_pushed, CGC_CFI_RSP, 16, 1, -16);
  must_be(framed_made, CGC_CFI_RBP, 16, 1, -16);
  must_be(framed_popped, CGC_CFI_RSP, 8, 0, 0);
  must_be(framed_again, CGC_CFI_RBP, 16, 1, -16);
}
END_TEST

START_TEST(a_realigned_stack_has_a_rule) {
  must_be(realigned, CGC_CFI_DEREF, -8, 2, 0);
}
END_TEST

START_TEST(other_registers_have_none) {
  ck_assert_int_eq(cgc_cfi_look_up((uintptr_t)realigned_odd).kind,
                   CGC_CFI_NONE);
}
END_TEST

/* Whatever the libraries of this process hold: no rule, or a possible one. */
static int look_up_all(struct dl_phdr_info *info, size_t size, void *ctx) {
  size_t *known = ctx;
  (void)size;
  for (size_t i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *p = &info->dlpi_phdr[i];
    if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
      continue;
    uintptr_t lo = info->dlpi_addr + p->p_vaddr;
    for (uintptr_t pc = lo; pc < lo + p->p_memsz; pc += 61) {
      struct cgc_cfi_rule rule = cgc_cfi_look_up(pc);
      ck_assert(rule.kind <= CGC_CFI_END && rule.padding == 1);
      *known += rule.kind != CGC_CFI_NONE;
    }
  }
  return 0;
}

START_TEST(all_loaded_code_can_be_looked_up) {
  size_t known = 0;
  dl_iterate_phdr(look_up_all, &known);
  ck_assert_uint_gt(known, 10000);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("cfi");
  TCase *core = tcase_create("core");
  tcase_add_test(core, a_function_begins_with_the_return_address);
  tcase_add_test(core, instructions_are_followed_up_to_the_address);
  tcase_add_test(core, a_realigned_stack_has_a_rule);
  suite_add_tcase(suite, core);
  TCase *limits = tcase_create("limits");
  tcase_add_test(limits, unknown_code_has_no_rule);
  tcase_add_test(limits, other_registers_have_none);
  tcase_add_test(limits, all_loaded_code_can_be_looked_up);
  suite_add_tcase(suite, limits);
  return unit_run(suite);
}
