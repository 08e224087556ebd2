/* SPDX-License-Identifier: MIT */
/*
 * tools/listing.h - the lines around some places of the source.
 *
 * Places are gathered first; then each file is read once, if it is there.
 */
#ifndef CGC_TOOLS_LISTING_H
#define CGC_TOOLS_LISTING_H

#include "store.h"

#include <stdio.h>

struct cgc_listing;

struct cgc_listing *cgc_listing_open(void);
void cgc_listing_close(struct cgc_listing *listing);

/** Ask for a line of a file, and three before and behind it. */
void cgc_listing_add(struct cgc_listing *listing, const char *file,
                     unsigned line);

/** Print {FILE: {LINE: TEXT, ...}, ...} for what could be read. */
void cgc_listing_print(FILE *out, const struct cgc_listing *listing);

#endif
