/* SPDX-License-Identifier: MIT */
/*
 * tools/heap-table.h - answers, as lines for people or as JSON.
 *
 * An answer is one table or several: each has a name and rows of cells.  For
 * people a row is a line of columns under a heading; as JSON it is an object
 * whose members have the columns' names, and the answer is
 *
 *   {"spans":[{"address":"0x...","pages":1,...},...],...}
 *
 * Addresses are strings there, since JSON numbers lose the last bits.
 */
#ifndef CGC_TOOLS_HEAP_TABLE_H
#define CGC_TOOLS_HEAP_TABLE_H

#include "base/base.h"

#include <stdio.h>

struct cgc_table_out {
  FILE *file;
  bool json;
  bool in_row;
  unsigned ntables;
  unsigned nrows;
};

void cgc_out_open(struct cgc_table_out *o, bool json);
/** returns  false when it could not all be written */
bool cgc_out_close(struct cgc_table_out *o);

/** Begin the table called NAME; HEADING is a line for people, or NULL. */
void cgc_out_table(struct cgc_table_out *o, const char *name,
                   const char *heading);
void cgc_out_end_table(struct cgc_table_out *o);

void cgc_out_row(struct cgc_table_out *o);
void cgc_out_end_row(struct cgc_table_out *o);

/* One cell; WIDTH is the column's for people: negative is flush left. */
void cgc_out_text(struct cgc_table_out *o, const char *name, int width,
                  const char *fmt, ...) CGC_PRINTF(4, 5);
void cgc_out_number(struct cgc_table_out *o, const char *name, int width,
                    uint64_t n);
void cgc_out_signed(struct cgc_table_out *o, const char *name, int width,
                    int64_t n);
void cgc_out_address(struct cgc_table_out *o, const char *name, int width,
                     uint64_t addr);

/** LABEL and N lines under the row, for people; as JSON a list of strings. */
void cgc_out_list(struct cgc_table_out *o, const char *name, const char *label,
                  const char *const *line, size_t n);

/** A line for people only. */
void cgc_out_line(struct cgc_table_out *o, const char *fmt, ...)
    CGC_PRINTF(2, 3);

/** BYTES in BUF as "12.3 MiB". */
const char *cgc_out_size(char buf[24], uint64_t bytes);

#endif
