/* SPDX-License-Identifier: MIT */
/* tools/symbol: functions, lines, inlined frames and variables of files that
 * are compiled here, with and without debug information.
 */
#include "tools/symbol.h"

#include "t/unit/unit.h"

#include <dlfcn.h>
#include <link.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

/* Line 3 is in what is inlined twice; line 11 calls into it. */
static const char source_c[] =
    "extern int in_deep[], in_plain[];\n"                              /* 1 */
    "__attribute__((always_inline)) static inline int deep(int x) {\n" /* 2 */
    "  __asm__ volatile(\".globl in_deep\\nin_deep: nop\"); return x;\n"
    "}\n" /* 4 */
    "__attribute__((always_inline)) static inline int middle(int x) {\n"
    "  return deep(x * 3);\n" /* 6 */
    "}\n"
    "int table[10] = {1};\n" /* 8 */
    "static int hidden[4] = {2};\n"
    "__attribute__((noinline, used)) static int outer(int x) {\n" /* 10 */
    "  return middle(x + 1) + hidden[x];\n"
    "}\n"
    "int entry(int x) { return outer(x) + table[x]; }\n" /* 13 */
    "__attribute__((noinline)) int plain(int x) {\n"
    "  __asm__ volatile(\".globl in_plain\\nin_plain: nop\"); return x;\n"
    "}\n";

static const char source_cc[] =
    "namespace space { struct Thing { int get(int x); }; }\n"
    "__attribute__((noinline)) int space::Thing::get(int x) {\n"
    "  __asm__ volatile(\".globl in_get\\nin_get: nop\"); return x;\n"
    "}\n";

static char dir[] = "/tmp/cgc-symbol.XXXXXX";

static void shell(const char *fmt, ...) {
  char *command;
  va_list args;
  va_start(args, fmt);
  ck_assert_int_ge(vasprintf(&command, fmt, args), 0);
  va_end(args);
  ck_assert_msg(system(command) == 0, "%s", command);
  free(command);
}

static void write_file(const char *name, const char *text) {
  FILE *file = fopen(name, "w");
  ck_assert_ptr_nonnull(file);
  fputs(text, file);
  fclose(file);
}

static void set_up(void) {
  ck_assert_ptr_nonnull(mkdtemp(dir));
  ck_assert_int_eq(chdir(dir), 0);
  write_file("a.c", source_c);
  write_file("a.cc", source_cc);
}

static void tear_down(void) { shell("rm -rf %s", dir); }

static void compile(const char *compiler, const char *flags) {
  shell("%s %s -shared -fPIC -Wl,--build-id a.c -o a.so", compiler, flags);
}

/* The address in its file of a symbol of a library. */
static uint64_t address_in(const char *library, const char *name) {
  char path[64];
  struct link_map *map;
  snprintf(path, sizeof path, "./%s", library);
  void *handle = dlopen(path, RTLD_NOW);
  ck_assert_msg(handle != NULL, "%s", dlerror());
  char *symbol = dlsym(handle, name);
  ck_assert_msg(symbol != NULL, "%s", dlerror());
  ck_assert_int_eq(dlinfo(handle, RTLD_DI_LINKMAP, &map), 0);
  uint64_t addr = (uintptr_t)symbol - map->l_addr;
  dlclose(handle);
  return addr;
}

static void check_frame(const struct cgc_symbol_frame *f, const char *function,
                        const char *file, unsigned line, bool inlined) {
  ck_assert_str_eq(f->function, function);
  if (file)
    ck_assert_msg(f->file && f->file[0] == '/' &&
                      strcmp(strrchr(f->file, '/') + 1, file) == 0,
                  "file %s", f->file);
  else
    ck_assert_ptr_null(f->file);
  ck_assert_uint_eq(f->line, line);
  ck_assert_int_eq(f->inlined, inlined);
}

/* deep is inlined into middle, that into outer. */
static void check_inlined(struct cgc_symbol_module *m, uint64_t addr) {
  const struct cgc_symbol_frame *f, *again;
  ck_assert_uint_eq(cgc_symbol_code(m, addr, &f), 3);
  check_frame(&f[0], "deep", "a.c", 3, true);
  check_frame(&f[1], "middle", "a.c", 6, true);
  check_frame(&f[2], "outer", "a.c", 11, false);
  ck_assert_uint_eq(cgc_symbol_code(m, addr, &again), 3);
  ck_assert_ptr_eq(f, again);
}

