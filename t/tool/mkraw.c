/* SPDX-License-Identifier: MIT */
/*
 * Writes a raw report as the library does, without a leak: the stacks are
 * this program's own, so that their names can be found.
 *
 *   mkraw sample    three lost groups, 29 objects, 1161 bytes, and one group of
 *                   each other class, with a growing stack
 *   mkraw nothing   a program that lost nothing
 *   mkraw again     the second check of the sample
 *   mkraw many N    N lost groups with stacks of 20 frames
 *   mkraw badfree   a double free
 *   mkraw fault     a call that was made to fail, and what it lost
 */
#include <execinfo.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEPTH_MAX = 32, MODULES_MAX = 16 };

int table[16]; /* "holds" an object */

static struct {
  uintptr_t base, end, bias;
  char path[512];
} modules[MODULES_MAX];
static int nmodules;
static int nstacks;

static void print_path(const char *path) {
  for (; *path; path++)
    if (*path > ' ' && *path < 127 && *path != '%')
      putchar(*path);
    else
      printf("%%%02x", (unsigned char)*path);
  putchar('\n');
}

static void print_build_id(const struct dl_phdr_info *info,
                           const ElfW(Phdr) * p) {
  const char *note = (const char *)info->dlpi_addr + p->p_vaddr;
  const char *end = note + p->p_memsz;
  while (note < end) {
    const ElfW(Nhdr) *h = (const ElfW(Nhdr) *)note;
    const unsigned char *desc =
        (const unsigned char *)(h + 1) + ((h->n_namesz + 3) & ~3U);
    if (h->n_type == NT_GNU_BUILD_ID) {
      for (unsigned i = 0; i < h->n_descsz; i++)
        printf("%02x", desc[i]);
      return;
    }
    note = (const char *)desc + ((h->n_descsz + 3) & ~3U);
  }
}

/* Has a note with a build id? */
static int has_build_id(const struct dl_phdr_info *info, const ElfW(Phdr) * p) {
  const ElfW(Nhdr) *h =
      (const ElfW(Nhdr) *)((const char *)info->dlpi_addr + p->p_vaddr);
  return p->p_type == PT_NOTE && h->n_type == NT_GNU_BUILD_ID;
}

static int add_module(struct dl_phdr_info *info, size_t size, void *data) {
  int id = nmodules;
  (void)size, (void)data;
  if (id == MODULES_MAX || strstr(info->dlpi_name, "vdso"))
    return 0;
  nmodules++;
  modules[id].bias = info->dlpi_addr;
  modules[id].base = UINTPTR_MAX;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    uintptr_t low = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
    if (info->dlpi_phdr[i].p_type != PT_LOAD)
      continue;
    if (low < modules[id].base)
      modules[id].base = low;
    modules[id].end = low + info->dlpi_phdr[i].p_memsz;
  }
  if (id > 0)
    snprintf(modules[id].path, sizeof modules[id].path, "%s", info->dlpi_name);
  else if (readlink("/proc/self/exe", modules[id].path,
                    sizeof modules[id].path - 1) < 0)
    return 1;
  printf("module %d %lx %lx %lx ", id, (unsigned long)modules[id].base,
         (unsigned long)modules[id].end, (unsigned long)modules[id].bias);
  int found = 0;
  for (int i = 0; i < info->dlpi_phnum && !found; i++)
    if ((found = has_build_id(info, &info->dlpi_phdr[i])))
      print_build_id(info, &info->dlpi_phdr[i]);
  if (!found)
    putchar('-');
  putchar(' ');
  print_path(modules[id].path);
  return 0;
}

static void print_frame(uintptr_t pc) {
  for (int i = 0; i < nmodules; i++)
    if (pc >= modules[i].base && pc < modules[i].end) {
      printf(" %d:%lx", i, (unsigned long)(pc - modules[i].bias));
      return;
    }
  printf(" -:%lx", (unsigned long)pc);
}

