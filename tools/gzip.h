/* SPDX-License-Identifier: MIT */
/*
 * tools/gzip.h - the gzip format, without compressing.
 *
 * pprof wants its profiles zipped; stored blocks (RFC 1951, 3.2.4) in a gzip
 * member (RFC 1952) are enough, and need no library.
 */
#ifndef CGC_TOOLS_GZIP_H
#define CGC_TOOLS_GZIP_H

#include "base/base.h"

#include <stdio.h>

void cgc_gzip_write(FILE *out, const void *data, size_t n);

#endif