static const struct {
  const char *compiler;
  const char *flags;
} ways[] = {
    {"${CC:-cc}", "-g -O1"},
    {"${CC:-cc}", "-gdwarf-4 -O2"},
    {"gcc", "-g -gsplit-dwarf -O1"},
    {"gcc", "-g -gno-column-info -O1 -Wl,--gc-sections -ffunction-sections"},
    {"clang", "-g -O1"},
    {"clang", "-gdwarf-4 -O2"},
};

START_TEST(code_has_inlined_frames) {
  struct cgc_symbols *s = cgc_symbols_open(NULL);
  char command[64];
  snprintf(command, sizeof command, "command -v %s >/dev/null",
           ways[_i].compiler);
  if (system(command) != 0)
    return;
  compile(ways[_i].compiler, ways[_i].flags);
  check_inlined(cgc_symbol_module(s, "a.so", NULL),
                address_in("a.so", "in_deep"));
  cgc_symbols_close(s);
}
END_TEST

START_TEST(code_of_cxx_is_demangled) {
  struct cgc_symbols *s = cgc_symbols_open(NULL);
  const struct cgc_symbol_frame *f;
  uint64_t addr;
  shell("${CXX:-c++} -g -O1 -shared -fPIC a.cc -o a.so");
  addr = address_in("a.so", "in_get");
  ck_assert_uint_eq(cgc_symbol_code(cgc_symbol_module(s, "a.so", ""), addr, &f),
                    1);
  check_frame(f, "space::Thing::get(int)", "a.cc", 3, false);
  shell("strip a.so -o b.so");
  ck_assert_uint_eq(
      cgc_symbol_code(cgc_symbol_module(s, "b.so", "-"), addr, &f), 1);
  check_frame(f, "space::Thing::get(int)", NULL, 0, false);
  cgc_symbols_close(s);
}
END_TEST

/* A program that is not position independent has no bias, one that is has. */
START_TEST(code_of_programs) {
  static const char *const flags[] = {"-no-pie -fno-pie", "-pie -fPIE"};
  struct cgc_symbols *s = cgc_symbols_open(NULL);
  const struct cgc_symbol_frame *f;
  unsigned long addr;
  FILE *nm;
  write_file("main.c", "extern int entry(int);\n"
                       "int main(int c, char **v) { return entry(c); }\n");
  shell("${CC:-cc} -g -O1 %s a.c main.c -o main", flags[_i]);
  nm = popen("nm main | awk '$3 == \"in_deep\" {print $1}'", "r");
  ck_assert_int_eq(fscanf(nm, "%lx", &addr), 1);
  pclose(nm);
  check_inlined(cgc_symbol_module(s, "main", NULL), addr);
  ck_assert_uint_eq(
      cgc_symbol_code(cgc_symbol_module(s, "main", NULL), addr + (1 << 20), &f),
      0);
  cgc_symbols_close(s);
}
END_TEST

START_TEST(data_has_symbol_and_offset) {
  struct cgc_symbols *s = cgc_symbols_open(NULL);
  struct cgc_symbol_module *m = cgc_symbol_module(s, "a.so", NULL);
  struct cgc_symbol_name name;
  uint64_t table;
  compile("${CC:-cc}", "-g -O0");
  table = address_in("a.so", "table");
  ck_assert(cgc_symbol_data(m, table + 12, &name));
  ck_assert_str_eq(name.name, "table");
  ck_assert_uint_eq(name.offset, 12);
  ck_assert_uint_eq(name.size, 40);
  /* hidden is static; it stands behind table. */
  ck_assert(cgc_symbol_data(m, table + 40 + 8, &name));
  ck_assert_str_eq(name.name, "hidden");
  ck_assert(!cgc_symbol_data(m, 1 << 30, &name));
  cgc_symbols_close(s);
}
END_TEST

START_TEST(stripped_has_what_it_exports) {
  struct cgc_symbols *s = cgc_symbols_open(NULL);
  struct cgc_symbol_module *m = cgc_symbol_module(s, "a.so", NULL);
  const struct cgc_symbol_frame *f;
  compile("${CC:-cc}", "-g -O1");
  shell("strip a.so");
  ck_assert_uint_eq(cgc_symbol_code(m, address_in("a.so", "entry"), &f), 1);
  check_frame(f, "entry", NULL, 0, false);
  ck_assert(cgc_symbol_readable(m));
  cgc_symbols_close(s);
}
END_TEST

static void build_id_of(const char *file, char *id, size_t size) {
  char command[128];
  FILE *out;
  snprintf(command, sizeof command,
           "readelf -n %s | sed -n 's/.*Build ID: //p'", file);
  out = popen(command, "r");
  ck_assert_ptr_nonnull(fgets(id, (int)size, out));
  pclose(out);
  id[strcspn(id, "\n")] = '\0';
}

