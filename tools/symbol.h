/* SPDX-License-Identifier: MIT */
/*
 * tools/symbol.h - the names of addresses.
 *
 * A tool that reads another process's addresses, now or from a file, asks
 * here for function, file and line, the functions inlined there, or the
 * variable.  It asks about a file's addresses, those that stand in the ELF
 * file and its debug information (of a process: address - load bias), so that
 * an answer doesn't need the process, nor the module to be loaded still.
 *
 *   cgc_symbols             one cache
 *    └ cgc_symbol_module    a file: path and build id; opened at first need
 *       ├ symbol tables     .symtab, .dynsym, .gnu_debugdata
 *       ├ units             address range → compilation unit
 *       └ code              address → its frames, as found
 *
 * Debug information of its own file is found by .gnu_debuglink and under
 * /usr/lib/debug/.build-id, also when the module itself is gone.  elfutils'
 * libdw does the reading.  It allocates, and is linked only into the programs
 * that use this, never into cgc, whose "run" has to start quickly.
 *
 * I1  A module whose file has another build id than the one asked for has no
 *     names but those of a debug file with the right one: no wrong answers.
 * I2  Every string handed out lives as long as the cache.
 *
 * One thread at a time.  Without memory the program ends (tools/store).
 */
#ifndef CGC_TOOLS_SYMBOL_H
#define CGC_TOOLS_SYMBOL_H

#include "base/base.h"

struct cgc_symbols;
struct cgc_symbol_module;

/* One line of a stack. */
struct cgc_symbol_frame {
  const char *function; /* demangled; NULL: not known */
  const char *file;     /* as the compiler was told, absolute where it can
                           be; NULL: not known */
  unsigned line;        /* 0: not known */
  unsigned column;      /* 0: not known */
  bool inlined;         /* into the frame that follows */
};

/* A variable, or a function, and where in it. */
struct cgc_symbol_name {
  const char *name; /* demangled */
  uint64_t offset;  /* of the address asked for */
  uint64_t size;    /* of the symbol; 0: not known */
};

/**
 * Make an empty cache.
 * debug_dir  where debug information stands besides /usr/lib/debug, or NULL
 */
struct cgc_symbols *cgc_symbols_open(const char *debug_dir);

/** Free the cache and all that it handed out. */
void cgc_symbols_close(struct cgc_symbols *s);

/**
 * Find the module of a file; nothing is opened yet.
 * path      the file's
 * build_id  in hex digits; NULL, "" or "-": any
 * returns   the same one for the same arguments
 */
struct cgc_symbol_module *cgc_symbol_module(struct cgc_symbols *s,
                                            const char *path,
                                            const char *build_id);

/**
 * Say which functions stand at an address of code, innermost first; all but
 * the last are inlined.  Of a caller ask for the return address - 1.
 * frames    set to the frames, which live as long as the cache
 * returns   how many; 0 when nothing is known of the address
 */
size_t cgc_symbol_code(struct cgc_symbol_module *m, uint64_t addr,
                       const struct cgc_symbol_frame **frames);

/**
 * Say which variable an address of data belongs to (or which function).
 * returns   false when no symbol holds it
 */
bool cgc_symbol_data(struct cgc_symbol_module *m, uint64_t addr,
                     struct cgc_symbol_name *name);

/** The path and the build id ("" when not known) as they were asked for. */
const char *cgc_symbol_path(const struct cgc_symbol_module *m);
const char *cgc_symbol_build_id(const struct cgc_symbol_module *m);

/** Has the module any names at all?  Opens it. */
bool cgc_symbol_readable(struct cgc_symbol_module *m);

#endif
