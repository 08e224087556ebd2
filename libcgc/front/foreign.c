/* SPDX-License-Identifier: MIT */
#include "front/foreign.h"

#include "front/misuse.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <malloc.h>

struct cgc_loader cgc_loader;
struct cgc_odd cgc_odd = {.len = UINTPTR_MAX};
static bool watched;

/*
 * The loader's ELF header stands in its first page; _r_debug knows where, also
 * when the loader was started as a program and the kernel's AT_BASE is 0.
 */
static struct cgc_loader look_for_loader(void) {
  struct cgc_loader found = {.found = true};
  const ElfW(Ehdr) *elf = (const ElfW(Ehdr) *)_r_debug.r_ldbase;
  uintptr_t base = (uintptr_t)elf;
  if (!elf)
    return found;
  const ElfW(Phdr) *segment = (const ElfW(Phdr) *)(base + elf->e_phoff);
  for (unsigned i = 0; i < elf->e_phnum; i++, segment++)
    if (segment->p_type == PT_LOAD && segment->p_flags & PF_X) {
      found.text = base + segment->p_vaddr;
      found.text_len = segment->p_memsz;
    } else if (segment->p_type == PT_LOAD && segment->p_flags & PF_W) {
      /* Its first malloc takes what is left of the last page, too. */
      found.data = base + segment->p_vaddr;
      found.data_len =
          cgc_round_up(found.data + segment->p_memsz, 4096) - found.data;
    }
  return found;
}

/*
 * The first call of a process comes from the loader, before there are threads.
 * Should two threads ever find it at once they write the same; a reader that
 * sees the old text with the new length takes a call for the program's.
 */
static void find_loader(void) {
  if (!cgc_loader.found) {
    cgc_loader = look_for_loader();
    if (!watched)
      cgc_odd = (struct cgc_odd){cgc_loader.text, cgc_loader.text_len};
  }
}

bool cgc_foreign_is_loader(uintptr_t pc) {
  find_loader();
  return pc - cgc_loader.text < cgc_loader.text_len;
}

void cgc_foreign_watch(void) {
  watched = true;
  cgc_odd = (struct cgc_odd){.len = UINTPTR_MAX};
}

static bool is_loader_data(const void *ptr) {
  find_loader();
  return (uintptr_t)ptr - cgc_loader.data < cgc_loader.data_len;
}

/* Whether anybody has allocated from glibc's heap, ever. */
static bool glibc_has_heap(void) {
  struct mallinfo2 (*info)(void) =
      (struct mallinfo2(*)(void))dlsym(RTLD_NEXT, "mallinfo2");
  if (!info)
    return false;
  struct mallinfo2 m = info();
  return m.arena + m.hblkhd > 0;
}

static void *glibc_function(const char *name) {
  return glibc_has_heap() ? dlsym(RTLD_NEXT, name) : NULL;
}

void cgc_foreign_free(void *ptr, uintptr_t pc) {
  int saved = errno;
  if (cgc_foreign_is_loader(pc) || is_loader_data(ptr))
    return;
  void (*glibc_free)(void *) = (void (*)(void *))glibc_function("free");
  if (glibc_free)
    glibc_free(ptr);
  else
    cgc_misuse_free(CGC_MISUSE_NOT_HEAP, ptr, NULL);
  errno = saved;
}

void *cgc_foreign_realloc(void *ptr, size_t size) {
  void *(*glibc_realloc)(void *, size_t) =
      (void *(*)(void *, size_t))glibc_function("realloc");
  if (glibc_realloc)
    return glibc_realloc(ptr, size);
  /* Its size is known to nobody, so it can't be copied either. */
  cgc_misuse_free(CGC_MISUSE_NOT_HEAP, ptr, NULL);
  errno = ENOMEM;
  return NULL;
}

size_t cgc_foreign_usable(void *ptr) {
  size_t (*glibc_usable)(void *) =
      (size_t(*)(void *))glibc_function("malloc_usable_size");
  return glibc_usable ? glibc_usable(ptr) : 0;
}
