/* SPDX-License-Identifier: MIT */
/* Who points to an object; bdwgc's own library has it only where it was asked
   for. */
#include "contract.h"

#include <gc/gc_backptr.h>

typedef GC_ref_kind (*info_fn)(void *dest, void **base, size_t *offset);
typedef void *(*address_fn)(void);

/* NULL where the library has no such function. */
static void *function(const char *name) {
  void *fn = dlsym(RTLD_DEFAULT, name);
  ck_assert(fn || !contract_is_ours());
  return fn;
}

static void *root[8];

START_TEST(backptr_names_the_object_that_points) {
  info_fn info = (info_fn)function("GC_get_back_ptr_info");
  void *base = NULL;
  size_t offset = 0;
  if (!info)
    return;
  GC_INIT();
  void **holder = root[0] = GC_malloc(100);
  holder[5] = GC_malloc(40);
  ck_assert_int_eq(info(holder[5], &base, &offset), GC_REFD_FROM_HEAP);
  ck_assert_ptr_eq(base, holder);
  ck_assert_uint_eq(offset, 5 * sizeof(void *));
  ck_assert_int_eq(info((char *)holder[5] + 20, &base, &offset),
                   GC_REFD_FROM_HEAP);
  GC_ref_kind kind = info(holder, &base, &offset);
  ck_assert(kind == GC_REFD_FROM_ROOT || kind == GC_REFD_FROM_REG);
  ck_assert_int_eq(info(root, &base, &offset), GC_NO_SPACE);
}
END_TEST

START_TEST(backptr_addresses_lie_in_the_heap) {
  address_fn any = (address_fn)function("GC_generate_random_heap_address");
  address_fn valid = (address_fn)function("GC_generate_random_valid_address");
  if (!any || !valid)
    return;
  GC_INIT();
  for (size_t i = 0; i < 8; i++)
    root[i] = GC_malloc(40 + i * 20000);
  for (int i = 0; i < 100; i++) {
    ck_assert(GC_is_heap_ptr(any()));
    ck_assert_ptr_nonnull(GC_base(valid()));
  }
}
END_TEST

START_TEST(backptr_prints_a_chain) {
  void (*print)(void *) = (void (*)(void *))function("GC_print_backtrace");
  void (*generate)(void) =
      (void (*)(void))function("GC_generate_random_backtrace");
  if (!print || !generate)
    return;
  GC_INIT();
  void **p = root[0] = GC_malloc(32);
  for (int i = 0; i < 5; i++)
    p = p[1] = GC_malloc(32);
  print(p);
  generate();
}
END_TEST

int main(void) {
  Suite *s = suite_create("backptr");
  TCase *core = tcase_create("core");
  tcase_add_test(core, backptr_names_the_object_that_points);
  tcase_add_test(core, backptr_addresses_lie_in_the_heap);
  tcase_add_test(core, backptr_prints_a_chain);
  suite_add_tcase(s, core);
  return contract_run(s);
}
