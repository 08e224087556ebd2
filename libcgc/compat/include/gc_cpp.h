/* SPDX-License-Identifier: MIT */
/* <gc_cpp.h>: the contract stands in gc/gc_cpp.h. */
#include "gc/gc_cpp.h"
