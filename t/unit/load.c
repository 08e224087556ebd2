/* SPDX-License-Identifier: MIT */
#include "front/load.h"

#include "unit.h"

#include <string.h>

START_TEST(dlopen_does_what_libcs_does) {
  void *lib = dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL);
  ck_assert_ptr_nonnull(lib);
  ck_assert_ptr_nonnull(dlsym(lib, "cos"));
  ck_assert_ptr_nonnull(dlopen(NULL, RTLD_LAZY));
  ck_assert_ptr_null(dlopen("no such library", RTLD_NOW));
  ck_assert_ptr_nonnull(strstr(dlerror(), "no such library"));
}
END_TEST

START_TEST(a_deep_binding_is_an_ordinary_one) {
  ck_assert_ptr_nonnull(dlopen("libm.so.6", RTLD_NOW | RTLD_DEEPBIND));
}
END_TEST

int main(void) {
  Suite *suite = suite_create("load");
  TCase *core = tcase_create("core");
  tcase_add_test(core, dlopen_does_what_libcs_does);
  tcase_add_test(core, a_deep_binding_is_an_ordinary_one);
  suite_add_tcase(suite, core);
  return unit_run(suite);
}
