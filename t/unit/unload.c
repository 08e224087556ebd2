/* SPDX-License-Identifier: MIT */
#include "front/unload.h"

#include "unit.h"

START_TEST(dlclose_does_what_libcs_does) {
  void *lib = dlopen("libm.so.6", RTLD_NOW);
  ck_assert_ptr_nonnull(lib);
  ck_assert_int_eq(dlclose(lib), 0);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("unload");
  TCase *core = tcase_create("core");
  tcase_add_test(core, dlclose_does_what_libcs_does);
  suite_add_tcase(suite, core);
  return unit_run(suite);
}
