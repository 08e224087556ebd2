/* SPDX-License-Identifier: MIT */
#include "symbol.h"

#include "demangle.h"
#include "map.h"
#include "source.h"
#include "store.h"

#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEBUG_DIR "/usr/lib/debug"

struct frames {
  struct cgc_symbol_frame *array;
  size_t n;
};

struct cgc_symbol_module {
  struct cgc_symbol_module *next;
  struct cgc_symbols *cache;
  const char *path;
  const char *build_id; /* "" when not known */
  bool opened;          /* tried to, at least */
  Dwfl *dwfl;
  Dwfl_Module *file;         /* NULL: not there, or another one (I1) */
  struct cgc_source *source; /* NULL: no DWARF */
  Dwarf_Addr source_bias;    /* the file's addresses less the DWARF's */
  struct cgc_map code;       /* address → struct frames, as found */
};

struct cgc_symbols {
  struct cgc_store *store;
  struct cgc_symbol_module *modules;
  const char *debug_dir; /* NULL: only the usual one */
  char *search_path;     /* of libdwfl; malloc'ed */
  Dwfl_Callbacks callbacks;
};

struct cgc_symbols *cgc_symbols_open(const char *debug_dir) {
  struct cgc_store *store = cgc_store_open();
  struct cgc_symbols *s = cgc_store_alloc(store, sizeof *s);
  const char *path;
  s->store = store;
  s->debug_dir = debug_dir;
  /* "+" asks for the checksum of what .gnu_debuglink names. */
  path = cgc_store_format(store, "+:.debug:%s%s%s", debug_dir ? debug_dir : "",
                          debug_dir ? ":" : "", DEBUG_DIR);
  s->search_path = (char *)path;
  s->callbacks.find_elf = dwfl_build_id_find_elf;
  s->callbacks.find_debuginfo = dwfl_standard_find_debuginfo;
  s->callbacks.section_address = dwfl_offline_section_address;
  s->callbacks.debuginfo_path = &s->search_path;
  return s;
}

void cgc_symbols_close(struct cgc_symbols *s) {
  for (struct cgc_symbol_module *m = s->modules; m; m = m->next) {
    cgc_map_clear(&m->code);
    if (m->dwfl)
      dwfl_end(m->dwfl);
  }
  cgc_store_close(s->store);
}

struct cgc_symbol_module *cgc_symbol_module(struct cgc_symbols *s,
                                            const char *path,
                                            const char *build_id) {
  struct cgc_symbol_module *m;
  if (!build_id || strcmp(build_id, "-") == 0)
    build_id = "";
  for (m = s->modules; m; m = m->next)
    if (strcmp(m->path, path) == 0 && strcmp(m->build_id, build_id) == 0)
      return m;
  m = cgc_store_alloc(s->store, sizeof *m);
  m->cache = s;
  m->path = cgc_store_intern(s->store, path, strlen(path));
  m->build_id = cgc_store_intern(s->store, build_id, strlen(build_id));
  m->next = s->modules;
  s->modules = m;
  return m;
}

const char *cgc_symbol_path(const struct cgc_symbol_module *m) {
  return m->path;
}

const char *cgc_symbol_build_id(const struct cgc_symbol_module *m) {
  return m->build_id;
}

/* ---- opening ----------------------------------------------------------- */

static bool has_build_id(Dwfl_Module *file, const char *build_id) {
  const unsigned char *bits;
  GElf_Addr vaddr;
  int n = dwfl_module_build_id(file, &bits, &vaddr);
  if (n <= 0 || strlen(build_id) != 2 * (size_t)n)
    return false;
  for (int i = 0; i < n; i++) {
    char hex[3];
    snprintf(hex, sizeof hex, "%02x", bits[i]);
    if (strncasecmp(hex, build_id + 2 * i, 2) != 0)
      return false;
  }
  return true;
}

