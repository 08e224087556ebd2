/* SPDX-License-Identifier: MIT */
/*
 * mark/table.h - a hash table from an address to three words.
 *
 * Open addressing in one array, which doubles when it is three quarters full
 * and halves when it is an eighth full:
 *
 *   records   | . | a | b | . | c | . | . | d |      home(key) = hash(key)
 *                   ^   '- home was a's place, so it stands one further
 *
 * A record is removed by moving back those behind it that are out of place,
 * so nothing is left behind and a table that is used forever stays as fast
 * as a new one.
 *
 *   I1  n == number of records with a key, and n <= 3/4 of the capacity.
 *   I2  Between a record's home and the record no place is empty.
 *
 * Who comes in: mark/link, mark/final.  Calls: heap/meta.  The array is the
 * collector's own memory: what stands in it keeps nothing alive.
 * Locks: the owner's.  Source: Knuth, volume 3, 6.4, algorithm R.
 */
#ifndef CGC_MARK_TABLE_H
#define CGC_MARK_TABLE_H

#include "base/base.h"

enum { CGC_RECORD_WORDS = 3 };

struct cgc_record {
  uintptr_t key; /* 0: empty */
  uintptr_t word[CGC_RECORD_WORDS];
};

/* All zero: an empty table. */
struct cgc_table {
  struct cgc_record *records;
  size_t n;
  unsigned log2; /* of the capacity, if there are records */
};

/** The record of KEY, or NULL.  Valid until the next insert or remove. */
struct cgc_record *cgc_table_find(const struct cgc_table *table, uintptr_t key);

/**
 * The record of KEY; a new one has all words 0.  Directly after a remove this
 * needs no memory.
 * key      not 0
 * returns  NULL when there is no memory; the table is as it was
 */
struct cgc_record *cgc_table_insert(struct cgc_table *table, uintptr_t key);

/**
 * Remove RECORD.  Another may stand in its place afterwards, so a walk looks
 * at that place again; every other record that the walk has not seen is still
 * ahead of it.
 */
void cgc_table_remove(struct cgc_table *table, struct cgc_record *record);

/** Halve the table as often as it is too empty; not in a walk. */
void cgc_table_shrink(struct cgc_table *table);

/** Remove all records and free the array. */
void cgc_table_clear(struct cgc_table *table);

/** Number of places; those of `records` with a key hold something. */
CGC_INLINE size_t cgc_table_capacity(const struct cgc_table *table) {
  return table->records ? (size_t)1 << table->log2 : 0;
}

/** Assert I1 and I2. */
void cgc_table_check(const struct cgc_table *table);

#endif
