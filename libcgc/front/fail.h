/* SPDX-License-Identifier: MIT */
/*
 * front/fail.h - calls of the malloc family that are made to fail.
 *
 * CGC_LEAK=on:fail=KIND@WHICH[,KIND@WHICH...]: what a program loses on the way
 * out of an error shows only if there is an error.
 *
 *   KIND    malloc, calloc, realloc, aligned, any (all in one sequence); what
 *           strdup and operator new call counts as what they call
 *   WHICH   N: the N-th call, from 1; all; P%: so many of a hundred, the same
 *           ones in each run with one thread; none: calls are only counted
 *
 * The loader's own calls neither count nor fail.
 *
 * Who comes in: front/malloc while leaks are looked for, front/leak.
 * Locks: none.
 */
#ifndef CGC_FRONT_FAIL_H
#define CGC_FRONT_FAIL_H

#include "base/base.h"

enum cgc_fail_kind {
  CGC_FAIL_MALLOC,
  CGC_FAIL_CALLOC,
  CGC_FAIL_REALLOC,
  CGC_FAIL_ALIGNED,
  CGC_FAIL_ANY,
  CGC_FAIL_KINDS
};

extern const char *const cgc_fail_words[CGC_FAIL_KINDS];

/**
 * Read TEXT, up to a colon or its end; before there are threads.
 * returns  what is wrong with it, or NULL
 */
const char *cgc_fail_parse(const char *text);

/**
 * Count a call of KIND; in a process that does not report nothing fails.
 * number   out: which call of the kind that fails it is
 * returns  the kind that was asked to fail with it, or CGC_FAIL_KINDS: none
 */
enum cgc_fail_kind cgc_fail_count(enum cgc_fail_kind kind, uint64_t *number);

/** Calls of KIND so far; 0 unless CGC_LEAK has fail=. */
uint64_t cgc_fail_calls(enum cgc_fail_kind kind);

/* A call that was made to fail. */
struct cgc_fault {
  enum cgc_fail_kind kind;
  uint32_t stack;
  uint64_t number;
};

enum { CGC_FAULTS_MAX = 1024 };

/** Note a fault; those after the first CGC_FAULTS_MAX are not kept. */
void cgc_fail_note(struct cgc_fault fault);

/** The I-th fault.  returns  false: there is none */
bool cgc_fail_get(size_t i, struct cgc_fault *fault);

#endif
