/* SPDX-License-Identifier: MIT */
/*
 * tools/source.h - the places in the source that an address comes from.
 *
 * Reads one file's DWARF.  The ranges of all compilation units are collected
 * once and sorted, since .debug_aranges is missing from what clang compiles;
 * then an address gives its unit, the unit's tree the functions around the
 * address, its line table file and line.
 *
 * Addresses are those that the DWARF has; the caller takes a bias away.
 */
#ifndef CGC_TOOLS_SOURCE_H
#define CGC_TOOLS_SOURCE_H

#include "store.h"
#include "symbol.h"

#include <elfutils/libdw.h>

struct cgc_source;

/** Read the units of DWARF, which has to stay open; its memory and all
 * strings come from STORE. */
struct cgc_source *cgc_source_open(struct cgc_store *store, Dwarf *dwarf);

/**
 * Find the functions at ADDR, innermost first, and where each one stands.
 * frames    set to them, in the store's memory
 * returns   how many; 0 when no unit has the address
 */
size_t cgc_source_frames(struct cgc_source *s, uint64_t addr,
                         struct cgc_symbol_frame **frames);

#endif