START_TEST(debug_file_by_link) {
  struct cgc_symbols *s = cgc_symbols_open(NULL);
  uint64_t addr;
  compile("${CC:-cc}", "-g -O1 -Wl,--build-id=none");
  addr = address_in("a.so", "in_deep");
  shell("objcopy --only-keep-debug a.so a.debug && strip a.so &&"
        " objcopy --add-gnu-debuglink=a.debug a.so");
  check_inlined(cgc_symbol_module(s, "a.so", NULL), addr);
  cgc_symbols_close(s);
}
END_TEST

/* The module is there, then replaced by another one, then gone. */
START_TEST(debug_file_by_build_id) {
  static const char *const fates[] = {"strip a.so", "cp /bin/true a.so",
                                      "rm a.so"};
  char id[128], debug_dir[64];
  struct cgc_symbols *s;
  uint64_t addr;
  snprintf(debug_dir, sizeof debug_dir, "%s/debug", dir);
  s = cgc_symbols_open(debug_dir);
  compile("${CC:-cc}", "-g -O1");
  addr = address_in("a.so", "in_deep");
  build_id_of("a.so", id, sizeof id);
  shell("mkdir -p debug/.build-id/%.2s && objcopy --only-keep-debug a.so"
        " debug/.build-id/%.2s/%s.debug",
        id, id, id + 2);
  shell("%s", fates[_i]);
  check_inlined(cgc_symbol_module(s, "a.so", id), addr);
  cgc_symbols_close(s);
}
END_TEST

START_TEST(other_build_has_no_names) {
  struct cgc_symbols *s = cgc_symbols_open(NULL);
  struct cgc_symbol_module *m;
  const struct cgc_symbol_frame *f;
  struct cgc_symbol_name name;
  compile("${CC:-cc}", "-g -O1");
  m = cgc_symbol_module(s, "a.so", "0123456789abcdef0123456789abcdef01234567");
  ck_assert_uint_eq(cgc_symbol_code(m, address_in("a.so", "in_deep"), &f), 0);
  ck_assert_ptr_null(f);
  ck_assert(!cgc_symbol_data(m, address_in("a.so", "table"), &name));
  ck_assert(!cgc_symbol_readable(m));
  ck_assert_str_eq(cgc_symbol_path(m), "a.so");
  cgc_symbols_close(s);
}
END_TEST

/* What is no module is no error either. */
START_TEST(nonsense_has_no_names) {
  static const char *const files[] = {"nowhere", "/",   "a.c",      "",
                                      "[vdso]",  "cut", "/dev/null"};
  struct cgc_symbols *s = cgc_symbols_open(NULL);
  compile("${CC:-cc}", "-g -O1");
  shell("head -c 5000 a.so > cut");
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    struct cgc_symbol_module *m = cgc_symbol_module(s, files[i], NULL);
    const struct cgc_symbol_frame *f;
    ck_assert_uint_eq(cgc_symbol_code(m, 0x1234, &f), 0);
    ck_assert(!cgc_symbol_readable(m));
  }
  cgc_symbols_close(s);
}
END_TEST

START_TEST(module_is_one) {
  struct cgc_symbols *s = cgc_symbols_open(NULL);
  struct cgc_symbol_module *m = cgc_symbol_module(s, "/bin/true", "-");
  ck_assert_ptr_eq(cgc_symbol_module(s, "/bin/true", NULL), m);
  ck_assert_ptr_ne(cgc_symbol_module(s, "/bin/true", "ab"), m);
  ck_assert_str_eq(cgc_symbol_build_id(m), "");
  cgc_symbols_close(s);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("symbol");
  TCase *tc = tcase_create("core");
  tcase_add_checked_fixture(tc, set_up, tear_down);
  tcase_add_loop_test(tc, code_has_inlined_frames, 0,
                      sizeof ways / sizeof ways[0]);
  tcase_add_test(tc, code_of_cxx_is_demangled);
  tcase_add_loop_test(tc, code_of_programs, 0, 2);
  tcase_add_test(tc, data_has_symbol_and_offset);
  tcase_add_test(tc, stripped_has_what_it_exports);
  tcase_add_test(tc, debug_file_by_link);
  tcase_add_loop_test(tc, debug_file_by_build_id, 0, 3);
  tcase_add_test(tc, module_is_one);
  suite_add_tcase(suite, tc);
  tc = tcase_create("errors");
  tcase_add_checked_fixture(tc, set_up, tear_down);
  tcase_add_test(tc, other_build_has_no_names);
  tcase_add_test(tc, nonsense_has_no_names);
  suite_add_tcase(suite, tc);
  return unit_run(suite);
}
