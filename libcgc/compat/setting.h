/* SPDX-License-Identifier: MIT */
/*
 * compat/setting.h - settings that are kept and told, and mean nothing here.
 *
 * They steer bdwgc's incremental collection, its black lists, its generations
 * or its marker threads.  A program that sets one and reads it back finds what
 * it set.
 *
 * Who comes in: the program.  Locks: none; a word each.
 */
#ifndef CGC_COMPAT_SETTING_H
#define CGC_COMPAT_SETTING_H

#include "compat/variable.h"

#endif
