/* SPDX-License-Identifier: MIT */
#include "gzip.h"

enum { STORED_MAX = 0xffff };

static void little_endian(FILE *out, uint32_t n, int nbytes) {
  for (; nbytes > 0; nbytes--, n >>= 8)
    fputc((int)(n & 0xff), out);
}

/* CRC-32 as in ISO 3309. */
static uint32_t checksum(const unsigned char *data, size_t n) {
  uint32_t table[256], crc = UINT32_MAX;
  for (uint32_t i = 0; i < 256; i++) {
    table[i] = i;
    for (int bit = 0; bit < 8; bit++)
      table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320u : 0);
  }
  for (size_t i = 0; i < n; i++)
    crc = table[(crc ^ data[i]) & 0xff] ^ crc >> 8;
  return ~crc;
}

void cgc_gzip_write(FILE *out, const void *data, size_t n) {
  /* Magic, deflate, no flags, no time, no hints, Unix. */
  static const unsigned char head[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
  const unsigned char *bytes = data;
  size_t left = n, block;
  fwrite(head, 1, sizeof head, out);
  do {
    block = cgc_min(left, STORED_MAX);
    fputc(block == left, out); /* the last one; stored */
    little_endian(out, (uint32_t)block, 2);
    little_endian(out, ~(uint32_t)block, 2);
    fwrite(bytes, 1, block, out);
    bytes += block;
    left -= block;
  } while (left);
  little_endian(out, checksum(data, n), 4);
  little_endian(out, (uint32_t)n, 4);
}
