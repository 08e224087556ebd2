/* SPDX-License-Identifier: MIT */
#include "front/door.h"

#include <dlfcn.h>
#include <link.h>
#include <stdatomic.h>
#include <string.h>

/*
 * The place of a door is a word of its own.  Behind a closed one stands a call
 * of the opener, which keeps the arguments' registers, and the way back to the
 * door.
 */
#define DOOR(name)                                                             \
  extern _Atomic(void *) cgc_door_##name CGC_HIDDEN;                           \
  extern char cgc_own_##name[] CGC_HIDDEN;                                     \
  __asm__(".pushsection .data.cgc_door_" #name ",\"aw\",@progbits\n"           \
          ".balign 8\n"                                                        \
          ".globl cgc_door_" #name "\n"                                        \
          ".hidden cgc_door_" #name "\n"                                       \
          ".type cgc_door_" #name ", @object\n"                                \
          ".size cgc_door_" #name ", 8\n"                                      \
          "cgc_door_" #name ": .quad closed_" #name "\n"                       \
          ".popsection\n"                                                      \
          ".pushsection .text\n"                                               \
          ".balign 16\n"                                                       \
          ".globl " #name "\n"                                                 \
          ".type " #name ", @function\n" #name ":\n"                           \
          "  endbr64\n"                                                        \
          "  jmp *cgc_door_" #name "(%rip)\n"                                  \
          ".size " #name ", .-" #name "\n"                                     \
          "closed_" #name ":\n"                                                \
          "  call cgc_door_open_in_call\n"                                     \
          "  jmp " #name "\n"                                                  \
          ".popsection\n");
#include "front/door.def"
#undef DOOR

/* Called from a closed door: six registers and two return addresses on the
 * stack make it even. */
__asm__(".pushsection .text\n"
        ".type cgc_door_open_in_call, @function\n"
        "cgc_door_open_in_call:\n"
        "  push %rdi\n"
        "  push %rsi\n"
        "  push %rdx\n"
        "  push %rcx\n"
        "  push %r8\n"
        "  push %r9\n"
        "  call cgc_door_open\n"
        "  pop %r9\n"
        "  pop %r8\n"
        "  pop %rcx\n"
        "  pop %rdx\n"
        "  pop %rsi\n"
        "  pop %rdi\n"
        "  ret\n"
        ".size cgc_door_open_in_call, .-cgc_door_open_in_call\n"
        ".popsection\n");

struct loaded {
  bool cgc;
  bool bdwgc;
};

static int look_at_name(struct dl_phdr_info *info, size_t size, void *ctx) {
  struct loaded *loaded = ctx;
  const char *slash = strrchr(info->dlpi_name, '/');
  (void)size;
  if (slash && strcmp(slash, "/libcgc.so.0") == 0)
    loaded->cgc = true;
  if (slash && strcmp(slash, "/libgc.so.1") == 0)
    loaded->bdwgc = true;
  return 0;
}

/* dlopen allocates when it finds nothing, which a program would notice that
 * counts what its malloc does. */
static void *find_bdwgc(void) {
  struct loaded loaded = {false, false};
  dl_iterate_phdr(look_at_name, &loaded);
  if (loaded.cgc || !loaded.bdwgc)
    return NULL;
  return dlopen("libgc.so.1", RTLD_LAZY | RTLD_NOLOAD);
}

static void lead(_Atomic(void *) *place, void *bdwgc, const char *name,
                 void *own) {
  void *there = bdwgc ? dlsym(bdwgc, name) : own;
  atomic_store_explicit(place, there ? there : own, memory_order_relaxed);
}

static void open_to(void *bdwgc) {
#define DOOR(name) lead(&cgc_door_##name, bdwgc, #name, cgc_own_##name);
#include "front/door.def"
#undef DOOR
}

void cgc_door_open(void) { open_to(find_bdwgc()); }

void cgc_door_find(void) {
  void *bdwgc = find_bdwgc();
  if (bdwgc)
    open_to(bdwgc);
}
