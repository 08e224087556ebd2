/* SPDX-License-Identifier: MIT */
/*
 * base/option.h - the options table: option.def made into one struct.
 *
 * Read once, from the environment that the kernel put on the stack (environ
 * is not set yet when ld.so makes the first call to malloc).  Ignored when
 * the process runs with somebody else's rights (AT_SECURE).  A bad value or
 * an unknown CGC_ name gets one warning; the default stays.
 *
 * Who comes in: front/init reads them, everybody looks.  Const after init,
 * but for cgc_option_set() before the first collection.
 */
#ifndef CGC_BASE_OPTION_H
#define CGC_BASE_OPTION_H

#include "base/base.h"

enum cgc_mode { CGC_MODE_STW, CGC_MODE_INCREMENTAL, CGC_MODE_CONCURRENT };
enum cgc_free_mode {
  CGC_FREE_HONOUR,
  CGC_FREE_IGNORE,
  CGC_FREE_WATCH /* honoured and noted: no value of the option */
};
enum cgc_hugepages {
  CGC_HUGEPAGES_AUTO,
  CGC_HUGEPAGES_ALWAYS,
  CGC_HUGEPAGES_NEVER
};
enum cgc_bad_free {
  CGC_BAD_FREE_ABORT,
  CGC_BAD_FREE_WARN,
  CGC_BAD_FREE_IGNORE
};

struct cgc_options {
#define CGC_OPTION(id, type, name, def, min, max, doc) int64_t id;
#define CGC_CHOICE(id, name, def, words, doc) int64_t id;
#include "base/option.def"
#undef CGC_OPTION
#undef CGC_CHOICE
};

extern CGC_HIDDEN struct cgc_options cgc_options;

/**
 * Take the CGC_ variables of the environment ENVP (NULL-terminated).
 */
void cgc_option_read(char *const *envp);

/**
 * Set the option called NAME ("CGC_PERCENT") from text.
 * returns  0, -ENOENT for an unknown name, -EINVAL for a bad value
 */
int cgc_option_set(const char *name, const char *value);

/**
 * The value of the option called NAME.
 * returns  0, or -ENOENT
 */
int cgc_option_get(const char *name, int64_t *value);

#endif
