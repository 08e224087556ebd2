/* SPDX-License-Identifier: MIT */
#include "os/regs.h"

#include "unit.h"

#include <execinfo.h>
#include <string.h>

static char other_stack[65536] CGC_ALIGNED(16);

struct seen {
  uintptr_t sp;
  uintptr_t here;
  uintptr_t secret;
  bool found;
  int nframes;
  void *frames[32];
};

CGC_SCANS_MEMORY static void look(uintptr_t sp, void *ctx) {
  struct seen *s = ctx;
  s->sp = sp;
  s->here = (uintptr_t)__builtin_frame_address(0);
  for (int i = 0; i < 6; i++)
    s->found |= ((uintptr_t *)sp)[i] == s->secret;
}

static bool is_on_other_stack(uintptr_t addr) {
  return addr - (uintptr_t)other_stack < sizeof other_stack;
}

START_TEST(the_function_runs_on_the_other_stack) {
  struct seen s = {.secret = 1};
  cgc_regs_call(look, &s, other_stack + sizeof other_stack);
  ck_assert(is_on_other_stack(s.here));
  ck_assert(!is_on_other_stack(s.sp));
  ck_assert_uint_lt(s.sp, (uintptr_t)__builtin_frame_address(0));
}
END_TEST

START_TEST(without_a_stack_it_stays_on_this_one) {
  struct seen s = {.secret = 1};
  cgc_regs_call(look, &s, NULL);
  ck_assert(!is_on_other_stack(s.here));
  ck_assert_uint_lt(s.here, s.sp);
}
END_TEST

#define SEES_REGISTER(reg)                                                     \
  START_TEST(a_word_in_##reg##_only_is_spilled) {                              \
    static struct seen s;                                                      \
    uintptr_t kept;                                                            \
    s.secret = 0x1234567890abcdef;                                             \
    __asm__ volatile("movq %%" #reg ", %%r11\n pushq %%r11\n subq $136, "      \
                     "%%rsp\n movabsq $0x1234567890abcdef, %%" #reg            \
                     "\n call cgc_regs_call\n movq %%" #reg                    \
                     ", %%rax\n addq $136, %%rsp\n popq %%r11\n movq %%r11,"   \
                     " %%" #reg                                                \
                     : "=&a"(kept)                                             \
                     : "D"(look), "S"(&s), "d"(0)                              \
                     : "rcx", "r8", "r9", "r10", "r11", "memory", "cc");       \
    ck_assert(s.found);                                                        \
    ck_assert_uint_eq(kept, s.secret);                                         \
  }                                                                            \
  END_TEST

SEES_REGISTER(rbx)
SEES_REGISTER(r12)
SEES_REGISTER(r13)
SEES_REGISTER(r14)
SEES_REGISTER(r15)

static void trace(uintptr_t sp, void *ctx) {
  struct seen *s = ctx;
  (void)sp;
  s->nframes = backtrace(s->frames, 32);
}

CGC_NOINLINE static void *caller_of_regs(struct seen *s) {
  cgc_regs_call(trace, s, other_stack + sizeof other_stack);
  return __builtin_return_address(0);
}

START_TEST(unwinders_see_through) {
  struct seen s = {0};
  bool found = false;
  void *expected = caller_of_regs(&s);
  for (int i = 0; i < s.nframes; i++)
    found |= s.frames[i] == expected;
  ck_assert(found);
}
END_TEST

static Suite *suite(void) {
  Suite *s = suite_create("regs");
  TCase *core = tcase_create("core");
  tcase_add_test(core, the_function_runs_on_the_other_stack);
  tcase_add_test(core, without_a_stack_it_stays_on_this_one);
  tcase_add_test(core, a_word_in_rbx_only_is_spilled);
  tcase_add_test(core, a_word_in_r12_only_is_spilled);
  tcase_add_test(core, a_word_in_r13_only_is_spilled);
  tcase_add_test(core, a_word_in_r14_only_is_spilled);
  tcase_add_test(core, a_word_in_r15_only_is_spilled);
  tcase_add_test(core, unwinders_see_through);
  suite_add_tcase(s, core);
  return s;
}

int main(void) { return unit_run(suite()); }