/* The stack that this is called from. */
__attribute__((noinline)) static int stack_here(void) {
  void *pcs[DEPTH_MAX];
  int n = backtrace(pcs, DEPTH_MAX);
  printf("stack %d", ++nstacks);
  for (int i = 1; i < n; i++)
    print_frame((uintptr_t)pcs[i] - 1);
  putchar('\n');
  return nstacks;
}

/* What "allocates".  The barrier keeps calls from becoming jumps. */
#define RETURN(call)                                                           \
  do {                                                                         \
    int id = call;                                                             \
    __asm__ volatile("" ::: "memory");                                         \
    return id;                                                                 \
  } while (0)
__attribute__((always_inline)) static inline int new_node(void) {
  RETURN(stack_here());
}
__attribute__((noinline)) static int make_list(void) { RETURN(new_node()); }
__attribute__((noinline)) static int make_cycle(void) { RETURN(stack_here()); }
__attribute__((noinline)) static int read_line(void) { RETURN(stack_here()); }

static void print_head(const char *reason, int check) {
  printf("cgc-leak 1\nprocess %d ", (int)getpid());
  char path[512] = "";
  if (readlink("/proc/self/exe", path, sizeof path - 1) < 0)
    exit(1);
  print_path(path);
  printf("reason %s check %d\n", reason, check);
  dl_iterate_phdr(add_module, NULL);
}

static void print_sample(const char *reason, int check) {
  print_head(reason, check);
  int list = make_list(), cycle = make_cycle(), line = read_line();
  printf("news of a later version, which nobody knows\n");
  printf("group lost %d 5 105 0 0 %d %d 7f0000000010,7f0000000020 -\n", line,
         check > 1 ? 0 : 5, check > 1 ? 0 : 105);
  printf("group lost %d 1 24 19 856 %d %d 7f0000001000 -\n", list,
         check > 1 ? 4 : 20, check > 1 ? 100 : 880);
  printf("group lost %d 1 24 3 152 %d %d 7f0000002000 -\n", cycle,
         check > 1 ? 0 : 4, check > 1 ? 0 : 176);
  printf("group stack-only %d 1 40 0 0 1 40 7f0000003000 -\n", line);
  printf("group low-confidence %d 1 48 0 0 1 48 7f0000004000 -\n", line);
  printf("group reachable %d 2 64 0 0 2 64 7f0000005000 data:0:%lx\n", cycle,
         (unsigned long)((uintptr_t)&table[2] - modules[0].bias));
  printf("growth %d 4096 16 5\n", line);
  printf("total lost 29 1161\ntotal stack-only 1 40\n");
  printf("total low-confidence 1 48\ntotal reachable 2 64\n");
  printf("end\n");
}

static void print_many(int n) {
  print_head("exit", 1);
  uintptr_t code = (uintptr_t)make_list & ~(uintptr_t)0xfff;
  for (int i = 1; i <= n; i++) {
    printf("stack %d", i);
    for (int k = 0; k < 20; k++)
      print_frame(code + (uintptr_t)((i * 7919 + k * 104729) % 3000));
    printf("\ngroup lost %d 2 %d 0 0 2 %d 7f0000000010 -\n", i, i, i);
  }
  printf("end\n");
}

static void print_badfree(void) {
  printf("cgc-leak 1\n");
  dl_iterate_phdr(add_module, NULL);
  int call = make_list(), alloc = make_cycle(), freed = read_line();
  printf("badfree double 7f0000000010 7f0000000010 32 0 %d %d %d\nend\n", call,
         alloc, freed);
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "sample";
  if (strcmp(what, "many") == 0) {
    print_many(atoi(argv[2]));
  } else if (strcmp(what, "badfree") == 0) {
    print_badfree();
  } else if (strcmp(what, "nothing") == 0) {
    print_head("exit", 1);
    printf("total reachable 3 4096\nend\n");
  } else if (strcmp(what, "again") == 0) {
    print_sample("period", 2);
  } else if (strcmp(what, "fault") == 0) {
    print_head("exit", 1);
    printf("calls any 12\ncalls malloc 7\nfault malloc 3 %d\nend\n",
           make_list());
  } else {
    print_sample("exit", 1);
  }
  return fflush(stdout) != 0;
}