/* Open the file at PATH for M, if it is the right one. */
static bool open_file(struct cgc_symbol_module *m, const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return false;
  m->dwfl = dwfl_begin(&m->cache->callbacks);
  if (m->dwfl)
    m->file = dwfl_report_elf(m->dwfl, path, path, fd, 0, true);
  if (m->file) {
    dwfl_report_end(m->dwfl, NULL, NULL);
    if (!m->build_id[0] || has_build_id(m->file, m->build_id))
      return true;
  } else {
    close(fd);
  }
  dwfl_end(m->dwfl);
  m->dwfl = NULL;
  m->file = NULL;
  return false;
}

/* Open the debug file that stands in DIR under M's build id. */
static bool open_debug_file(struct cgc_symbol_module *m, const char *dir) {
  const char *id = m->build_id;
  if (!dir || strlen(id) < 3)
    return false;
  return open_file(m, cgc_store_format(m->cache->store,
                                       "%s/.build-id/%.2s/%s.debug", dir, id,
                                       id + 2));
}

static void open_module(struct cgc_symbol_module *m) {
  Dwarf *dwarf;
  m->opened = true;
  if (!open_file(m, m->path) && !open_debug_file(m, m->cache->debug_dir) &&
      !open_debug_file(m, DEBUG_DIR))
    return;
  dwarf = dwfl_module_getdwarf(m->file, &m->source_bias);
  if (dwarf)
    m->source = cgc_source_open(m->cache->store, dwarf);
}

static bool ready(struct cgc_symbol_module *m) {
  if (!m->opened)
    open_module(m);
  return m->file != NULL;
}

bool cgc_symbol_readable(struct cgc_symbol_module *m) {
  return ready(m) && (m->source || dwfl_module_getsymtab(m->file) > 1);
}

/* ---- asking ------------------------------------------------------------ */

bool cgc_symbol_data(struct cgc_symbol_module *m, uint64_t addr,
                     struct cgc_symbol_name *name) {
  const char *found;
  GElf_Off offset;
  GElf_Sym sym;
  if (!ready(m))
    return false;
  found = dwfl_module_addrinfo(m->file, addr, &offset, &sym, NULL, NULL, NULL);
  /* Without a size a symbol reaches to the next one, as far as anyone knows;
     with one it ends.  A version's name stands nowhere. */
  if (!found || sym.st_shndx == SHN_ABS ||
      (sym.st_size && offset >= sym.st_size))
    return false;
  name->name = cgc_demangle(m->cache->store, found);
  name->offset = offset;
  name->size = sym.st_size;
  return true;
}

/* One frame from the symbol table alone. */
static size_t frames_by_symbol(struct cgc_symbol_module *m, uint64_t addr,
                               struct cgc_symbol_frame **frames) {
  struct cgc_symbol_name name;
  if (!cgc_symbol_data(m, addr, &name))
    return 0;
  *frames = cgc_store_alloc(m->cache->store, sizeof **frames);
  (*frames)->function = name.name;
  return 1;
}

static size_t find_frames(struct cgc_symbol_module *m, uint64_t addr,
                          struct cgc_symbol_frame **frames) {
  struct cgc_symbol_name name;
  size_t n = 0;
  if (m->source)
    n = cgc_source_frames(m->source, addr - m->source_bias, frames);
  if (n == 0)
    return frames_by_symbol(m, addr, frames);
  /* A line without a function: assembler. */
  if (!(*frames)[n - 1].function && cgc_symbol_data(m, addr, &name))
    (*frames)[n - 1].function = name.name;
  return n;
}

size_t cgc_symbol_code(struct cgc_symbol_module *m, uint64_t addr,
                       const struct cgc_symbol_frame **frames) {
  void **place;
  struct frames *found;
  *frames = NULL;
  if (!ready(m))
    return 0;
  place = cgc_map_place(&m->code, addr);
  found = *place;
  if (!found) {
    *place = found = cgc_store_alloc(m->cache->store, sizeof *found);
    found->n = find_frames(m, addr, &found->array);
  }
  *frames = found->array;
  return found->n;
}
