/* SPDX-License-Identifier: MIT */
#include "look/module.h"

#include "threads.h"

#include <dlfcn.h>
#include <string.h>

static void setup(void) {
  threads_setup();
  ck_assert(cgc_module_init());
}

START_TEST(code_is_found_in_its_file) {
  unsigned own = cgc_module_find_or_look((uintptr_t)&setup);
  unsigned libc = cgc_module_find((uintptr_t)dlsym(RTLD_DEFAULT, "getenv"));
  ck_assert_uint_ne(own, 0);
  ck_assert_uint_ne(libc, 0);
  ck_assert_uint_ne(own, libc);
  ck_assert_ptr_nonnull(strstr(cgc_module_get(own)->path, "module"));
  ck_assert_ptr_nonnull(strstr(cgc_module_get(libc)->path, "libc"));
  ck_assert_uint_gt(cgc_module_get(libc)->id_bytes, 0);
  cgc_module_check();
}
END_TEST

START_TEST(what_is_no_file_has_no_number) {
  int here;
  ck_assert_uint_eq(cgc_module_find_or_look(0), 0);
  ck_assert_uint_eq(cgc_module_find_or_look((uintptr_t)&here), 0);
}
END_TEST

static unsigned last_gone;
static void note_gone(unsigned number) { last_gone = number; }

START_TEST(a_closed_file_keeps_its_entry_and_gets_a_new_one) {
  void *lib = dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL);
  if (!lib || dlsym(RTLD_DEFAULT, "cos"))
    return; /* something else needs it: it would not be unloaded */
  uintptr_t addr = (uintptr_t)dlsym(lib, "cos");
  unsigned number = cgc_module_find_or_look(addr);
  ck_assert_uint_ne(number, 0);
  cgc_module_look(note_gone);
  ck_assert_uint_eq(last_gone, 0);
  dlclose(lib);
  cgc_module_look(note_gone);
  ck_assert_uint_eq(last_gone, number);
  ck_assert_uint_eq(cgc_module_find(addr), 0);
  ck_assert_ptr_nonnull(strstr(cgc_module_get(number)->path, "libm"));
  lib = dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL);
  addr = (uintptr_t)dlsym(lib, "cos");
  ck_assert_uint_gt(cgc_module_find_or_look(addr), number);
  cgc_module_check();
}
END_TEST

int main(void) {
  Suite *suite = suite_create("module");
  TCase *core = tcase_create("core");
  tcase_add_checked_fixture(core, setup, NULL);
  tcase_add_test(core, code_is_found_in_its_file);
  tcase_add_test(core, what_is_no_file_has_no_number);
  tcase_add_test(core, a_closed_file_keeps_its_entry_and_gets_a_new_one);
  suite_add_tcase(suite, core);
  return unit_run(suite);
}
